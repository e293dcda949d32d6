// How much work is something, without a clock? Calls of functions, counted by the engine.
import inspector from "node:inspector";

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly functionName: string;
      readonly ranges: readonly { readonly count: number }[];
    }[];
  }[];
}

/** Calls of functions that `task` makes, all that are written in a script. What the engine's own functions do inside is not seen. The
 *  count is the same every time. */
export async function callsOf(task: () => void): Promise<number> {
  const { result } = await coverageOf(task);
  return result.reduce((sum, { functions }) => functions.reduce((n, { ranges }) => n + ranges[0]!.count, sum), 0);
}

/** The functions that `task` calls: the address of the script and the name, with a blank between. */
export async function functionsCalled(task: () => void | Promise<void>): Promise<Set<string>> {
  const { result } = await coverageOf(task);
  return new Set(
    result.flatMap(({ url, functions }) =>
      functions.flatMap(({ functionName, ranges }) => ranges[0]!.count > 0 ? [`${url} ${functionName}`] : [])
    ),
  );
}

/** How often `task` calls functions of this name. */
export async function timesCalled(name: string, task: () => void | Promise<void>): Promise<number> {
  const { result } = await coverageOf(task);
  return result.flatMap(({ functions }) => functions).filter(({ functionName }) => functionName === name)
    .reduce((sum, { ranges }) => sum + ranges[0]!.count, 0);
}

async function coverageOf(task: () => void | Promise<void>): Promise<Coverage> {
  const session = new inspector.Session();
  session.connect();
  const post = (method: string, params: object = {}) =>
    new Promise<unknown>((resolve, reject) =>
      session.post(method, params, (error: Error | null, result?: object) => error ? reject(error) : resolve(result))
    );
  try {
    await post("Profiler.enable");
    await post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
    await task();
    const coverage = await post("Profiler.takePreciseCoverage") as Coverage;
    await post("Profiler.stopPreciseCoverage");
    return coverage;
  } finally {
    session.disconnect();
  }
}
