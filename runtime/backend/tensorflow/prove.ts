// Can TensorFlow be loaded here, and what can it do? Run in a process of its own, because loading may end the process. Prints a
// `Proof` as JSON.
import { firstLine, loadTensorFlow, type Place, type Proof, type TensorFlow } from "./package.ts";
import { FunctionGraph, Library } from "./graph.ts";
import { loadModel } from "./models.ts";
import { Operations } from "./operations.ts";

/** Adds 1 to 1, compiled by XLA or not. */
function tryOut(tf: TensorFlow, compiled: boolean): boolean {
  const type = { dtype: "f32", shape: [] } as const;
  const library = new Library(compiled);
  const graph = new FunctionGraph(library, [{ type: "f32", shape: [] }]);
  const t = new Operations(graph);
  const name = graph.finish("probe", [t.binary("AddV2", graph.inputs[0]!, t.scalar(1, graph.inputs[0]!))]);
  const model = loadModel(tf, library.savedModel(name, { inputs: [type], outputs: [type] }));
  const x = tf.tensor(Float32Array.of(1), [], "float32");
  const [y] = tf.backend().runSavedModel(model, [x], [{ name: "x0:0" }], ["call:0"]);
  return y!.dataSync()[0] === 2;
}

if (import.meta.main) {
  const tf = await loadTensorFlow(JSON.parse(Deno.args[0]!) as Place);
  if (!tryOut(tf, false)) throw new Error("1 + 1 is not 2 in this library");
  let xla = false;
  try {
    xla = tryOut(tf, true);
  } catch (error) {
    console.error(`without XLA: ${firstLine(error)}`);
  }
  const proof: Proof = { xla, cuda: tf.backend().isUsingGpuDevice, version: tf.version["tfjs-node"]! };
  console.log(JSON.stringify(proof));
}
