// How is a run carried out? Until its end or the first signal, with what comes of it told and kept; a run goes on that cannot write for now.
import { duration } from "../api/numbers.ts";
import type { RunResult } from "../runtime/loop/results.ts";
import { runProgram } from "../runtime/loop/run.ts";
import { openCheckpointTimes } from "../runtime/record/checkpoint_times.ts";
import { FileAccessError } from "../runtime/record/files.ts";
import type { RunFolder } from "../runtime/record/run_folder.ts";
import type { ReadyRun } from "./prepared.ts";
import type { Progress } from "./progress.ts";

/** Calls `stop` where a run is to end, and `save` where it is to write down where it stands; gives what ends that. */
export type Listen = (to: { readonly stop: () => void; readonly save: () => void }) => () => void;

/** Runs until the end or the first signal, and closes the folder with whatever there is; `broken` says what could not be written. A run goes
 *  on that cannot write for now; it ends when its folder was taken away. */
export async function carryOut(
  { program, command, choice, folder, script, from }: Omit<ReadyRun, "sources">,
  { progress, listen }: { readonly progress: Progress; readonly listen: Listen },
): Promise<{ result: RunResult; broken: Error | undefined }> {
  const stop = new AbortController();
  let broken: Error | undefined;
  const keep = (action: (folder: RunFolder) => void, last = false) => {
    if (!folder || folder.gone) return;
    try {
      action(folder);
    } catch (error) {
      if (!(error instanceof FileAccessError)) throw error;
      if (folder.gone) stop.abort();
      else if (!last) return progress.warn(`${error.message}; the run goes on, and tries again`);
      broken = error;
    }
  };
  const start = performance.now() - 1000 * (from?.seconds ?? 0);
  const secondsNow = () => (performance.now() - start) / 1000;
  const checkpoint = openCheckpointTimes(command.checkpoint, secondsNow);
  let wanted = false;
  const unlisten = listen({
    stop() {
      stop.abort();
      progress.note("stopping; interrupt again to leave at once");
    },
    save() {
      wanted = folder !== undefined;
      if (!folder) progress.note("nothing is saved: there is no folder (`--out DIR`)");
    },
  });
  try {
    const result = await runProgram(program, choice.backend, {
      seed: command.seed,
      signal: stop.signal,
      ...(script && { tasks: script.tasks }),
      ...(command.memory === undefined ? {} : { memory: command.memory }),
      report(event) {
        const seconds = secondsNow();
        progress.event(event, seconds);
        keep((folder) => folder.record(event, seconds));
      },
      mark(state, moment) {
        if (!folder) return;
        const now = state();
        const write = () => keep((folder) => folder.checkpoint(now, moment, secondsNow()), moment === "stop");
        if (!wanted) return checkpoint(now, moment, write);
        wanted = false;
        write();
        progress.note(`saved to ${folder.path}`);
      },
      markNow: () => wanted,
      ...(from ? { resume: from.state } : {}),
    });
    progress.end();
    if (result.outcome === "stopped" && !broken) progress.note(`stopped after ${duration(result.seconds)}`);
    const whole = { ...result, seconds: secondsNow() };
    keep((folder) => folder.finish(whole), true);
    return { result: whole, broken };
  } catch (error) {
    folder?.abandon();
    throw error;
  } finally {
    unlisten();
  }
}

/** Milliseconds within which the same signal is the same one: `timeout` sends its own to the process and to its group. */
const echo = 100;

/** What a signal to end is: the first, the second, or the one before once more. `now` in milliseconds. */
export function countSignals(
  now: () => number = () => performance.now(),
): (signal: string) => "first" | "second" | "same" {
  let last: { readonly signal: string; readonly at: number } | undefined;
  return (signal) => {
    const at = now();
    const which = !last ? "first" : last.signal === signal && at - last.at < echo ? "same" : "second";
    if (which === "first") last = { signal, at };
    return which;
  };
}

/** The first signal to end calls `stop`, the second ends the process at once, as if nobody had listened; SIGUSR2 calls `save`. SIGUSR1 is
 *  the runtime's own: it opens a port for debuggers. */
export const listenToSignals: Listen = ({ stop, save }) => {
  const count = countSignals();
  const numbers: Partial<Record<Deno.Signal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
  const ending = (Object.keys(numbers) as Deno.Signal[]).map((signal) => ({
    signal,
    listener() {
      const which = count(signal);
      if (which === "second") Deno.exit(128 + numbers[signal]!);
      if (which === "first") stop();
    },
  }));
  const listeners = [...ending, { signal: "SIGUSR2" as const, listener: save }];
  const each = (change: typeof Deno.addSignalListener) => {
    for (const { signal, listener } of listeners) {
      try {
        change(signal, listener);
      } catch {
        // Windows knows not all of them
      }
    }
  };
  each(Deno.addSignalListener);
  return () => each(Deno.removeSignalListener);
};
