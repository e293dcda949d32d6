// What is said while a run goes on? On a terminal one line rewritten in place, elsewhere a line every few seconds, with
// `--json` an object a line.
import { displayWidth } from "../dsl/text/display_width.ts";
import type { EvaluationResult } from "../runtime/loop/results.ts";
import type { ImplicitEvent, RunEvent, StepEvent } from "../runtime/loop/events.ts";
import { metricLines } from "../runtime/record/metrics.ts";
import type { Console } from "./console.ts";
import { normText, poorResidual, untilText } from "../api/report_text.ts";
import { duration, shortNumber } from "../api/numbers.ts";
import { linesToPeople } from "./lines_to_people.ts";

/** Shows a run while it goes on. `seconds` since the run began. */
export interface Progress {
  event(event: RunEvent, seconds: number): void;
  /** A line between the others. */
  note(text: string): void;
  /** What does not end the run, and is to be known; the same text once. */
  warn(text: string): void;
  /** Takes the unfinished line away. */
  end(): void;
}

/** Seconds between two lines (or two rewritings of the line on a terminal). */
const pause = { terminal: 0.1, plain: 5, json: 1 } as const;

/** True for the first and last meta-step, and when the pause is over. */
function gate(seconds: number): (step: StepEvent, now: number) => boolean {
  let last = -Infinity;
  return (step, now) => {
    const due = step.step === 0 || step.step === step.steps - 1 || now - last >= seconds;
    if (due) last = now;
    return due;
  };
}

/** Progress for people. */
export function textProgress(console: Console): Progress {
  const due = gate(console.errTerminal ? pause.terminal : pause.plain);
  const { width, note, rewrite, clear } = linesToPeople(console);
  const warned = new Set<string>();
  const warnOnce = (about: string, text: string) => {
    if (!warned.has(about)) note(`warning: ${text}`);
    warned.add(about);
  };
  // the last one of a loop is shown, also where it ends early
  let last: StepEvent | undefined;
  const begun = new Set<string>();
  return {
    note,
    warn: (text) => warnOnce(text, text),
    end: clear,
    event(event, seconds) {
      for (const { about, text } of event.kind === "implicit" ? implicitWarnings(event) : []) warnOnce(about, text);
      if (event.kind === "evaluation" && event.evaluation.during) note(evaluationLine(event.evaluation));
      if (event.kind === "until") {
        if (last) note(stepLine(last, width()));
        last = undefined;
        note(`${event.outer}: ${untilText(event.held, event.step)}`);
      }
      if (event.kind !== "step") return;
      const first = !begun.has(event.outer);
      begun.add(event.outer);
      last = due(event, seconds) ? undefined : event;
      if (last) return;
      const line = stepLine(event, width(), first);
      (event.step === event.steps - 1 ? note : rewrite)(line);
    },
  };
}

/** `train 120/70000  loss 0.4312  gradient norm 0.12  213 meta-steps/s  5 min 23 s left`. In fewer `cells` first the norm is left out,
 *  then the pace, what was left out, the loss, and at last the end of the name; never the time left. `first`: of those that are made here,
 *  also where a run goes on. */
export function stepLine(e: StepEvent, cells = Infinity, first = e.step === 0): string {
  const total = String(e.steps);
  const count = `${String(e.step + 1).padStart(total.length)}/${total}`;
  const last = e.step === e.steps - 1;
  // the first meta-step also compiles: it says nothing about the pace
  const time = first ? "" : last ? `${duration(e.secondsElapsed)} in all` : `${duration(e.secondsLeft)} left`;
  const norm = `gradient norm ${shortNumber(e.gradientNorm)}`;
  const pace = first ? "" : `${Number(e.stepsPerSecond.toPrecision(3))} meta-steps/s`;
  const leftOut = e.leftOut === undefined ? "" : `${e.leftOut} ${e.leftOut === 1 ? "task" : "tasks"} left out`;
  const loss = `loss ${shortNumber(e.loss)}`;
  const parts = [`${e.outer} ${count}`, loss, norm, leftOut, pace, time];
  const line = (gone: readonly string[]) => parts.filter((part) => part !== "" && !gone.includes(part)).join("  ");
  const lines = [[], [norm], [norm, pace], [norm, pace, leftOut], [norm, pace, leftOut, loss]].map(line);
  return lines.find((each) => displayWidth(each) <= cells) ?? shortened(lines.at(-1)!, e.outer, cells);
}

/** The line with as much of the name as there is room for. */
function shortened(line: string, name: string, cells: number): string {
  const rest = line.slice(name.length);
  const room = Math.max(1, cells - displayWidth(rest) - 1);
  let kept = "";
  for (const character of name) if (displayWidth(kept + character) <= room) kept += character;
  return `${kept}…${rest}`;
}

/** What makes an implicit derivative doubtful: a loop that is taken for solved and is not, a system that is not solved.
 *  `about` is the same whenever the same doubt arises again. */
export function implicitWarnings(
  { outer, report }: ImplicitEvent,
): { readonly about: string; readonly text: string }[] {
  const { loop, residual, equation, gradientNorm, startNorm, arrived } = report;
  const at = outer ? `${outer.name}, meta-step ${outer.step}: ` : "";
  const of = `${outer?.name} ${loop}`;
  const far = `${at}\`${loop}\` has not arrived: the ${normText[equation]} went from ${shortNumber(startNorm)} to ` +
    `${shortNumber(gradientNorm)}, and the implicit derivative takes it for 0 (more steps, or \`through unroll()\`)`;
  const poor = `${at}the system behind the implicit derivative of \`${loop}\` is solved to a residual of ` +
    `${shortNumber(residual)} of its right side only (more \`iterations\`, \`damping\`, or another \`solver\`)`;
  return [
    ...(arrived ? [] : [{ about: `${of} arrived`, text: far }]),
    ...(residual > poorResidual ? [{ about: `${of} solved`, text: poor }] : []),
  ];
}

function evaluationLine({ name, during, reports }: EvaluationResult): string {
  const parts = reports.map(({ points }) => {
    const last = points.at(-1)!;
    return `mean ${shortNumber(last.mean)}${last.time === undefined ? "" : ` at time ${last.time}`}`;
  });
  return `${during!.outer} before meta-step ${during!.step}: ${name} ${parts.join(", ")}`;
}

/** Progress for programs. Meta-steps are given about once a second; what is recorded is given in full. */
export function jsonProgress(console: Console): Progress {
  const due = gate(pause.json);
  const say = (event: RunEvent, seconds: number) => {
    for (const line of metricLines(event, seconds)) console.out(`${JSON.stringify(line)}\n`);
  };
  let last: StepEvent | undefined;
  const warned = new Set<string>();
  return {
    note: () => {},
    warn(text) {
      if (!warned.has(text)) console.out(`${JSON.stringify({ kind: "warning", message: text })}\n`);
      warned.add(text);
    },
    end: () => {},
    event(event, seconds) {
      if (event.kind === "step") last = due(event, seconds) ? undefined : event;
      if (event === last) return;
      if (event.kind === "until" && last) say(last, seconds);
      if (event.kind === "until") last = undefined;
      say(event, seconds);
    },
  };
}
