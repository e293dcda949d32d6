// How do `scan` and `map` become loops around frames? A step reads and writes its slices where they lie among all of them; the
// carry has one place, which the new one takes at the end of a step, or as soon as nothing reads the old one any more.
import { entryBytes, type EquationOf, type IrFunction, sizeOf, type Variable } from "../../ir/types.ts";
import { FrameBuilder } from "./build.ts";
import { Core, Slot } from "./core.ts";
import type { Access, Buffer, Frame, Loop, Node, View } from "./types.ts";
import { isRowMajor, normalAxes, orderOf } from "./views.ts";
import { lowerEquation } from "./lower_equations.ts";
import { valueIn } from "../../ir/structured.ts";

/** Lowers a loop: its outputs get cores in the scope around. */
export function lowerLoop(outer: Scope, equation: EquationOf<"scan"> | EquationOf<"map">): void {
  const { builder } = outer;
  const { body, length, constants } = equation.params;
  const carry = equation.op === "scan" ? equation.params.carry : 0;
  const inner = new FrameBuilder(body.name, builder, builder.parts);
  const scope = new Scope(inner);
  const loop: Loop = {
    kind: "loop",
    op: equation.op,
    length,
    reverse: equation.op === "scan" && equation.params.reverse,
    body: inner.frame,
    origin: equation.origin,
  };
  const given = equation.inputs.map((input) => outer.get(input));
  body.inputs.slice(0, constants).forEach((input, i) => scope.set(input, given[i]!));
  // the carry lies in memory of this frame, and is the output
  const carried = given.slice(constants, constants + carry).map((initial, i) => {
    const { dtype, sizes } = initial;
    const view = builder.array(dtype, sizes);
    builder.writeTo(initial, view);
    scope.set(body.inputs[constants + i]!, new Core(inner, { dtype, sizes }, { kind: "given", view }));
    return view;
  });
  body.inputs.slice(constants + carry).forEach((input, i) => {
    scope.set(input, sliceOf(given[constants + carry + i]!, loop, { builder: inner, input }));
  });
  const stacks = equation.outputs.slice(carry).map((output) => {
    const buffer = builder.buffer(output.dtype, sizeOf(output.shape));
    const slot = new Slot(buffer, normalAxes(output.shape.slice(1)).sizes, loop);
    if (outer.rowMajor.has(output)) slot.view();
    return { output, slot };
  });
  body.outputs.forEach((output, i) => {
    if (i < carry) scope.rowMajor.add(output);
    else if (!scope.targets.has(output)) {
      scope.targets.set(output, stacks[i - carry]!.slot);
    }
  });
  scope.run(body);
  body.outputs.slice(carry).forEach((output, i) => {
    const { slot } = stacks[i]!;
    const core = scope.get(output);
    // makes it in its place, if it has not been made
    const view = core.uniform === undefined ? inner.viewOf(core) : undefined;
    const target = slot.view(view && orderOf(view));
    if (!view || !sameAccess(view, target)) inner.writeTo(core, target);
  });
  closeCarry(inner, body.outputs.slice(0, carry).map((output) => scope.get(output)), carried);
  const ready = builder.append(loop);
  const views = [...carried, ...stacks.map(({ slot }) => slot.whole)];
  equation.outputs.forEach((output, i) => {
    const type = { dtype: output.dtype, sizes: normalAxes(output.shape).sizes };
    outer.set(output, new Core(builder, type, { kind: "given", view: views[i]!, ready }));
  });
}

/** The slice of the present step, as the input of the body. */
function sliceOf(
  whole: Core,
  loop: Loop,
  { builder, input }: { readonly builder: FrameBuilder; readonly input: Variable },
): Core {
  const { sizes } = normalAxes(input.shape);
  const type = { dtype: input.dtype, sizes };
  if (whole.uniform !== undefined) return new Core(builder, type, { kind: "uniform", value: whole.uniform });
  const stacked = whole.owner.viewOf(whole);
  const step = loop.length === 1 ? 0 : stacked.steps[0]!;
  const inner = loop.length === 1 ? stacked : { ...stacked, steps: stacked.steps.slice(1) };
  const terms = step === 0 ? stacked.terms : [...stacked.terms, { loop, step }];
  const view = { buffer: inner.buffer, offset: inner.offset, steps: inner.steps, terms, shape: sizes };
  return new Core(builder, type, { kind: "given", view });
}

function sameAccess(a: Access, b: Access): boolean {
  return a.buffer === b.buffer && a.offset === b.offset && a.steps.length === b.steps.length &&
    a.steps.every((step, i) => step === b.steps[i]) && a.terms.length === b.terms.length &&
    a.terms.every((t, i) => t.loop === b.terms[i]!.loop && t.step === b.terms[i]!.step);
}

