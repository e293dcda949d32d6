// What does a worker of a sweep do? It is a lane of its own: it makes the runs that it is told, one after the other.
import { systemDisk } from "../runtime/record/disk.ts";
import { type FromWorker, ownLane, type ToWorker } from "./sweep_lanes.ts";

const here = globalThis as unknown as {
  onmessage: (event: { readonly data: ToWorker }) => void;
  postMessage(message: FromWorker): void;
};
const lane = ownLane(systemDisk);

// a script that makes tasks may end its process; of a worker nobody would learn that
for (const owner of [Deno, globalThis] as const) {
  const name = owner === Deno ? "exit" : "close";
  const end = Reflect.get(owner, name) as (code?: number) => void;
  Reflect.set(owner, name, (code?: number) => {
    here.postMessage({ kind: "gone" });
    end.call(owner, code);
  });
}

here.onmessage = async ({ data }) => {
  if (data.kind !== "run") return lane[data.kind]();
  const end = await lane.run(data.job, (share) => here.postMessage({ kind: "share", share }));
  here.postMessage({ kind: "end", end });
};
