// Is a state that an earlier version wrote down read as one of this version, and one of a later version not at all?
import { assertEquals, assertThrows } from "@std/assert";
import { stateOfVersion, stateVersion } from "../../runtime/record/earlier_states.ts";

const numbers = { losses: [3, 2, 1], gradientNorms: [1, 1, 1] };

Deno.test("states of version 1 count meta-steps by their losses", () => {
  const first = {
    items: 2,
    outers: [{ name: "a", ...numbers }],
    outer: { name: "b", losses: [1], gradientNorms: [1] },
  };
  const { items, outers, outer } = stateOfVersion("1", () => first)!;
  assertEquals([items, outers.map(({ name, done }) => [name, done]), outer!.done], [2, [["a", 3]], 1]);
  assertEquals([outers[0]!.metaSteps, outer!.losses], [Float64Array.of(0, 1, 2), Float64Array.of(1)]);
  const between: unknown = stateOfVersion("1", () => ({ items: 1, outers: [] }));
  assertEquals(between, { items: 1, outers: [] });
});

Deno.test("states of this version are as they were written, those of others are not even read", () => {
  const now = { items: 0 };
  assertEquals<unknown>(stateOfVersion(`${stateVersion}`, () => now), now);
  for (const version of [`${stateVersion + 1}`, "", "0", "1.5", "x"]) {
    assertEquals(stateOfVersion(version, () => assertThrows(() => {})), undefined);
  }
});