/** Puts what a step made where the next one reads it. */
function closeCarry(inner: FrameBuilder, next: readonly Core[], places: readonly View[]): void {
  const buffers = new Set(places.map((place) => place.buffer));
  // everything is computed before anything is overwritten
  const views = next.map((core) => core.owner.viewOf(core));
  const staged = next.map((core, k) => {
    const view = views[k]!;
    if (sameAccess(view, places[k]!)) return undefined;
    if (!buffers.has(view.buffer)) return view;
    const stage = inner.array(core.dtype, core.sizes);
    inner.copy(view, stage, core);
    return stage;
  });
  const moved = new Set<Buffer>();
  staged.forEach((view, k) => {
    if (!view) return;
    const place = places[k]!;
    const own = view.buffer;
    if (!moved.has(own) && canMoveIn(inner.frame, own, view, place.buffer)) {
      own.home = place.buffer;
      moved.add(own);
    }
  });
  staged.forEach((view, k) => {
    if (view && view.buffer.home !== places[k]!.buffer) inner.copy(view, places[k]!, next[k]!);
  });
}

/** True when a buffer may have its bytes where the carry has them: nothing reads the carry once it is written. */
function canMoveIn(frame: Frame, own: Buffer, view: View, carry: Buffer): boolean {
  if (own.frame !== frame || own.home || own.values || own.entries !== carry.entries) return false;
  if (view.offset !== 0 || view.terms.length > 0 || !isRowMajor(view)) return false;
  const writers = frame.nodes.filter((node) => writes(node, own));
  const writer = writers[0];
  if (writers.length !== 1 || writer?.kind !== "nest") return false;
  const order = frame.nodes.indexOf(writer);
  for (let i = order + 1; i < frame.nodes.length; i++) if (touches(frame.nodes[i]!, carry)) return false;
  const stores = writer.stores.filter((s) => s.access.buffer === own);
  if (stores.length !== 1) return false;
  const { access } = stores[0]!;
  for (const value of writer.values) {
    if (value.op !== "load" || value.access.buffer !== carry) continue;
    const { steps, offset } = value.access;
    if (value.row) return false;
    if (offset !== access.offset || steps.some((step, axis) => step !== access.steps[axis])) return false;
  }
  return !writer.stores.some((s) => s.access.buffer === carry);
}

function writes(node: Node, buffer: Buffer): boolean {
  switch (node.kind) {
    case "nest":
      return node.stores.some((s) => s.access.buffer === buffer);
    case "routine":
      return node.output.buffer === buffer || node.scratch === buffer;
    case "loop":
      return node.body.nodes.some((n) => writes(n, buffer));
  }
}

function touches(node: Node, buffer: Buffer): boolean {
  if (writes(node, buffer)) return true;
  switch (node.kind) {
    case "nest":
      return node.values.some((v) => v.op === "load" && v.access.buffer === buffer);
    case "routine":
      return node.inputs.some((v) => v.buffer === buffer);
    case "loop":
      return node.body.nodes.some((n) => touches(n, buffer));
  }
}

/** The cores of a frame's variables. */
export class Scope {
  readonly builder: FrameBuilder;
  readonly #cores = new Map<Variable, Core>();
  /** Variables that must lie row-major, or in a certain place, from the start. */
  readonly rowMajor = new Set<Variable>();
  readonly targets = new Map<Variable, Slot>();

  constructor(builder: FrameBuilder) {
    this.builder = builder;
  }

  get(variable: Variable): Core {
    return valueIn(this.#cores, variable, this.builder.frame);
  }

  set(variable: Variable, core: Core): void {
    this.#cores.set(variable, core);
    if (!core.floating || core.owner !== this.builder) return;
    const target = this.targets.get(variable);
    if (target && !core.target) core.target = target;
    if (this.rowMajor.has(variable)) core.rowMajor = true;
  }

  /** Lowers the equations that some output depends on. */
  run(fn: IrFunction): void {
    const uses = new Map<Variable, number>();
    const use = (variable: Variable) => uses.set(variable, (uses.get(variable) ?? 0) + 1);
    fn.outputs.forEach(use);
    const needed = fn.equations.toReversed().filter((equation) => {
      if (!equation.outputs.some((output) => uses.has(output))) return false;
      equation.inputs.forEach(use);
      return true;
    }).reverse();
    for (const equation of needed) {
      const inputs = equation.inputs.map((input) => this.get(input));
      this.builder.limitDepth(inputs);
      if (equation.op === "scan" || equation.op === "map") {
        lowerLoop(this, equation);
        continue;
      }
      const output = equation.outputs[0]!;
      const bytes = sizeOf(output.shape) * entryBytes[output.dtype];
      const home = FrameBuilder.home(this.builder, inputs, bytes);
      const core = lowerEquation(home, equation, (variable) => this.get(variable));
      core.readOnce = uses.get(output) === 1 && !equation.inputs.some((input) => this.get(input) === core);
      this.set(output, core);
    }
  }
}
