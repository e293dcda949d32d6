// Does the arena's planner keep live blocks apart, and find every freed byte again?
import { assert, assertEquals } from "@std/assert";
import { blockBytes, house, RegionPlanner } from "../../runtime/backend/kernels/arena.ts";
import { TestRandom } from "./reference_naive.ts";
import { cases } from "../thorough.ts";

Deno.test("blockBytes() rounds up to cache lines, and gives empty arrays a line of their own", () => {
  assertEquals([0, 1, 64, 65, 640].map(blockBytes), [64, 64, 64, 128, 640]);
});

Deno.test("RegionPlanner takes the smallest gap that is large enough", () => {
  const planner = new RegionPlanner();
  const sizes = [256, 64, 128, 64, 512, 64];
  const offsets = sizes.map((bytes) => planner.take(bytes));
  for (const i of [0, 2, 4]) planner.give(offsets[i]!, sizes[i]!);
  assertEquals(planner.take(128), offsets[2]);
  assertEquals(planner.take(192), offsets[0]);
  assertEquals(planner.take(64), offsets[0]! + 192);
  assertEquals(planner.take(512), offsets[4]);
  assertEquals(planner.bytes, 1088);
});

Deno.test("RegionPlanner grows from a gap at the end", () => {
  const planner = new RegionPlanner();
  planner.take(64);
  planner.give(planner.take(64), 64);
  assertEquals(planner.take(256), 64);
  assertEquals(planner.bytes, 320);
});

Deno.test("RegionPlanner never hands out a byte twice, and joins neighbouring gaps", () => {
  for (let seed = 0; seed < cases(10, 50); seed++) {
    const r = new TestRandom(seed);
    const planner = new RegionPlanner();
    const live: [number, number][] = [];
    const check = (offset: number, bytes: number) =>
      live.every(([o, b]) => offset + bytes <= o || o + b <= offset) && offset + bytes <= planner.bytes;
    for (let i = 0; i < 200; i++) {
      if (live.length > 0 && r.next() < 0.5) {
        const [[offset, bytes]] = live.splice(r.between(0, live.length - 1), 1) as [[number, number]];
        planner.give(offset, bytes);
      } else {
        const bytes = 64 * r.between(1, 8);
        const offset = planner.take(bytes);
        assert(check(offset, bytes), `seed ${seed}: [${offset}, ${bytes}] overlaps`);
        live.push([offset, bytes]);
      }
    }
    for (const [offset, bytes] of live) planner.give(offset, bytes);
    const reached = planner.bytes;
    assertEquals(planner.take(reached), 0, `seed ${seed}: freed bytes are in pieces`);
    assertEquals(planner.bytes, reached);
  }
});

Deno.test("tenants never have the same bytes at the same time, few or many, and pack well", () => {
  for (const count of [60, 4000]) {
    let state = 99;
    const next = (most: number) => (state = state * 48271 % 2147483647) % most;
    const list = Array.from({ length: count }, () => {
      const from = next(500);
      const tenant = { bytes: blockBytes(1 + next(5000)), from, to: from + next(8), offset: -1 };
      return { ...tenant, settle: (offset: number) => void (tenant.offset = offset), at: () => tenant.offset };
    });
    const bytes = house(list, 640);
    let most = 0;
    for (let time = 0; time < 510; time++) {
      const here = list.filter((t) => t.from <= time && time <= t.to).toSorted((a, b) => a.at() - b.at());
      here.forEach((t, i) => {
        assert(t.at() >= 640 && t.at() + t.bytes <= 640 + bytes);
        if (i > 0) assert(here[i - 1]!.at() + here[i - 1]!.bytes <= t.at());
      });
      most = Math.max(most, here.reduce((sum, t) => sum + t.bytes, 0));
    }
    assert(bytes < 1.35 * most, `${bytes} for ${most}`);
  }
});
