// From which arrays do parameters and hyperparameters start? Reads every `start … from "…"`, and what a script hands over, before
// anything is gone through: a leaf asks for its start when it is declared.
import type { Expression, StartItem } from "../syntax/ast.ts";
import { floatsOf, learnedFile, openSafetensors, SafetensorsError } from "../../runtime/program/safetensors.ts";
import { entryOf, type HostValues } from "../../runtime/program/given_arrays.ts";
import { InternalError } from "../../runtime/errors.ts";
import { sizeOf } from "../../runtime/ir/types.ts";
import { fail } from "../world/report.ts";
import type { Context, Elaboration } from "../world/world.ts";
import type { HyperparameterValue } from "../world/value_kinds.ts";
import type { LeafNames, Start, StoredArrays } from "../world/stored_arrays.ts";
import { hyperparameterPath } from "../world/loop.ts";
import { hintAt } from "../diagnostics/hints.ts";
import { openLook } from "../elaborate/functions.ts";
import { listed } from "../text/words.ts";
import { leafName } from "../elaborate/leaves.ts";
import { hasPath, topName } from "../elaborate/models.ts";
import { resolveReference } from "../elaborate/references.ts";
import { staysDeclared } from "../elaborate/starts.ts";
import type { Module } from "../modules/modules.ts";
import { headName, leadsTo, type Path, pathText, referencePath, samePath } from "../syntax/paths.ts";
import type { Span } from "../text/source.ts";
import { pathOf, readBytes, type ReadData } from "./data_files.ts";

/** What a script hands over: an array for the tensor of a name, or arrays by name for all that a name stands for, or for all that
 *  there is. */
export interface HostStart {
  readonly name?: string;
  readonly values: HostValues | ReadonlyMap<string, HostValues>;
}

const extension = ".safetensors";

/** Loads every start into `el.starts`. */
export function loadStarts(el: Elaboration, read: ReadData, host: readonly HostStart[]): void {
  const opened = new Map<string, StoredArrays | undefined>();
  for (const module of el.modules.modules) {
    for (const item of module.program.items) {
      if (item.kind !== "Start") continue;
      const cx = openLook(el, "start", module);
      const arrays = openArrays(cx, item, module, read, opened);
      for (const reference of item.references) {
        const target = targetOf(cx, reference);
        if (target) el.starts.push(startAt(target, arrays, item, reference.span));
      }
    }
  }
  // what was asked for on the way is shaped later
  el.unshaped.clear();
  const at = { source: el.modules.root.source.name, start: 0, end: 0 };
  for (const start of host) el.starts.push(handedStart(start, at));
}

// ----------------------------------------------------------------------------------------------------------- what starts

/** What a reference says starts. */
interface Target {
  /** Of a model, a parameter or a hyperparameter. */
  readonly path: Path;
  /** Of a hyperparameter, for which tensor. */
  readonly tensor?: Path;
  readonly hyperparameter?: HyperparameterValue;
}

/** Undefined when it is none (reported). Declares no parameter: it would not yet know where it starts. */
function targetOf(cx: Context, reference: Expression): Target | undefined {
  if (reference.kind === "Missing") return undefined;
  if (reference.kind === "Time") {
    return void fail(cx, {
      code: "M0203",
      title: "A `start` says where something is before its first step, and takes no time",
      at: reference.span,
      hint: `leave the \`@\` out`,
    });
  }
  if (reference.kind === "Index") {
    const target = targetOf(cx, reference.object);
    const tensor = reference.indices.length === 1 ? referencePath(reference.indices[0]!) : undefined;
    if (!target || target.hyperparameter && tensor) return target && { ...target, tensor: tensor! };
    return void fail(cx, {
      code: "M0203",
      title: "What starts is a whole tensor, not some of its entries",
      at: reference.span,
      hint: "leave out what stands between the brackets",
    });
  }
  const definition = reference.kind === "Name" ? cx.scope.module.visible.get(reference.name) : undefined;
  if (definition?.item.kind === "Param") return { path: [topName(cx.elaboration, definition)] };
  const { work, unshaped } = cx.elaboration;
  const before = work.unshaped;
  const found = resolveReference(cx, reference);
  if (found === undefined) {
    const asked = work.unshaped > before ? [...unshaped.values()].at(-1) : undefined;
    return asked && { path: asked.path };
  }
  if (found !== "not a reference") {
    if (found.kind === "model") return { path: found.instance.path };
    if (found.kind === "leaf") return { path: found.leaf.path };
    if (found.kind === "hyperparameter") {
      return { path: hyperparameterPath(found.loop, found.declared), hyperparameter: found };
    }
  }
  return void reportNoStart(cx, reference, found === "not a reference" ? undefined : found.kind);
}

