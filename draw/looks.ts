// By what is a line told from the others? Eight colours that colour-blind readers tell apart (Okabe & Ito 2008, the yellow left out, which
// white paper swallows), and when these are used up the same with other dashes.

/** How a line looks. */
export interface Look {
  readonly color: string;
  /** Lengths of dashes and gaps; none where it is drawn through. */
  readonly dashes: string;
  /** The colour of a terminal that is nearest, of the 256. */
  readonly terminal: number;
}

const colors: readonly (readonly [color: string, terminal: number])[] = [
  ["#0072b2", 32], // blue
  ["#d55e00", 166], // vermilion
  ["#009e73", 36], // bluish green
  ["#cc79a7", 175], // reddish purple
  ["#e69f00", 214], // orange
  ["#56b4e9", 117], // sky blue
  ["#000000", 255], // black, and on dark terminals white
];

// neighbours differ by dashes, too, so that they are told apart without colours
const dashes: readonly string[] = ["", "6 3", "2 2", "8 3 2 3", "12 3", "1 3", "5 2 1 2 1 2"];

/** So many lines look each other way. */
export const looksThere = colors.length * dashes.length;

/** The look with a number, from 0. */
export function lookOf(number: number): Look {
  const [color, terminal] = colors[number % colors.length]!;
  const turn = Math.floor(number / colors.length);
  return { color, terminal, dashes: dashes[(number + turn) % dashes.length]! };
}
