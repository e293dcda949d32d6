// Where does a leaf start of which a `start` speaks? At the array of its name, if that has its shape and every number of it may
// stand there: then in place of what is declared. What is wrong with it is said where the program says `start`.
import type { DiagnosticDraft } from "../diagnostics/diagnostic.ts";
import { startsOutside } from "../diagnostics/messages.ts";
import { hintFor } from "../diagnostics/hints.ts";
import { entryOfArray, whyNoEntry } from "../../runtime/program/given_arrays.ts";
import { allocate, type HostArray, sizeOf, type TypedArray } from "../../runtime/ir/types.ts";
import { floatStorages } from "../../runtime/program/safetensors.ts";
import { fail, firstTime } from "../world/report.ts";
import { formatDims, formatRange, namedSizes, shapeOf } from "../world/values.ts";
import type { Elaboration, LeafDeclaration } from "../world/world.ts";
import type { LeafNames, Start, StoredArray, StoredArrays } from "../world/stored_arrays.ts";
import { pathText } from "../syntax/paths.ts";
import { capital, listed } from "../text/words.ts";

/** The `start` that speaks of a leaf. Two are reported, and the first counts. */
export function startOf(el: Elaboration, leaf: LeafNames & Pick<LeafDeclaration, "state">): Start | undefined {
  const speaking = el.starts.filter((start) => start.nameOf(leaf) !== undefined);
  const handed = speaking.filter((start) => start.handed);
  const [first, second] = handed.length > 0 ? handed : speaking;
  if (first && second && firstTime(el, second)) {
    fail({ elaboration: el, frames: [] }, {
      code: "M0208",
      title: `\`${leaf.name}\` starts at two things`,
      at: second.at,
      secondary: first.handed ? [] : [{ span: first.at, message: "this is the other one" }],
      hint: "name each tensor in one `start` only",
    });
  }
  return first && staysDeclared(first, leaf) ? undefined : first;
}

/** True for a state, beside the parameters of its model, that a run did not move: there it was as it is declared. */
export function staysDeclared(
  { arrays, label, nameOf }: Start,
  leaf: LeafNames & Pick<LeafDeclaration, "state">,
): boolean {
  return leaf.state === true && label !== leaf.name && arrays?.ofRun === true && !arrays.find(nameOf(leaf)!);
}

/** What the array is called that a leaf starts at, among all that is read. */
export function startKey({ name }: LeafNames): string {
  return `start ${name}`;
}

/** Where a leaf starts, for people. */
export function startText({ arrays, nameOf }: Start, leaf: LeafNames): string {
  return `starts at \`${nameOf(leaf)}\` of ${arrays?.name}`;
}

/** A leaf that starts at what is read. */
export function startingAt(start: Start, leaf: LeafDeclaration): LeafDeclaration {
  let read: HostArray | DiagnosticDraft | undefined;
  return {
    ...leaf,
    start,
    initial(cx) {
      const { elaboration: el } = cx;
      el.startsRead.add(start);
      if (!start.arrays) return undefined;
      read ??= readStart(el, start.arrays, start, leaf);
      if ("code" in read) {
        // of the tensors of a model one is told: the others would be said at the same place
        return void fail({ elaboration: el, frames: [] }, read);
      }
      const key = startKey(leaf);
      el.data.set(key, read);
      return { kind: "tensor", variable: cx.world.consumer.input({ kind: "data", name: key }), dims: leaf.dims };
    },
  };
}

/** The array that a leaf starts at, or what is wrong with it. */
function readStart(
  el: Elaboration,
  arrays: StoredArrays,
  start: Start,
  leaf: LeafDeclaration,
): HostArray | DiagnosticDraft {
  const { at } = start;
  const name = start.nameOf(leaf)!;
  const stored = arrays.find(name);
  if (!stored) return notThere(arrays, start, leaf, name);
  const shape = shapeOf(leaf.dims);
  const fitting = fitted(stored, shape, leaf, el);
  if (!fitting) return otherShape(stored, start, leaf);
  const entries = stored.entries();
  if (!entries) {
    return {
      code: "M0602",
      title: `${capital(stored.name)} is of ${stored.storage}, and \`${leaf.name}\` is made of floats`,
      at,
      notes: [`Read are ${floatStorages.join(", ")}`],
      hint: "save it as floats",
    };
  }
  const data = allocate(el.precision, sizeOf(shape));
  const where = stored.shape.length > 0 ? entryOfArray(stored.shape, stored.name) : () => capital(stored.name);
  for (let i = 0; i < data.length; i++) {
    const k = fitting(i);
    const entry = entries[k]!;
    const why = typeof entry === "string"
      ? "it is not a number"
      : Number.isFinite(entry)
      ? whyNoEntry(entry, el.precision)
      : "a run starts at finite numbers only";
    if (why !== undefined) return { code: "M0602", title: `${where(k)} is ${entry}: ${why}`, at };
    data[i] = entry as number;
  }
  const outside = moveInside(data, stored, leaf);
  if (outside === undefined) return { dtype: el.precision, shape, data };
  return { ...outside, at };
}

