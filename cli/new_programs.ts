// Which programs does `meta.ts new` write? Files of `cli/new/`, which come along with the command line wherever it was imported from;
// their data does, too, as text, since nothing else is imported without a flag, and is taken when it is asked for.
import distill from "./new/distill.meta" with { type: "text" };
import fewShot from "./new/few_shot.meta" with { type: "text" };
import hyper from "./new/hyper.meta" with { type: "text" };
import learnedOptimizer from "./new/learned_optimizer.meta" with { type: "text" };
import maml from "./new/maml.meta" with { type: "text" };

/** A program to begin from. */
export interface NewProgram {
  /** What it does, in half a sentence. */
  readonly about: string;
  readonly text: string;
  /** The name of the file that it reads. */
  readonly data?: keyof typeof dataFiles;
}

/** What each file of data holds. */
const dataFiles = {
  "letters.npz": async () =>
    Uint8Array.fromBase64((await import("./new/letters.npz.base64", { with: { type: "text" } })).default),
  "digits.csv": async () =>
    new TextEncoder().encode((await import("./new/digits.csv", { with: { type: "text" } })).default),
} satisfies Readonly<Record<string, () => Promise<Uint8Array<ArrayBuffer>>>>;

/** The programs by the words that `--from` takes. */
export const newPrograms: Readonly<Record<string, NewProgram>> = {
  maml: { about: "MAML on sine waves: where one step of learning begins", text: maml },
  few_shot: {
    about: "MAML on letters of scripts that were never seen, one drawing of each",
    text: fewShot,
    data: "letters.npz",
  },
  hyper: { about: "rate, momentum and penalty of training, by their derivatives", text: hyper, data: "digits.csv" },
  distill: { about: "ten images of which a network learns digits", text: distill, data: "digits.csv" },
  learned_optimizer: { about: "a small network that says how each step goes", text: learnedOptimizer },
};

/** The program that is written when none is named. */
export const usualProgram = "maml";

/** The bytes of a file of data. */
export const dataOf = (file: keyof typeof dataFiles): Promise<Uint8Array> => dataFiles[file]();
