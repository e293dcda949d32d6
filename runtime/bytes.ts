// How are numbers of bytes written and read? In decimal units, as `memory 2 GB` says them; binary ones are understood. Pieces are joined
// here, too.

const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** `40 GB`, `1.5 MB`: in powers of 1000. */
export function formatBytes(bytes: number): string {
  const { amount, unit } = scaled(bytes);
  const text = amount >= 1e15 ? amount.toExponential(1) : String(Math.round(amount * 10) / 10);
  return `${amount >= 100 && amount < 1e15 ? Math.round(amount) : text} ${unit}`;
}

/** At least so many bytes, as a program writes them: `1.3 MB`. */
export function formatBytesUp(bytes: number): string {
  const { amount, unit } = scaled(Math.max(1000, bytes));
  return `${Math.ceil(amount * 10) / 10} ${unit}`;
}

function scaled(bytes: number): { amount: number; unit: string } {
  let k = 0;
  let amount = bytes;
  while (amount >= 1000 && k < units.length - 1) [amount, k] = [amount / 1000, k + 1];
  return { amount, unit: units[k]! };
}

/** Pieces as one. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  pieces.reduce((at, piece) => (bytes.set(piece, at), at + piece.length), 0);
  return bytes;
}

/** The units that can be written. */
export const byteUnits: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["kB", 1e3],
  ["MB", 1e6],
  ["GB", 1e9],
  ["TB", 1e12],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
  ["TiB", 2 ** 40],
]);

/** The bytes that a text such as `2 GB`, `2GB` or `500000` stands for; undefined for any other. */
export function parseBytes(text: string): number | undefined {
  const parts = /^\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([A-Za-z]*)\s*$/.exec(text);
  const unit = parts && byteUnits.get(parts[2] || "B");
  const bytes = parts && unit ? Number(parts[1]) * unit : NaN;
  return bytes > 0 && Number.isFinite(bytes) ? bytes : undefined;
}