/** Which entry of an array stands for entry i of a leaf. Undefined when it has another shape. Where an instance of the program
 *  makes fewer or more steps than are said, the first count, and the last again. */
function fitted(
  { shape: stored }: StoredArray,
  shape: readonly number[],
  { perStep }: LeafDeclaration,
  { instance: { mostSteps, longer } }: Elaboration,
): ((i: number) => number) | undefined {
  const free = perStep && (mostSteps !== undefined || longer !== undefined) ? 1 : 0;
  if (stored.length !== shape.length || stored.some((size, axis) => axis >= free && size !== shape[axis])) {
    return undefined;
  }
  if (free === 0 || stored[0] === 0) return (i) => i;
  const step = sizeOf(shape.slice(1));
  return (i) => Math.min(Math.floor(i / step), stored[0]! - 1) * step + i % step;
}

/** What is said where the arrays have none of a name; a beginning under which they have it is offered. */
function notThere(arrays: StoredArrays, start: Start, leaf: LeafDeclaration, name: string): DiagnosticDraft {
  const { at } = start;
  const none = arrays.names.length === 0;
  return {
    code: "M0602",
    title: `${capital(arrays.name)} has no \`${name}\``,
    at,
    notes: [
      none
        ? "It holds nothing: a run keeps what an `outer` learns, and what a `gradient` is taken for"
        : `It holds ${listed(arrays.names)}`,
    ],
    hint: otherBeginning(arrays, leaf) ?? hintFor(name, arrays.names) ??
      (leaf.state ? "a state is read with its model: name the parameters alone, where those are meant" : undefined),
  };
}

/** `as encoder`, where the arrays have an `encoder.W` and the leaf is the W of something. */
function otherBeginning(arrays: StoredArrays, { path }: LeafDeclaration): string | undefined {
  for (let own = 1; own < path.length; own++) {
    const found = arrays.endingIn(pathText(path.slice(own)));
    if (!found) continue;
    return `if \`${found.name}\` is meant, write \`start ${pathText(path.slice(0, own))} from … as ${found.as}\``;
  }
  return undefined;
}

function otherShape(stored: StoredArray, { at }: Start, leaf: LeafDeclaration): DiagnosticDraft {
  const shape = shapeOf(leaf.dims);
  const turned = shape.length === 2 && stored.shape.length === 2 && shape[0] === stored.shape[1] &&
    shape[1] === stored.shape[0];
  return {
    code: "M0602",
    title: `\`${leaf.name}\` is ${formatDims(leaf.dims)}, and ${stored.name} is [${stored.shape.join(", ")}]`,
    at,
    secondary: [{ span: leaf.span, message: "declared here" }],
    sizes: namedSizes(leaf.dims),
    hint: turned ? "save its transpose: elsewhere the weights of a layer stand as [outputs, inputs]" : undefined,
  };
}

/** Holds the numbers against the range of the leaf, and says what is outside. What was kept at an end of it in less precision is
 *  put there. */
function moveInside(
  data: TypedArray,
  { storage }: StoredArray,
  { name, range, via, span }: LeafDeclaration,
): Omit<DiagnosticDraft, "at"> | undefined {
  if (via) {
    const [low, high] = via.range;
    const outside = data.find((x) => !(x > low && x < high));
    return outside === undefined ? undefined : {
      code: "M0606",
      title: `\`${name}\` starts at ${outside}, which \`via ${via.kind}\` cannot reach: it moves strictly inside ${
        formatRange(low, high)
      }`,
    };
  }
  if (!range) return undefined;
  const [low, high] = range;
  const rounded = storage === "F64" && data instanceof Float64Array ? range : range.map(Math.fround);
  for (const [i, x] of data.entries()) {
    if (x >= low && x <= high) continue;
    const end = x === rounded[0] ? low : x === rounded[1] ? high : undefined;
    if (end === undefined) {
      const secondary = [{ span, message: "declared with this range" }];
      return { ...startsOutside(name, x, formatRange(low, high), span), secondary };
    }
    data[i] = end;
  }
  return undefined;
}
