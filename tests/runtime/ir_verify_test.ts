// Ill-formed functions are named, equation and all.
import { assertThrows } from "@std/assert";
import { InternalError } from "../../runtime/errors.ts";
import { buildFunction, newVariable } from "../../runtime/ir/builder.ts";
import type { ArrayType, Equation, IrFunction, Variable } from "../../runtime/ir/types.ts";
import { verifyFunction } from "../../runtime/ir/verify.ts";

const f32 = (...shape: number[]): ArrayType => ({ dtype: "f32", shape });

const good: IrFunction = buildFunction("good", [f32(2), f32(2)], (b, [x, y]) => {
  const scope = b.openScan("loop", 3);
  const next = scope.body.apply("mul", scope.carry(x!), scope.body.resolve(y!));
  return [b.sum(scope.close([next], []).carry[0]!)];
});

function equation(op: "exp" | "neg", input: Variable, output: Variable): Equation {
  return { op, inputs: [input], outputs: [output], params: {}, origin: undefined };
}

function assertRefused(fn: IrFunction, message: string): void {
  assertThrows(() => verifyFunction(fn), InternalError, message);
}

Deno.test("verifyFunction() accepts what the builder writes", () => {
  verifyFunction(good);
});

Deno.test("verifyFunction() names the equation when a variable is read before it is assigned", () => {
  const [x, y] = [newVariable(f32(2)), newVariable(f32(2))];
  const fn = { name: "f", inputs: [x], equations: [equation("exp", y, newVariable(f32(2)))], outputs: [x] };
  assertRefused(fn, `Equation 0 (exp) of f reads %${y.id}: f32[2] before it is assigned`);
});

Deno.test("verifyFunction() names the equation when a variable is assigned twice", () => {
  const [x, y] = [newVariable(f32(2)), newVariable(f32(2))];
  const equations = [equation("exp", x, y), equation("neg", x, y)];
  assertRefused({ name: "f", inputs: [x], equations, outputs: [y] }, "Equation 1 (neg) of f assigns");
  assertRefused({ name: "f", inputs: [x, x], equations: [], outputs: [x] }, "Input 1 of f assigns");
});

Deno.test("verifyFunction() names the equation when its type is not what it computes", () => {
  const [x, y] = [newVariable(f32(2)), newVariable(f32(3))];
  const fn = { name: "f", inputs: [x], equations: [equation("exp", x, y)], outputs: [y] };
  assertRefused(fn, `Equation 0 (exp) of f computes f32[2] and calls it %${y.id}: f32[3]`);
  const flag = newVariable({ dtype: "bool", shape: [] });
  const bad = { name: "f", inputs: [flag], equations: [equation("exp", flag, flag)], outputs: [] };
  assertRefused(bad, "Equation 0 (exp) of f is ill-formed: Cannot apply exp to (bool[])");
});

Deno.test("verifyFunction() names the path when a body reads a variable of an enclosing function", () => {
  const scan = good.equations[0]!;
  if (scan.op !== "scan") throw new Error("the scan comes first");
  const [stranger] = good.inputs as [Variable];
  const { body } = scan.params;
  const open = { ...body, equations: [...body.equations, equation("exp", stranger, newVariable(stranger))] };
  const fn = { ...good, equations: [{ ...scan, params: { ...scan.params, body: open } }, ...good.equations.slice(1)] };
  assertRefused(fn, "Equation 1 (exp) of good > scan 0 > loop reads");
});

Deno.test("verifyFunction() refuses an output that is never assigned", () => {
  assertRefused(
    { name: "f", inputs: [], equations: [], outputs: [newVariable(f32(), "loss")] },
    'f32[] ("loss"), is never',
  );
});

Deno.test("verifyFunction() refuses a gradient request when it is not allowed", () => {
  const body = buildFunction("body", [f32()], (b, [x]) => [b.apply("exp", x!)]);
  const fn = buildFunction("f", [f32()], (b, x) => b.emit("gradient", x, { body, wrt: [0], mode: "reverse" }));
  assertRefused(fn, "Equation 0 (gradient) of f is a gradient request that was never expanded");
  verifyFunction(fn, { allowGradient: true });
});