function reportNoStart(cx: Context, reference: Expression, kind: string | undefined): void {
  const { module } = cx.scope;
  const starting = [...module.visible.values()].filter((d) => !d.module.library && hasPath(d) && d.item.kind !== "Data")
    .map((d) => d.name);
  const head = headName(reference);
  if (head === "" || head !== undefined && module.unresolved.has(head)) return;
  const isUnknown = reference.kind === "Name" && !module.visible.has(reference.name);
  const written = referencePath(reference);
  const name = written ? `\`${pathText(written)}\`` : "This";
  fail(cx, {
    code: isUnknown ? "M0201" : "M0203",
    title: isUnknown ? `There is no ${name}` : `${name} does not start at anything`,
    at: reference.span,
    notes: isUnknown
      ? starting.length === 0 ? [] : [`There is ${listed(starting)}, and what loops have, such as \`fit.lr\``]
      : ["What starts are models, their parts, parameters and hyperparameters"],
    hint: isUnknown
      ? hintAt("value", reference.name, starting)
      : kind === "loop" && written
      ? `name what is meant of it, such as \`${pathText(written)}.lr\``
      : undefined,
  });
}

/** The start of a target at arrays of a file. */
function startAt(
  { path, tensor, hyperparameter }: Target,
  arrays: StoredArrays | undefined,
  { as }: StartItem,
  at: Span,
): Start {
  const speaks = (leaf: LeafNames) =>
    leadsTo(path, leaf.path) && (!tensor || leaf.tensor !== undefined && samePath(tensor, leaf.tensor));
  return {
    label: leafName({ path, ...(tensor && { tensor }) }),
    nameOf(leaf) {
      if (!speaks(leaf)) return undefined;
      if (!as) return leaf.name;
      if (tensor) return as.text;
      const rest = leaf.path.slice(path.length);
      const whole = as.text === "" ? rest : [as.text, ...rest];
      return leafName({ path: whole, ...(leaf.tensor && { tensor: leaf.tensor }) });
    },
    arrays,
    at,
    ...(hyperparameter && { hyperparameter }),
  };
}

// --------------------------------------------------------------------------------------------------------------- files

/** The arrays of a file, which is read once. Undefined when that fails (reported). */
function openArrays(
  cx: Context,
  { from }: StartItem,
  module: Module,
  read: ReadData,
  opened: Map<string, StoredArrays | undefined>,
): StoredArrays | undefined {
  const named = pathOf(cx, from, module);
  if (named === undefined) return undefined;
  const isFile = named.toLowerCase().endsWith(extension);
  const path = isFile ? named : named === "" ? learnedFile : `${named}/${learnedFile}`;
  if (!opened.has(path)) {
    const without = isFile
      ? `There is no file \`${path}\``
      : `\`${from.text}\` is no run folder: there is no \`${path}\``;
    opened.set(path, readArrays(cx, from, { path, without, hint: whereToLook(from.text) }, read));
  }
  return opened.get(path);
}

/** Where files are that are not where they were looked for. */
function whereToLook(text: string): string {
  return /\.(pt|pth|ckpt|bin|pkl|pickle|npz|npy|h5|hdf5|msgpack|onnx)$/i.test(text)
    ? "save the weights as `.safetensors`: `safetensors.torch.save_file(model.state_dict(), …)`"
    : "`--out` writes run folders; name the folder that it lies in by `--data`, or put it beside the program";
}

function readArrays(
  cx: Context,
  from: StartItem["from"],
  { path, without, hint }: { readonly path: string; readonly without: string; readonly hint: string },
  read: ReadData,
): StoredArrays | undefined {
  const bytes = readBytes(cx, from, { path, without, hint }, read);
  if (!bytes) return undefined;
  try {
    const { tensors } = openSafetensors(bytes);
    return {
      name: `\`${path}\``,
      names: [...tensors.keys()],
      ofRun: path.endsWith(learnedFile),
      find(name) {
        const tensor = tensors.get(name);
        if (!tensor) return undefined;
        const { shape, storage } = tensor;
        return { name: `\`${name}\` in \`${path}\``, shape, storage, entries: () => floatsOf(tensor) };
      },
      endingIn: (end) => onlyEndingIn([...tensors.keys()], end),
    };
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    return void fail(cx, {
      code: "M0601",
      title: `\`${path}\` cannot be read as ${extension}`,
      at: from.span,
      notes: [error.message],
      hint: "it was cut off or changed, or is another kind of file: get or save it anew",
    });
  }
}

function onlyEndingIn(names: readonly string[], end: string): ReturnType<StoredArrays["endingIn"]> {
  const [name, ...others] = names.filter((each) => each.endsWith(`.${end}`));
  if (name === undefined || others.length > 0) return undefined;
  const before = name.slice(0, -end.length - 1);
  return { name, as: /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(before) ? before : `"${before}"` };
}

