// Which values do the program's knobs have? Declared defaults, replaced by what `--set` or the API gives; typed and checked.
import { fail } from "../world/report.ts";
import type { Elaboration } from "../world/world.ts";
import type { StaticValue } from "../world/value_kinds.ts";
import { requireStatic } from "../elaborate/sizes.ts";
import { openLook } from "../elaborate/functions.ts";
import { nearestName } from "../text/did_you_mean.ts";
import { hintFor } from "../diagnostics/hints.ts";
import { numberTypes } from "../modules/declarations.ts";
import type { Module } from "../modules/modules.ts";
import type { InputItem } from "../syntax/ast.ts";
import { formatRange, staticNumber } from "../world/values.ts";
import { quoted } from "../text/words.ts";

/** Values given from outside, by name. */
export type InputValues = Readonly<Record<string, number | boolean | string>>;

/** Fills `inputs` (a map that `el` reads) for every file. */
export function readInputs(el: Elaboration, inputs: Map<string, StaticValue>, given: InputValues): void {
  const declared = new Map<string, { item: InputItem; module: Module }[]>();
  for (const module of el.modules.modules) {
    for (const item of module.program.items) {
      if (item.kind !== "Input" || item.binding.name.name === "") continue;
      const { name } = item.binding.name;
      declared.set(name, [...(declared.get(name) ?? []), { item, module }]);
      const value = valueOf(el, item, module, given);
      if (value) inputs.set(`${module.source.name}\n${name}`, value);
    }
  }
  const unknown = Object.keys(given).filter((name) => !declared.has(name));
  if (unknown.length === 0) return;
  const [first] = unknown as [string];
  const near = declared.get(nearestName(first, declared.keys()) ?? [...declared.keys()][0] ?? "")?.[0];
  el.sink.report({
    code: "M0603",
    title: `There is no input ${quoted(unknown, " or ")} to set`,
    at: near?.item.binding.name.span ?? { source: el.modules.root.source.name, start: 0, end: 0 },
    notes: [
      declared.size > 0 ? `The inputs are ${quoted(declared.keys())}` : "This program has no `input`",
    ],
    hint: hintFor(first, declared.keys()),
  });
}

function valueOf(el: Elaboration, item: InputItem, module: Module, given: InputValues): StaticValue | undefined {
  const { binding } = item;
  const { name } = binding.name;
  const cx = openLook(el, "inputs", module);
  const type = binding.type?.dtype?.name ?? "float";
  if (!numberTypes.includes(type)) return undefined; // reported with the declarations
  if (binding.type?.sizes !== undefined || binding.how === "~") {
    return void fail(cx, {
      code: "M0304",
      title: `An input is one number: \`int\`, \`float\` or \`bool\``,
      at: binding.type?.span ?? binding.span,
    });
  }
  const outside = Object.hasOwn(given, name) ? given[name] : undefined;
  if (outside !== undefined) {
    const value = parseGiven(outside, type);
    if (value) return checkRange(cx, item, value, `\`${name}\` is set to ${outside}`);
    return void fail(cx, {
      code: "M0604",
      title: `\`${name}\` is ${type === "int" ? "an int" : `a ${type}`} and cannot be set to \`${outside}\``,
      at: binding.name.span,
    });
  }
  if (!binding.value) {
    return void fail(cx, {
      code: "M0603",
      title: `The input \`${name}\` has no value`,
      at: binding.name.span,
      hint: `give one by \`--set ${name}=…\`, or declare a default: \`input ${name} : ${type} = …\``,
    });
  }
  const value = requireStatic(cx, binding.value, `the value of \`${name}\``);
  if (!value) return undefined;
  if (type === "int" && !Number.isInteger(value.value) || type === "bool" !== (value.type === "bool")) {
    return void fail(cx, {
      code: "M0304",
      title: `\`${name}\` is ${type === "int" ? "an int" : `a ${type}`}, and its value is ${value.value}`,
      at: binding.value.span,
    });
  }
  return checkRange(cx, item, { ...value, type: type as StaticValue["type"] }, `\`${name}\` is ${value.value}`);
}

function parseGiven(value: unknown, type: string): StaticValue | undefined {
  if (type === "bool") {
    if (value === true || value === "true") return staticNumber(1, "bool");
    if (value === false || value === "false") return staticNumber(0, "bool");
    return undefined;
  }
  // what else scripts without types hand over is no number, whatever `Number` makes of it
  const text = typeof value === "string" && value.trim() !== "" ? value.replaceAll("_", "") : undefined;
  const number = typeof value === "number" ? value : text === undefined ? NaN : Number(text);
  if (Number.isNaN(number) || type === "int" && !Number.isSafeInteger(number)) return undefined;
  return staticNumber(number, type as "int" | "float");
}

function checkRange(
  cx: Parameters<typeof requireStatic>[0],
  item: InputItem,
  value: StaticValue,
  what: string,
): StaticValue | undefined {
  const { range } = item.binding;
  if (!range) return value;
  const low = requireStatic(cx, range.low, "a bound");
  const high = requireStatic(cx, range.high, "a bound");
  if (!low || !high) return undefined;
  if (value.value >= low.value && value.value <= high.value) return value;
  return void fail(cx, {
    code: "M0604",
    title: `${what}, outside ${formatRange(low.value, high.value)}`,
    at: item.binding.name.span,
    secondary: [{ span: range.span, message: "the declared range" }],
  });
}
