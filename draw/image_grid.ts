// How do many images become one? In rows and columns with a gap between, each entry a pixel; what is least black, what is largest white, and
// what is not finite red.
import type { Images } from "./report.ts";
import type { Pixels } from "./png.ts";

const gap = 2;

/** Columns of a grid that is about as wide as a page is. */
export function columnsOf({ width, count }: Pick<Images, "width" | "count">): number {
  return Math.max(1, Math.min(count, Math.max(5, Math.floor(320 / (width + gap)))));
}

/** All of them as one image. */
export function gridOf(images: Images): Pixels {
  const { width, height, count, channels, pixels, range: [low, high] } = images;
  const columns = columnsOf(images);
  const rows = Math.ceil(count / columns);
  const [wide, tall] = [columns * (width + gap) - gap, rows * (height + gap) - gap];
  const size = width * height * channels;
  const odd = channels === 1 && hasOdd(pixels, count * size);
  const drawn = odd ? 3 : channels;
  const bytes = new Uint8Array(wide * tall * drawn).fill(255);
  const span = high / 2 - low / 2;
  const shade = (value: number) => span > 0 ? Math.round(255 * (value / 2 - low / 2) / span) : 128;
  for (let k = 0; k < count; k++) {
    const [left, top] = [(k % columns) * (width + gap), Math.floor(k / columns) * (height + gap)];
    for (let i = 0; i < width * height; i++) {
      const at = ((top + Math.floor(i / width)) * wide + left + i % width) * drawn;
      const from = k * size + i * channels;
      for (let c = 0; c < drawn; c++) {
        const value = pixels[from + (channels === 1 ? 0 : c)]!;
        bytes[at + c] = Number.isFinite(value) ? shade(value) : c === 0 && drawn === 3 ? 255 : 0;
      }
    }
  }
  return { width: wide, height: tall, channels: drawn, bytes };
}

function hasOdd(values: ArrayLike<number>, length: number): boolean {
  for (let i = 0; i < length; i++) if (!Number.isFinite(values[i]!)) return true;
  return false;
}
