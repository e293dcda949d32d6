// How is a loaded graph called? Tensors in, tensors out, both owned by the caller; what TensorFlow says when it fails is put in terms
// of the program.
import { MetaRuntimeError } from "../../errors.ts";
import type { ArrayType, HostArray } from "../../ir/types.ts";
import { loadModel } from "./models.ts";
import { firstLine, packageTypes, type Tensor, type TensorFlow } from "./package.ts";
import { disposed } from "../check_inputs.ts";

/** What a model is asked for: the name is for people. */
export interface Signature {
  readonly name: string;
  readonly inputs: readonly ArrayType[];
  readonly outputs: readonly ArrayType[];
}

/** A loaded graph. */
export class Model {
  readonly #tf: TensorFlow;
  readonly #signature: Signature;
  readonly #infos: readonly { readonly name: string }[];
  readonly #names: readonly string[];
  #model: number | undefined;

  constructor(tf: TensorFlow, signature: Signature, bytes: Uint8Array) {
    this.#tf = tf;
    this.#signature = signature;
    this.#infos = signature.inputs.map((_, i) => ({ name: `x${i}:0` }));
    this.#names = signature.outputs.map((_, i) => `call:${i}`);
    this.#model = loadModel(tf, bytes);
  }

  /** Hands an array over. */
  upload({ dtype, shape, data }: HostArray): Tensor {
    if (dtype === "u8") {
      const integers = new Int32Array(Math.ceil(data.length / 4));
      new Uint8Array(integers.buffer).set(data);
      return this.#tf.tensor(integers, [integers.length], packageTypes.i32!);
    }
    return this.#tf.tensor(data.slice(), [...shape], packageTypes[dtype]!);
  }

  /** Runs the graph. Throws MetaRuntimeError with what TensorFlow says. */
  run(inputs: readonly Tensor[]): readonly Tensor[] {
    const { name } = this.#signature;
    if (this.#model === undefined) throw disposed(this.#signature);
    if (this.#names.length === 0) return [];
    try {
      return this.#tf.backend().runSavedModel(this.#model, inputs, this.#infos, this.#names);
    } catch (error) {
      const said = firstLine(error).replace(/^Session fail to run with error: /, "");
      if (/OOM|RESOURCE_EXHAUSTED|[Oo]ut of memory|bad_alloc/.test(said)) {
        throw new MetaRuntimeError(
          `Cannot run ${name}: TensorFlow has not enough memory (${said}). Give a budget (\`memory 2 GB\` or \`--memory\`), or ` +
            "take smaller batches, fewer tasks or fewer steps",
        );
      }
      throw new MetaRuntimeError(`Cannot run ${name}: TensorFlow says: ${said}`);
    }
  }

  /** Calling it twice is harmless. */
  dispose(): void {
    if (this.#model !== undefined) this.#tf.backend().deleteSavedModel(this.#model);
    this.#model = undefined;
  }
}
