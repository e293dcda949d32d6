// Is a state that an earlier version wrote down read as one of this version, and one of a later version not at all?
import { assertEquals, assertThrows } from "@std/assert";
import { stateOfVersion, stateVersion } from "../../runtime/record/earlier_states.ts";

const numbers = { losses: [3, 2, 1], gradientNorms: [1, 1, 1] };

Deno.test("states of version 1 count meta-steps by their losses, and those of version 2 list what was recorded", () => {
  const at = (step: number) => ({ name: "c", of: "c", by: { kind: "outer", name: "a", step }, trajectory: false });
  const two = (x: number) => ({ dtype: "f64", shape: [2], data: Float64Array.of(x, 2 * x) });
  const first = {
    items: 2,
    recorded: [{ ...at(0), value: two(1) }, { ...at(5), value: two(3) }],
    outers: [{ name: "a", ...numbers }],
    outer: { name: "b", losses: [1], gradientNorms: [1] },
  };
  const { items, outers, outer, ...rest } = stateOfVersion("1", () => first)!;
  assertEquals([items, outers.map(({ name, done }) => [name, done]), outer!.done], [2, [["a", 3]], 1]);
  assertEquals([outers[0]!.metaSteps, outer!.losses], [Float64Array.of(0, 1, 2), Float64Array.of(1)]);
  assertEquals(rest.recorded, [{
    name: "c",
    of: "c",
    by: { kind: "outer", name: "a" },
    trajectory: false,
    steps: Int32Array.of(0, 5),
    values: { dtype: "f64", shape: [2, 2], data: Float64Array.of(1, 2, 3, 6) },
  }]);
  const between: unknown = stateOfVersion("1", () => ({ items: 1, recorded: [], outers: [] }));
  assertEquals(between, { items: 1, recorded: [], outers: [] });
});

Deno.test("states of this version are as they were written, those of others are not even read", () => {
  const now = { items: 0 };
  assertEquals<unknown>(stateOfVersion(`${stateVersion}`, () => now), now);
  for (const version of [`${stateVersion + 1}`, "", "0", "1.5", "x"]) {
    assertEquals(stateOfVersion(version, () => assertThrows(() => {})), undefined);
  }
});