// --------------------------------------------------------------------------------------------------------------- scripts

function handedStart({ name, values }: HostStart, at: Span): Start {
  const several = values instanceof Map;
  return {
    label: name ?? "",
    nameOf(leaf) {
      if (leaf.name === name) return leaf.name;
      if (!several) return undefined;
      if (name === undefined) return values.has(leaf.name) ? leaf.name : undefined;
      return isPartOf(leaf, name) ? leaf.name : undefined;
    },
    arrays: several
      ? handedArrays(values, name === undefined ? "the run handed over" : `the run handed over for \`${name}\``, true)
      : handedArrays(new Map([[name!, values as HostValues]]), "what is handed over"),
    at,
    handed: true,
  };
}

/** True for a tensor of what goes by a name. */
function isPartOf({ path }: LeafNames, name: string): boolean {
  return path.some((_, k) => pathText(path.slice(0, k + 1)) === name);
}

function handedArrays(values: ReadonlyMap<string, HostValues>, name: string, ofRun = false): StoredArrays {
  return {
    name,
    names: [...values.keys()],
    ofRun,
    endingIn: () => undefined,
    find(key) {
      const array = values.get(key);
      if (!array) return undefined;
      const { shape, data } = array;
      const entries = () => Array.from<unknown, number | string>(data as ArrayLike<unknown>, (x) => entryOf(x, "f64"));
      const called = `the array for \`${key}\``;
      // what has more or fewer entries than its shape says has the shape that it has
      const whole = data.length === sizeOf(shape) ? shape : [data.length];
      return { name: called, shape: whole, storage: data instanceof Float32Array ? "F32" : "F64", entries };
    },
  };
}

// ---------------------------------------------------------------------------------------------------------------- unused

/** Reports each start of which nothing was read by a program without mistakes. */
export function reportUnusedStarts(el: Elaboration): void {
  for (const start of el.starts) {
    const own = [...el.leaves.values()].filter((leaf) =>
      start.nameOf(leaf) !== undefined && !staysDeclared(start, leaf)
    );
    const early = own.find((leaf) => !leaf.start);
    if (early) throw new InternalError(`\`${early.name}\` was declared before it was known where it starts`);
    if (start.handed) reportStrangers(el, start);
    const replaced = own.length > 0 && own.every((leaf) => leaf.start?.handed);
    if (!replaced && !el.startsRead.has(start)) reportUnused(el, start, own);
  }
}

/** Reports what a whole run learned that the program does not have. */
function reportStrangers(el: Elaboration, { label, at, arrays }: Start): void {
  const strangers = label === "" ? arrays?.names.filter((name) => !el.leaves.has(name)) ?? [] : [];
  if (strangers.length === 0) return;
  fail({ elaboration: el, frames: [] }, {
    code: "M0603",
    title: `The program has no ${strangers.map((name) => `\`${name}\``).join(", ")}, which ${arrays!.name} learned`,
    at,
    hint: "name what starts there: `run({ start: { net: earlier } })`",
  });
}

function reportUnused(el: Elaboration, { label, at, hyperparameter, handed }: Start, own: readonly LeafNames[]): void {
  const cx = { elaboration: el, frames: [] };
  const names = [...el.leaves.keys()];
  if (handed && label === "") {
    return void fail(cx, { code: "M0603", title: "The run handed over learned nothing that this program has", at });
  }
  if (handed && own.length === 0) {
    const inside = [...el.leaves.values()].filter((leaf) => isPartOf(leaf, label));
    return void fail(cx, {
      code: "M0603",
      title: inside.length > 0
        ? `\`${label}\` is no tensor, and one array was handed over`
        : `There is no \`${label}\` to start`,
      at,
      notes: [`What starts is ${names.map((name) => `\`${name}\``).join(", ")}`],
      hint: inside.length > 0
        ? "name each of its tensors, or give the run that learned it"
        : hintAt("value", label, names),
    });
  }
  const path = hyperparameter && hyperparameterPath(hyperparameter.loop, hyperparameter.declared);
  const tensors = path ? names.filter((_, i) => samePath([...el.leaves.values()][i]!.path, path)) : [];
  if (path && own.length === 0 && tensors.length === 0) {
    return void fail(cx, {
      code: "M0203",
      title: `\`${label}\` is computed or a choice, so it does not start at a number`,
      at,
      secondary: [{
        span: hyperparameter.declared.override?.span ?? hyperparameter.declared.span,
        message: "its value",
      }],
    });
  }
  fail(cx, {
    code: "M0203",
    title: `\`${label}\` starts at what nothing reads`,
    at,
    notes: tensors.length > 0 && own.length === 0 ? [`It has a value for each of ${tensors.join(", ")}`] : [],
    hint: "leave the `start` out, or use what it starts",
  });
}
