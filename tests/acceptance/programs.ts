// Where are the programs of `examples/`, and how are they compiled in tests? With the steps of their outer loops changed
// where a test says so, and with nothing else changed.
import { compile, type Experiment } from "../../mod.ts";

const folder = new URL("../../examples/", import.meta.url);

/** The text of an example. */
export function exampleText(name: string): string {
  return Deno.readTextFileSync(new URL(name, folder));
}

/** Compiles a text as if it stood in `examples/`. */
export function compileInExamples(text: string, name: string, inputs: Record<string, number> = {}): Experiment {
  return compile(text, {
    name,
    inputs,
    read: (path) => {
      try {
        return Deno.readFileSync(new URL(path, folder));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
  });
}

/** A text with its one occurrence of `from` replaced. Throws Error when it does not occur exactly once. */
export function replaceOnce(text: string, from: string, to: string): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`"${from}" occurs ${parts.length - 1} times`);
  return parts.join(to);
}

/** The items of a program in another order: each begins at a line that starts with a word and is not inside braces. The
 *  first, `edition`, stays. */
export function reorderItems(text: string, order: (n: number) => number[]): string {
  const items: string[] = [];
  let depth = 0;
  let current: string[] = [];
  for (const line of text.split("\n")) {
    const starts = depth === 0 && /^(\/\/\/|[a-z])/.test(line) && !/^(wrt|expect)\b/.test(line);
    const continues = current.length > 0 && current.every((l) => l.startsWith("///"));
    if (starts && !continues && current.length > 0) {
      items.push(current.join("\n"));
      current = [];
    }
    current.push(line);
    const code = line.replace(/\/\/.*/, "");
    depth += code.split("{").length - code.split("}").length;
  }
  items.push(current.join("\n"));
  const [first, ...rest] = items;
  return [first, ...order(rest.length).map((i) => rest[i])].join("\n");
}

/** `warm_reweighting.meta` without its weights: the same data, network, rule, decay, batches and steps, and all examples count alike. */
export function withoutWeights(text: string): string {
  return `${text.slice(0, text.indexOf("model trust"))}
inner fit {
  minimize cross_entropy(net(noisy.x), noisy.y) + 1e-4 * sum(net^2)
  over     net
  by       sgd(lr = 0.1, momentum = 0.9)
  for      T = 1_500 steps
  batch    100 of noisy
}
override fit { lr@t = 0.1 * step_decay(t, 0.1, 1_000) }
evaluate held_out { report accuracy(net@T(held.x), held.y) }
`;
}

/** The programs that stand for papers: short enough to be run as they are (paper_programs_test.ts). */
export const paperPrograms = [
  "hyper_cleaning",
  "hyper_cleaning_unrolled",
  "learned_schedule",
  "truncated_long_loop",
  "three_levels",
  "imaml",
  "reptile",
  "anil",
  "meta_sgd",
  "darts",
  "maml_pp",
  "warm_reweighting",
  "persistent_optimizer",
  "distillation",
] as const;
