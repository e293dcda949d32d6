// What comes of a stretch of programs? Of each, whether it ran and what was found.
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

/** Writes the programs and looks at each. */
export async function lookAtStretch({ seed, from, to }: Stretch): Promise<readonly Caught[]> {
  const caught: Caught[] = [];
  for (let index = from; index < to; index++) {
    const { ran, why, program, finds, looked } = await castNet(seed, index);
    caught.push({ index, why, program, finds, looked, constructs: ran ? constructsIn(program) : new Set() });
  }
  return caught;
}
