// Is a run of any good program that goes on as one with more meta-steps, to the last bit, the one that had these from the start? The number of
// each outer that runs by itself is made larger in the text; from before its first meta-step and from after its last one.
import { assert, assertEquals } from "@std/assert";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { stateAs } from "../../runtime/loop/past.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { keptState, type RunState } from "../../runtime/loop/run_state.ts";
import { wasm } from "../random/runs.ts";
import { some, thorough } from "../thorough.ts";
import { computed } from "./goes_on.ts";
import { goodNames, programOf, textOf } from "./good_programs.ts";

/** The text with three meta-steps more of each outer, by the outer's name. */
function longerOnes(text: string): (readonly [outer: string, text: string])[] {
  const counts = text.matchAll(/\bouter\s+(\w+)[^{]*\{[^}]*?\bfor\s+(?:\w+\s*=\s*)?(\d[\d_]*)\s+steps/gs);
  return [...counts].map((found) => {
    const [whole, name, count] = found as unknown as [string, string, string];
    const at = found.index + whole.lastIndexOf(count);
    return [name, `${text.slice(0, at)}${Number(count.replaceAll("_", "")) + 3}${text.slice(at + count.length)}`];
  });
}

const longer = goodNames.flatMap((name) => {
  const text = textOf(name);
  return longerOnes(text).map(([outer, more]) => ({ name, text, outer, more }));
});

Deno.test("runs of good programs are made longer, to the same bits", async () => {
  assert(longer.length >= 25, `${longer.length}`);
  let [goneOn, refused] = [0, 0];
  for (const [i, { name, text, outer, more }] of some(longer, 8).entries()) {
    const before = programOf(name, text);
    if (!before.outers.some((o) => o.name === outer)) continue;
    const now = programOf(name, more);
    const backend = i % 2 === 0 ? referenceBackend : wasm;
    const places: RunState[] = [];
    await runProgram(before, backend, {
      seed: 3,
      mark(state, moment) {
        const place = state();
        if (place.outer?.name === outer && (places.length === 0 || moment === "end")) places.push(keptState(place));
      },
    });
    assertEquals(places.length, 2, name);
    const whole = computed(await runProgram(now, backend, { seed: 3 }));
    for (const place of places) {
      const found = stateAs(before, now, place);
      if ("other" in found) {
        refused++;
        continue;
      }
      goneOn++;
      const again = await runProgram(now, backend, { seed: 3, resume: found.state });
      assertEquals(computed(again), whole, `${name}: ${outer}`);
    }
  }
  assert(goneOn >= 8, `${goneOn} of ${refused + goneOn}`);
  if (thorough) assert(refused >= 1 && goneOn >= 40, `${goneOn} went on, ${refused} were refused`);
});
