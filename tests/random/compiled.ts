// What comes of a random program? It is compiled, what its estimators cannot see is taken out of what it differentiates for, and
// it runs.
import { type CompileOutput, compileProgram } from "../../dsl/compile.ts";
import type { Diagnostic } from "../../dsl/diagnostics/diagnostic.ts";
import type { Instance } from "../../dsl/world/instance.ts";
import { parseProgram } from "../../dsl/parse/parse.ts";
import type { HostArray } from "../../runtime/ir/types.ts";
import { encodeSafetensors } from "../../runtime/program/safetensors.ts";
import { joined } from "../joined.ts";
import type { RandomProgram } from "./definitions.ts";

/** What the root file is called, unless said. */
export const rootName = "program.meta";

/** The seed that programs run with. */
export const runSeed = 5;

/** Compiles files. */
export function compileFiles(
  { text, files }: RandomProgram,
  name = rootName,
  instance?: Instance,
  seed = runSeed,
): CompileOutput {
  return compileProgram({
    seed,
    root: { name, text },
    readSource: (path) => files.get(path.replace(/^\.\//, "")),
    readData: (path) => path.endsWith(".safetensors") ? storedFile(files.get(path)) : undefined,
    ...(instance && { instance }),
  });
}

/** The bytes of a file of tensors. */
function storedFile(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const tensors = Object.entries(JSON.parse(text) as Record<string, Lists>).map(
    ([name, lists]): [string, HostArray] => {
      const shape: number[] = [];
      for (let at = lists; typeof at !== "number"; at = at[0]!) shape.push(at.length);
      return [name, { dtype: "f64", shape, data: Float64Array.from([lists].flat(9) as number[]) }];
    },
  );
  return joined(encodeSafetensors(new Map(tensors)));
}

/** Numbers in lists in lists. */
export type Lists = number | readonly Lists[];

export const errorsOf = (output: CompileOutput) => output.diagnostics.filter((d) => d.severity === "error");

/** A program that compiles, and what was taken out of it. */
export interface Settled {
  readonly program: RandomProgram;
  readonly output: CompileOutput;
  /** References that were said to influence nothing, with the program that they stood in. */
  readonly refused: readonly { readonly reference: string; readonly program: RandomProgram }[];
}

/** What may be said of a well-typed program: an estimator that sees no derivative, or does not fit. */
const honest: ReadonlySet<string> = new Set(["M0501", "M0504", "M0701"]);

/** Takes out of `over` and `wrt` what M0501 names until the program compiles. Undefined where nothing is left to differentiate for,
 *  or another reason of `honest` remains; the errors where they are of another kind: a well-typed program has none. */
export function settle(program: RandomProgram): Settled | { readonly errors: readonly Diagnostic[] } | undefined {
  const refused: { reference: string; program: RandomProgram }[] = [];
  let now = program;
  for (let tries = 0; tries < 12; tries++) {
    const output = compileFiles(now);
    const errors = errorsOf(output);
    if (errors.length === 0) return { program: now, output, refused };
    // a start is of no use where nobody names the parameter any more
    // a rule has an argument of the name of a parameter, which the generator takes for a use of it
    const hidden = /^optimizer jump\(goal\b/m.test(now.text);
    const mayBeUnread = hidden || refused.length > 0 || output.diagnostics.some((d) => d.code === "W0201");
    const goes = (d: Diagnostic) =>
      d.code === "M0501" || mayBeUnread && d.title.endsWith("starts at what nothing reads");
    const foreign = errors.filter((d) => !honest.has(d.code) && !goes(d));
    if (foreign.length > 0) return { errors: foreign };
    const reach = errors.filter(goes);
    if (reach.length === 0) return undefined;
    // from the end, so that places before stay where they are
    let { text } = now;
    for (const { primary: { span } } of reach.toSorted((a, b) => b.primary.span.start - a.primary.span.start)) {
      const [item] = treeOf(text).items.filter((i) => i.span.start <= span.start && span.end <= i.span.end);
      const starts = item?.kind === "Start";
      if (!starts) refused.push({ reference: text.slice(span.start, span.end), program: now });
      const whole = starts ? text.slice(0, item.span.start) + text.slice(item.span.end) : undefined;
      const without = withoutReference(text, span) ?? whole;
      if (without === undefined) return undefined;
      text = without;
    }
    now = { ...now, text };
  }
  return undefined;
}

/** A list of references without one. Undefined when it is the only one. */
function withoutReference(text: string, { start, end }: { start: number; end: number }): string | undefined {
  const after = /^\s*,\s*/.exec(text.slice(end));
  if (after) return text.slice(0, start) + text.slice(end + after[0].length);
  const before = /,\s*$/.exec(text.slice(0, start));
  return before ? text.slice(0, before.index) + text.slice(end) : undefined;
}

/** The tree of a text. */
export const treeOf = (text: string) => parseProgram({ name: rootName, text }).program;
