// Where is a SavedModel while TensorFlow reads it? In a temporary folder, which is gone when the graph is loaded; one that a killed
// process left is removed at the next start.
import { MetaRuntimeError } from "../../errors.ts";
import { join, node } from "./node.ts";
import { firstLine, type TensorFlow } from "./package.ts";

const tmpdir = () => node("os").tmpdir();

const prefix = "meta-tensorflow-";
/** Folders of processes that are not known to be dead are left alone for so long. */
const staleMilliseconds = 3_600_000;

/** Removes what dead processes left. */
export function removeStaleModels(): void {
  try {
    for (const { name } of Deno.readDirSync(tmpdir())) {
      if (name.startsWith(prefix) && isStale(join(tmpdir(), name))) {
        Deno.removeSync(join(tmpdir(), name), { recursive: true });
      }
    }
  } catch {
    // somebody else's, or gone already
  }
}

function isStale(folder: string): boolean {
  const process = folder.slice(folder.lastIndexOf(prefix) + prefix.length).split("-")[0]!;
  try {
    Deno.statSync("/proc/self");
    try {
      Deno.statSync(`/proc/${process}`);
      return false;
    } catch {
      return true;
    }
  } catch {
    const { mtime } = Deno.statSync(folder);
    return mtime !== null && Date.now() - mtime.getTime() > staleMilliseconds;
  }
}

/** Has TensorFlow load a SavedModel; returns its number. Throws MetaRuntimeError when it cannot be written or read. */
export function loadModel(tf: TensorFlow, bytes: Uint8Array): number {
  let folder: string;
  try {
    folder = Deno.makeTempDirSync({ prefix: `${prefix}${Deno.pid}-` });
  } catch (error) {
    throw new MetaRuntimeError(
      `There is no place for the graph that TensorFlow reads, in ${tmpdir()}: ${firstLine(error)}`,
    );
  }
  try {
    try {
      Deno.writeFileSync(join(folder, "saved_model.pb"), bytes);
    } catch (error) {
      const size = `${Math.ceil(bytes.length / 1024)} kB`;
      throw new MetaRuntimeError(
        `The graph that TensorFlow reads (${size}) cannot be written to ${tmpdir()}: ${firstLine(error)}. ` +
          "Set TMPDIR to a folder with room",
      );
    }
    try {
      return tf.backend().loadSavedModelMetaGraph(folder, "serve");
    } catch (error) {
      throw new MetaRuntimeError(`TensorFlow does not take the graph: ${firstLine(error)}`);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
