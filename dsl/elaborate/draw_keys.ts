// Which random bits belong to a draw? A key and a counter of Philox 4x32-10, made of the seed, what is drawn, and every task,
// meta-step and step around it, and of nothing else (docs/decisions/0011).
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import { type Module, pathFromRoot } from "../modules/modules.ts";
import type { Context, World } from "../world/world.ts";

/** What is drawn. */
export interface DrawName {
  readonly module: Module;
  /** Its qualified name, as its key has it. */
  readonly drawnAs: string;
  /** As messages have it, where that is another one. */
  readonly called?: string;
  /** Drawn once for the whole run, whatever reads it. */
  readonly once?: boolean;
  /** Drawn again and again at one place: by what, and which time it is. */
  readonly again?: Repetition;
  /** What counts in place of the numbers of steps around it, where what is drawn is the same for several: nothing does where it is
   *  undefined. */
  readonly instead?: ReadonlyMap<Variable, Variable | undefined>;
  /** What is written for a value that is not drawn; `=` unless said. */
  readonly value?: string;
  /** What is drawn here is made of floats, whatever is declared: a parameter. */
  readonly floats?: true;
}

/** Something around a draw, of which there are several. */
export interface Repetition {
  readonly name: string;
  /** Which one (i32 scalar); undefined when they do not matter. */
  readonly index: Variable | undefined;
}

/** Two words of a key and three of a counter; the fourth counts blocks of four words. */
export interface RandomAddress {
  readonly key: Variable;
  readonly counter: Variable;
}

/** Where the bits of a draw are. The key is made of the seed and a hash of names: file, what is drawn, and what is around it; the
 *  counter of the numbers of what is around, outermost first. More than three do not fit: those further out are put into the key,
 *  three at a time, by the first words that they have as counters. */
export function addressOf({ b, world, elaboration }: Context, name: DrawName): RandomAddress {
  const around = repetitions(world, name);
  const path = pathFromRoot(elaboration.modules.root, name.module);
  const text = [path, name.drawnAs, ...around.map((a) => a.name)].join("\n");
  const hash = b.literal(Int32Array.from(hash96(text)), { dtype: "i32", shape: [3] });
  const { instead } = name;
  const indices = around.flatMap(({ index }) => {
    const number = index && instead?.has(index) ? instead.get(index) : index;
    return number ? [number] : [];
  });
  let key = keyOf(b, world.consumer.input({ kind: "seed" }), hash);
  const further = indices.length - 3;
  for (let i = 0; i < further; i += 3) key = keyOf(b, key, counterOf(b, indices.slice(i, Math.min(i + 3, further))));
  return { key, counter: counterOf(b, indices.slice(Math.max(0, further))) };
}

function keyOf(b: Builder, key: Variable, counter: Variable): Variable {
  return b.one("random_bits", [key, counter], { shape: [2] });
}

function counterOf(b: Builder, indices: readonly Variable[]): Variable {
  const word = (i: number) => indices[i] ? b.reshape(indices[i], [1]) : b.fill(0, { dtype: "i32", shape: [1] });
  return b.one("concat", [word(0), word(1), word(2)], { axis: 0 });
}

/** What is around a draw, outermost first: what is lowered, then the loops, scans and tasks that its world is in. What `fixed` tasks
 *  are made of, and what is there from their start, belongs to the loop that they are across, whoever runs it, at whatever step. */
function repetitions(world: World, { once, again }: DrawName): readonly Repetition[] {
  if (once) return [{ name: "", index: undefined }];
  const found: Repetition[] = again ? [again] : [];
  let own = false;
  for (let w: World | undefined = world; w; w = w.parent) {
    own ||= w.beginning ?? false;
    if (w.step) found.unshift({ name: w.step.drawnAs ?? w.step.name, index: w.step.number });
    if (w.task) {
      const kept = own && w.task.fixed;
      found.unshift({ name: `task ${w.task.definition.name}${kept ? " fixed" : ""}`, index: w.task.index });
      if (kept) return [{ name: loopAt(w), index: undefined }, ...found];
    }
    if (w.task || w.metaStep) own = false;
    if (w.metaStep) found.unshift({ name: w.metaStep.name, index: w.metaStep.number });
  }
  return [{ name: world.consumer.name, index: world.consumer.metaStep }, ...found];
}

/** The outer, evaluation or gradient that a world belongs to. */
function loopAt(world: World): string {
  for (let w: World | undefined = world; w; w = w.parent) if (w.metaStep) return w.metaStep.name;
  return world.consumer.name;
}

/** 96 bits of a text: three FNV-1a hashes of 32 bits with different offsets, each finished by an avalanche (the finalizer of
 *  MurmurHash3, Appleby), so that texts that differ in their last letter differ in about half of the bits. */
export function hash96(text: string): [number, number, number] {
  const bytes = new TextEncoder().encode(text);
  return [0x811c9dc5, 0x9747b28c, 0x3c6ef372].map((offset) => {
    let h = offset | 0;
    for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) | 0;
  }) as [number, number, number];
}
