// Which programs show what they draw? Loops within loops that move to what was drawn: by a rate of 1 on half the squared distance
// a parameter is at the draw after a step. An evaluation reports what the levels saw; all of its numbers come from different draws
// and are different.
import type { Dice } from "./dice.ts";

/** Evaluations whose name begins so report numbers of which no two are equal. */
export const distinctName = "distinct";

/** A program of two or three levels with draws on each. */
export function observedDraws(dice: Dice): string {
  const from = dice.pick(["normal(0, 1)", "uniform(-1, 1)", "normal(0.3, 2)"]);
  const noisy = dice.chance(0.6);
  const levels = dice.int(1, 3);
  const sameTask = dice.chance(0.6);
  const outerTask = sameTask ? "problem" : "other";
  const task = (name: string) =>
    `task ${name} {\n  k ~ ${from}\n  split ${name === "problem" ? "s" : "q"} { x : [${dice.int(1, 3)}] ~ ${from} }\n}`;
  const drawn = dice.pick(["mean(s.x)", "s.x[0]", "problem.k + s.x[0]"]).replace("problem.k + ", "");
  const noise = noisy ? "noise()" : undefined;
  const across = (name: string) => `  across ${dice.int(1, 2)} ${name}\n`;
  const items = ["edition 1", `precision ${dice.chance(0.15) ? "f32" : "f64"}`, task("problem")];
  if (!sameTask) items.push(task("other"));
  if (noisy) items.push(`model noise() -> [] {\n  draw u : [] ~ ${from}\n  return u\n}`);
  items.push("param seen = 0", "param kept = 0", "param final = 0", "param last = 0");
  const seen = noise && dice.chance(0.6) ? noise : drawn;
  const target = dice.pick(["seen@S", "seen@S", drawn, noise ?? drawn]);
  if (target === "seen@S") {
    items.push(
      `inner look {\n  minimize 0.5 * (seen - ${seen})^2\n  over seen by sgd(lr = 1)\n  for S = 2 steps\n}`,
    );
  }
  const steps = dice.int(1, 3);
  items.push(
    `outer mid {\n  minimize 0.5 * (kept - ${target})^2\n${
      across("problem")
    }  over kept by sgd(lr = 1)\n  for M = ${steps} steps\n}`,
  );
  const reports = [...Array(steps).keys()].map((m) => `kept@${m + 1}`);
  const own = outerTask === "problem" ? drawn : "q.x[0]";
  reports.push(dice.chance(0.5) ? own : noise ?? own);
  if (levels >= 2) {
    items.push(
      `outer top {\n  minimize 0.5 * (final - ${dice.pick(["kept@M", "kept@M", own])})^2 + 0 * kept@M\n${
        across(outerTask)
      }  over final by sgd(lr = 1)\n  for N = 2 steps\n}`,
    );
    reports.push("final@1", "final@2");
  }
  if (levels >= 3) {
    items.push(
      `outer summit {\n  minimize 0.5 * (last - final@N)^2\n${
        dice.chance(0.7) ? across(outerTask) : ""
      }  over last by sgd(lr = 1)\n  for P = 2 steps\n}`,
    );
    reports.push("last@1", "last@2");
  }
  items.push(
    `evaluate ${distinctName} {\n  across ${dice.int(2, 3)} ${outerTask}\n${
      reports.map((r) => `  report ${r}`).join("\n")
    }\n}`,
  );
  return `${items.join("\n")}\n`;
}
