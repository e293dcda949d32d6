// Which exit codes are there, and what do they say?

/** The exit codes. */
export const exitCodes = { done: 0, wrongProgram: 1, wrongUse: 2, runFailed: 3, missed: 4, stopped: 75 } as const;

/** What each says. */
export const exitCodeTexts: readonly (readonly [string, string])[] = [
  ["0", "done"],
  ["1", "the program is wrong; fmt --check: a file would change"],
  ["2", "wrong use: arguments, files, permissions"],
  ["3", "the run failed"],
  ["4", "an `expect` was missed"],
  ["75", "stopped early by SIGINT, SIGTERM or SIGHUP; `resume DIR` goes on"],
];
