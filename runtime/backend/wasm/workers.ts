// How is a thread started? As a worker with a text to run: in Deno from a `data:` URL, which needs no permission, in a page from a `blob:`
// one, which is as isolated as the page, in Node by `node:worker_threads`.
import { builtin, platform } from "../../platform.ts";

/** A thread at work. */
export interface Thread {
  terminate(): void;
}

/** Starts a thread that calls `work`, the text of a function, with a message. Throws where there are no threads. */
export function startThread(work: string, message: object): Thread {
  const threads = platform === "Node" && builtin<typeof import("node:worker_threads")>("node:worker_threads");
  if (threads) {
    const worker = new threads.Worker(`require("node:worker_threads").parentPort.once("message", ${work});`, {
      eval: true,
    });
    // what goes wrong there ends that thread: the others do its part
    worker.on("error", () => {});
    worker.unref();
    worker.postMessage(message);
    return { terminate: () => void worker.terminate() };
  }
  const code = `onmessage = ({ data }) => { (${work})(data); close(); };`;
  const blob = platform === "page" && URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const worker = new Worker(blob || "data:text/javascript," + encodeURIComponent(code), { type: "module" });
  worker.postMessage(message);
  return {
    terminate() {
      worker.terminate();
      if (blob) URL.revokeObjectURL(blob);
    },
  };
}
