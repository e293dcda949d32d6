// Are the values of every task of evaluations during an outer in the arrays, and in the summary while they are few?
import { assertEquals } from "@std/assert";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { evaluationArrays } from "../../runtime/record/evaluation_arrays.ts";
import { summarizeRun } from "../../runtime/record/summary.ts";
import { programOf } from "../loop/good_programs.ts";

const resultOf = (tasks: number) =>
  runProgram(
    programOf(
      "test.meta",
      `edition 1
      precision f64
      task problem { k ~ normal(0, 1)  split s { x : [2] ~ normal(k, 1) } }
      param c = 0.5
      param w = 0
      inner fit { minimize mean((w - s.x)^2)  over w by sgd(lr = 0.1)  for T = 2 steps }
      outer train { minimize (w@T - c)^2  across 2 problem  over c by sgd(lr = 0.1)  for 5 steps }
      evaluate test {
        across ${tasks} problem
        report (w@t - c)^2 at t in 0 .. T
        report c * mean(s.x)
        every 2 steps of train
      }`,
    ),
    referenceBackend,
  );

Deno.test("values of tasks of evaluations during an outer are arrays: evaluations, tasks, times", async () => {
  const { evaluations, ...rest } = await resultOf(3);
  const made = evaluations.filter((e) => e.during);
  assertEquals(made.map((e) => e.during!.step), [0, 2, 4]);
  const { tensors, metadata } = evaluationArrays(evaluations);
  const flat = ({ data }: { readonly data: Iterable<number> }) => [...data];
  assertEquals(flat(tensors.get("evaluate test/steps")!), [0, 2, 4]);
  const [timed, plain] = [0, 1].map((k) => tensors.get(`evaluate test/report ${k}`)!);
  assertEquals([timed!.shape, plain!.shape], [[3, 3, 3], [3, 3]]);
  const wanted = made.flatMap((e) => [0, 1, 2].flatMap((task) => e.reports[0]!.points.map((p) => p.values[task]!)));
  assertEquals(flat(timed!), wanted);
  assertEquals(flat(plain!), made.flatMap((e) => [...e.reports[1]!.points[0]!.values]));
  assertEquals(metadata["evaluate test/report 0"], "axes: evaluations, tasks, times; (w@t - c)^2; during train");
  assertEquals([...evaluationArrays((await resultOf(3)).evaluations.filter((e) => !e.during)).tensors], []);
  // and they are in the summary, too
  const said = summarizeRun({ ...rest, evaluations }).evaluations as {
    reports: { points: { values: number[] }[] }[];
  }[];
  assertEquals(said[1]!.reports[1]!.points[0]!.values, [...made[1]!.reports[1]!.points[0]!.values]);
});

Deno.test("of many values of tasks the summary has those of the last evaluation alone", async () => {
  const values = async (tasks: number) => {
    const result = await resultOf(tasks);
    const said = summarizeRun(result).evaluations as { reports: { points: { values: number[] | null }[] }[] }[];
    return said.map((e) => e.reports.flatMap((r) => r.points.map((p) => p.values?.length ?? null)));
  };
  // three evaluations of four values each: 12 a task
  assertEquals(await values(833), Array(4).fill([833, 833, 833, 833]));
  const none = [null, null, null, null];
  assertEquals(await values(834), [none, none, none, [834, 834, 834, 834]]);
});
