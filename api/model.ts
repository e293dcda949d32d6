// How is a learned model called with new inputs? Its arguments are checked and copied, and it is compiled once for each shape of them.
import type { Backend } from "../runtime/backend/interface.ts";
import { orNearest } from "../dsl/text/did_you_mean.ts";
import { quoted } from "../dsl/text/words.ts";
import { MetaRuntimeError, UseError } from "../runtime/errors.ts";
import { allocate, type ArrayType, type DType, formatType, type HostArray, sizeOf } from "../runtime/ir/types.ts";
import { type Executables, openExecutables, seedWords } from "../runtime/loop/executables.ts";
import { allFinite } from "../runtime/loop/non_finite.ts";
import { checkOperations } from "../runtime/loop/operations.ts";
import type { RunResult } from "../runtime/loop/results.ts";
import type { SlotValues } from "../runtime/loop/slots.ts";
import { entryOf, type HostValues, isHostValues, place, whyNoEntry } from "../runtime/program/given_arrays.ts";
import type { ExperimentProgram, ModelProgram, WrittenModel } from "../runtime/program/program.ts";

/** An array whose sizes have names.
 *
 *  @category Run */
export interface NamedArray extends HostArray {
  /** The sizes as the program names them: `["K", "1"]`. */
  readonly dims: readonly string[];
}

/** A model with what it learned, as a function of new inputs.
 *
 *  ```ts
 *  import { compile } from "../mod.ts";
 *
 *  const run = await compile(`
 *    edition 1
 *    data train { x : [3, 1] = [[-1], [0], [1]]   y : [3, 1] = [[-3], [0], [3]] }
 *    model net(x : [n, 1]) -> [n, 1] { w : [1, 1] = 0   return dot(x, w) }
 *    inner fit { minimize mse(net(train.x), train.y) over net by sgd(lr = 0.3) for T = 20 steps }
 *  `).run();
 *  const net = run.model("net");
 *  console.log(net.call({ x: { shape: [2, 1], data: [10, 20] } }).data);
 *  ```
 *
 *  @category Run
 */
export interface LearnedModel {
  /** `net`, `net.body`. */
  readonly name: string;
  /** The names of its arguments, with the types that they are declared with, such as `int [n, 64]`. */
  readonly arguments: readonly { readonly name: string; readonly type: string | undefined }[];
  /** What it computes for arguments given by name. It is compiled once for each shape that they have together. What it draws in a call
   *  is the same in every call.
   *  Throws RangeError for an unknown or missing argument, one that is no array, and shapes, types or numbers that do not fit;
   *  MetaRuntimeError for an index that is out of its range, and when memory runs out. */
  call(values: Readonly<Record<string, HostValues | number | boolean>>): NamedArray;
}

/** What a run leaves for the calls of its models. */
export interface ModelContext {
  readonly program: ExperimentProgram;
  readonly backend: Backend;
  /** Bytes that each function may keep. */
  readonly memory: number | undefined;
  readonly result: RunResult;
}

/** A compiled function is given back when as many others were compiled for other shapes since. */
const mostShapes = 16;

/** The public view of a model after a run. Throws MetaRuntimeError when a loop that it is the end of fails. */
export function makeModel(model: ModelProgram, context: ModelContext): LearnedModel {
  const leaves = new Map([...context.result.leaves, ...endValues(model, context)]);
  const compiled = new Map<string, WrittenModel & { readonly executables: Executables }>();
  const forTypes = (types: readonly ArrayType[]) => {
    const key = types.map(formatType).join();
    const known = compiled.get(key) ??
      { ...model.write(types), executables: openExecutables(context.backend, context.memory) };
    // the last one used stands last
    compiled.delete(key);
    compiled.set(key, known);
    const [oldest] = compiled;
    if (compiled.size > mostShapes && oldest) {
      oldest[1].executables.dispose();
      compiled.delete(oldest[0]);
    }
    return known;
  };
  return {
    name: model.name,
    arguments: model.arguments.map(({ name, type }) => ({ name, type })),
    call(values) {
      const given = readArguments(model, context.program, values);
      const { fn, dims, executables } = forTypes([...given.values()]);
      const [result] = executables.call(fn, slotValues(context, leaves, given)).outputs;
      return { ...result!, dims };
    },
  };
}

