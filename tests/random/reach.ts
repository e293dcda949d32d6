// Is it true that a reference influences nothing? What M0501 named is moved a little: where derivatives are exact, the value must
// stand still.
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { compileFiles, type Settled, treeOf } from "./compiled.ts";
import { type Numbers, numbersOf } from "./numbers.ts";
import { type Outcome, runOn } from "./runs.ts";

/** A part of a step by which a value may move without a derivative: rounding of values around 1, of this step. */
const step = 1e-6;
const leastSlope = 1e-4;

export async function lookAtReach({ program, refused }: Settled, numbers: Numbers): Promise<Outcome> {
  const { text, files } = program;
  if (/implicit|first_order|window|finite_difference|es\(|stop_gradient|precision f32/.test(text)) {
    return { kind: "does not apply" };
  }
  // derivatives of a warm start stop where the meta-step begins
  if (/from (fit|tune)@/.test(text)) return { kind: "does not apply" };
  // what is learned itself no longer follows what it started from
  if (/^\s*(over|wrt)\b[^\n]*@0/m.test(text)) return { kind: "does not apply" };
  const learned = learnedIn(text);
  let looked = false;
  for (const { reference, program: before } of refused) {
    const name = reference.replace(/@0$/, "");
    const value = numberOf(text, name);
    const what = askedBy(before.text, reference);
    if (!value || !what || followersOf(text, name).some((follower) => mentions(learned, follower))) continue;
    const { start, end } = value;
    const moved = `${text.slice(0, start)}(${text.slice(start, end)}) + ${step}${text.slice(end)}`;
    const next = compileFiles({ text: moved, files });
    if (!next.program) continue;
    const run = await runOn(next.program, referenceBackend);
    if (run.failure) continue;
    const [here, there] = [numbers, numbersOf(run)].map((all) => all.get(what)![0]!);
    looked = true;
    if (Math.abs(here! - there!) > leastSlope * step) {
      return {
        kind: "found",
        detail: `${reference} is said to influence nothing, and ${what} moves by ${there! - here!}`,
      };
    }
  }
  return { kind: looked ? "held" : "does not apply" };
}

/** Where the number stands that a parameter starts at. */
function numberOf(text: string, name: string): { readonly start: number; readonly end: number } | undefined {
  const item = treeOf(text).items.find((i) => i.kind === "Param" && i.binding.name.name === name);
  const value = item?.kind === "Param" && item.binding.how === "=" ? item.binding.value : undefined;
  return value && (value.kind === "Number" || value.kind === "List" || value.kind === "Unary") ? value.span : undefined;
}

const mentions = (text: string, name: string) => new RegExp(`\\b${name}\\b`).test(text);

/** What outers learn and gradients are taken for, as a text. */
function learnedIn(text: string): string {
  const references = treeOf(text).items.flatMap((item) => {
    if (item.kind === "Gradient") return item.wrt;
    return item.kind === "Outer" ? item.clauses.flatMap((c) => c.kind === "Over" ? c.references : []) : [];
  });
  return references.map(({ span }) => text.slice(span.start, span.end)).join(" ");
}

/** The definitions that are computed from a name, directly or through others. */
function followersOf(text: string, name: string): readonly string[] {
  const definitions = treeOf(text).items.flatMap((item) => {
    const named = item.kind === "Param" ? item.binding : item;
    if (!("name" in named) || typeof named.name === "string" || !named.name) return [];
    return [{ name: named.name.name, text: text.slice(named.name.span.end, item.span.end) }];
  });
  const found = new Set([name]);
  for (const reached of found) {
    for (const definition of definitions) if (mentions(definition.text, reached)) found.add(definition.name);
  }
  found.delete(name);
  return [...found];
}

/** The number that was differentiated for a reference. */
function askedBy(text: string, reference: string): string | undefined {
  const { items } = treeOf(text);
  const gradients = items.filter((i) => i.kind === "Gradient");
  const named = (list: readonly { readonly span: { readonly start: number; readonly end: number } }[]) =>
    list.some(({ span }) => text.slice(span.start, span.end) === reference);
  const asking = items.filter((i) =>
    i.kind === "Gradient"
      ? named(i.wrt)
      : i.kind === "Outer" && i.clauses.some((c) => c.kind === "Over" && named(c.references))
  );
  const [item] = asking;
  // after an outer, what it has learned moves too
  if (asking.length !== 1 || !item || item.kind === "Gradient" && item.after) return undefined;
  return item.kind === "Outer" ? `losses of ${item.name.name}` : `gradient ${gradients.indexOf(item as never)}: value`;
}
