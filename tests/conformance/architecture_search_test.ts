// Does an architecture search of one-step loops with momentum give the alphas, and their gradients, of the same search in PyTorch? Both in
// float64, in first and in second order; `bench/twins/architecture_search.py` made the folder beside this.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compile, type Experiment } from "../../mod.ts";
import { some } from "../thorough.ts";

const folder = new URL("architecture_search/", import.meta.url);
const read = (name: string) => Deno.readFileSync(new URL(name, folder));
const text = new TextDecoder().decode(read("search.meta"));

interface Search {
  /** Before each step, and after the last: [3, 3]. */
  readonly alphas: readonly (readonly number[][])[];
  readonly gradients: readonly (readonly number[][])[];
  readonly losses: readonly number[];
}
const twin: Readonly<Record<string, Search>> = JSON.parse(new TextDecoder().decode(read("twin.json")));

function searchOf(order: string, steps: number): Experiment {
  const through = order === "first_order" ? "first_order()" : "unroll()";
  return compile(text.replace("unroll()", through), { name: "search.meta", inputs: { steps }, read });
}

/** Twenty steps of a few thousand roundings each; what is wrong in a term is off by 1e-4 and more. */
const tolerance = 1e-9;

for (const order of ["first_order", "second_order"]) {
  const { alphas, gradients, losses } = twin[order]!;
  for (const backend of ["reference", "wasm"] as const) {
    Deno.test(`twenty steps of a search of ${order.replace("_", " ")} give the alphas of its twin (${backend})`, async () => {
      const made = await searchOf(order, alphas.length - 1).run({ backend });
      const series = made.recorded("alpha").values;
      assertEquals(series.length, alphas.length);
      series.forEach(({ data }, k) => {
        alphas[k]!.flat().forEach((value, i) =>
          assertAlmostEquals(data[i]!, value, tolerance, `alpha ${i} before step ${k}`)
        );
      });
      losses.forEach((loss, k) => assertAlmostEquals(made.losses("search")[k]!, loss, tolerance));
    });
  }

  Deno.test(`and the gradients of its alphas, of ${order.replace("_", " ")}, at each step`, async () => {
    // a gradient after k meta-steps begins where the loop stands, as the next meta-step does
    for (const k of some(gradients.map((_, k) => k).slice(1), 3)) {
      const { data } = (await searchOf(order, k).run()).gradient("alpha");
      gradients[k]!.flat().forEach((value, i) =>
        assertAlmostEquals(data[i]!, value, tolerance, `alpha ${i} at step ${k}`)
      );
    }
  });
}

Deno.test("the twin tells the two orders apart, and a velocity that is lost", () => {
  const [first, second] = ["first_order", "second_order"].map((order) => twin[order]!.gradients.flat(2));
  assert(first!.some((value, i) => Math.abs(value - second![i]!) > 1e-3));
});