function slotValues(
  { program, result }: ModelContext,
  leaves: ReadonlyMap<string, HostArray>,
  given?: ReadonlyMap<string, HostArray>,
): SlotValues {
  return {
    seed: seedWords(result.seed),
    step: 0,
    made: new Map(result.outers.map(({ name, done }) => [name, done])),
    leaves,
    states: result.states ?? new Map(),
    data: program.data,
    tasks: { value: () => undefined },
    ...(given && { arguments: given }),
  };
}

/** What loops change that run by themselves, where they end: as the run found it, or as it is found now. */
function endValues(model: ModelProgram, context: ModelContext): Map<string, HostArray> {
  const { result, backend, memory } = context;
  const runs = new Map([...new Set(model.ends.values())].map((loop) => {
    const known = result.simulations.find((s) => s.loop === loop.loop)?.ends;
    if (known?.size) return [loop, known];
    const executables = openExecutables(backend, memory);
    const none = { outers: [], gradients: [], evaluations: [], outputs: [] };
    checkOperations({ ...context.program, ...none, simulations: [loop] }, executables);
    const values = slotValues(context, result.leaves);
    // loops that no outer has moved, as where the run was stopped, stand where they begin
    const begun = context.program.standing.flatMap(({ states, start }) => {
      if (states.every(({ name }) => values.states.has(name))) return [];
      const first = executables.call(start, values).outputs;
      return states.map(({ name }, i) => [name, first[i]!] as const);
    });
    const states = new Map([...begun, ...values.states]);
    const outputs = executables.call(loop.fn, { ...values, states }).outputs;
    executables.dispose();
    const ends = outputs.slice(outputs.length - loop.ends.length);
    return [loop, new Map(loop.ends.map((name, i) => [name, ends[i]!]))];
  }));
  return new Map([...model.ends].map(([name, loop]) => {
    const value = runs.get(loop)!.get(name)!;
    if (allFinite(value)) return [name, value];
    throw new MetaRuntimeError(`\`${name}\` is not finite where \`${loop.loop}\` ends`, loop.origin);
  }));
}

// ---------------------------------------------------------------------------------------------------------- arguments

/** Checked and copied, by name, in the order of the declaration. */
function readArguments(
  model: ModelProgram,
  program: ExperimentProgram,
  values: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, HostArray> {
  const names = model.arguments.map((a) => a.name);
  const takes = names.length === 0 ? "takes no arguments" : `takes ${quoted(names)}`;
  for (const name of Object.keys(values)) {
    if (names.includes(name)) continue;
    throw new UseError(`\`${model.name}\` has no argument \`${name}\`: it ${takes}${orNearest(name, names)}`);
  }
  return new Map(model.arguments.map(({ name, type, dtype }) => {
    const said = `\`${name}\` of \`${model.name}\`${type === undefined ? "" : ` : ${type}`}`;
    if (!Object.hasOwn(values, name)) throw new UseError(`${said} is not given: the model ${takes}`);
    return [name, readArgument(values[name], dtype ?? typeOf(values[name], program), said)];
  }));
}

/** The type of what is given where none is declared. */
function typeOf(value: unknown, { precision }: ExperimentProgram): DType {
  return isHostValues(value) && value.data instanceof Int32Array ? "i32" : precision;
}

function readArgument(value: unknown, dtype: DType, said: string): HostArray {
  const number = typeof value === "number" || typeof value === "boolean";
  const given = number ? { shape: [], data: [value] as readonly unknown[] } : value;
  if (!number && !isHostValues(given)) {
    throw new UseError(`${said} must be given as { shape: [2, 1], data: [1, 2] }, with typed arrays or numbers`);
  }
  const { shape, data: entries } = given as { shape: readonly number[]; data: ArrayLike<unknown> };
  const size = sizeOf(shape);
  if (size === 0) throw new UseError(`${said} is given as [${shape.join(", ")}], which has no entries`);
  if (entries.length !== size) {
    throw new UseError(`${said} has ${entries.length} entries, its shape [${shape.join(", ")}] needs ${size}`);
  }
  const data = allocate(dtype, size);
  for (let i = 0; i < size; i++) {
    const entry = entryOf(entries[i], dtype);
    const why = typeof entry === "string" ? "it is not a number" : whyNoEntry(entry, dtype);
    if (typeof entry === "string" || why) {
      throw new UseError(`${said} is ${entry} at [${place(i, shape).join(", ")}]: ${why}`);
    }
    data[i] = entry;
  }
  return { dtype, shape: [...shape], data };
}
