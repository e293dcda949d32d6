// What was a start, a value or a run of a loop computed from? From starts of other leaves and runs of other loops. Says how far
// down it holds: a world that gives one of them another value needs one of its own.
import type { Consumer, Context, Source, Sourced, Value, World } from "../world/world.ts";
import { outermost } from "../world/moments.ts";

/** Says that what is being computed reads these, itself or through others. */
export function readSources(consumer: Consumer, sources: Iterable<Source>): void {
  const reading = consumer.reading.at(-1);
  if (reading) { for (const source of sources) reading.add(source); }
}

/** Computes a value and finds out what it reads. */
export function withSources<T>(consumer: Consumer, compute: () => T): Sourced<T> {
  const sources = new Set<Source>();
  consumer.reading.push(sources);
  try {
    return { value: compute(), sources };
  } finally {
    consumer.reading.pop();
    readSources(consumer, sources);
  }
}

/** The innermost world from `inner` up to `outer`, itself left out, that gives one of the sources another value than `outer`
 *  sees: what is computed from them in `outer` does not hold in `inner`. */
export function worldBetween(inner: World, outer: World, sources: ReadonlySet<Source>): World | undefined {
  for (let w: World | undefined = inner; w && w !== outer; w = w.parent) {
    for (const source of sources) if (gives(w, source)) return w;
  }
  return undefined;
}

function gives(world: World, source: Source): boolean {
  if (typeof source === "string") return world.initials.has(source);
  return world.disturbed?.has(source) === true || world.window?.loop === source;
}

/** What belongs to the whole function, of what it reads as it is where a context stands: computed outermost, and deeper where a world
 *  below gives what it is computed from, as one in which that is differentiated for does. */
export function whereGiven(cx: Context, compute: (at: Context) => Value): Value {
  const { world } = cx;
  for (let owner = outermost(world);;) {
    const at = { ...cx, world: owner, b: owner.b };
    const { value, sources } = withSources(world.consumer, () => compute(at));
    const deeper = value.kind === "error" ? undefined : worldBetween(world, owner, sources);
    if (!deeper) return value;
    owner = deeper;
  }
}
