// Who looks at a stretch of programs? A worker: it says of each what came of it.
import { constructsIn } from "./constructs.ts";
import { castNet, type Find } from "./net.ts";
import type { RandomProgram } from "./definitions.ts";

/** Programs from `from` to below `to`. */
export interface Stretch {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** What came of one program. */
export interface Caught {
  readonly index: number;
  readonly why: string | undefined;
  readonly program: RandomProgram;
  readonly finds: readonly Find[];
  readonly looked: ReadonlyMap<string, string>;
  /** Of a program that ran. */
  readonly constructs: ReadonlySet<string>;
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Stretch>) => void;
  postMessage: (message: readonly Caught[]) => void;
};

scope.onmessage = async ({ data: { seed, from, to } }) => {
  const caught: Caught[] = [];
  for (let index = from; index < to; index++) {
    const { ran, why, program, finds, looked } = await castNet(seed, index);
    caught.push({ index, why, program, finds, looked, constructs: ran ? constructsIn(program) : new Set() });
  }
  scope.postMessage(caught);
};
