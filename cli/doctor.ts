// What works on this machine? Every backend with what it stands on: what is present, what is missing, and the command that gets it.
import { join } from "node:path";
import {
  addonIn,
  exists,
  findTensorFlow,
  firstLine,
  type Found,
  libraryIn,
  packageNames,
  setUpFolders,
} from "../runtime/backend/tensorflow/package.ts";
import { type BackendName, largeWork } from "../api/backends.ts";
import { version } from "../api/version.ts";
import { makeWasmBackend } from "../runtime/backend/wasm/index.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";

/** `meta.ts doctor`: prints what works here; the exit code is 0. */
export async function doctorVerb(console: Console): Promise<number> {
  const { deno, v8 } = Deno.version;
  console.out(`meta ${version}, Deno ${deno}, V8 ${v8}, ${Deno.build.os} ${Deno.build.arch}\n\n`);
  const found = findTensorFlow();
  const parts: Readonly<Record<BackendName | "webgpu", readonly string[]>> = {
    wasm: wasmLines(),
    tensorflow: tensorFlowLines(found),
    webgpu: ["not yet a backend", `adapter    ${await adapter()}`],
    reference: ["works: slow, and the truth that the others are tested against"],
    auto: autoLines(found),
  };
  for (const [name, [first, ...rest]] of Object.entries(parts)) {
    console.out(`${name.padEnd(12)}${first}\n${rest.map((line) => `${" ".repeat(12)}${line}\n`).join("")}`);
  }
  return exitCodes.done;
}

function wasmLines(): readonly string[] {
  const threads = navigator.hardwareConcurrency ?? 1;
  return [`works: ${threads} threads, ${makeWasmBackend({ threads: 1 }).dtypes.join(" and ")}`];
}

function tensorFlowLines(found: Found): readonly string[] {
  const folder = setUpFolders().find(exists);
  const addons = folder === undefined ? [] : packageNames.map((name) => addonIn(folder, name)).filter(exists);
  const parts = folder === undefined ? [] : [
    `folder     ${folder}`,
    `addon      ${addons[0] === undefined ? "missing" : addons[0].slice(folder.length + 1)}`,
    `library    ${exists(libraryIn(folder)) ? libraryIn(folder).slice(folder.length + 1) : "missing"}`,
  ];
  const driver = nvidiaDriver();
  if ("missing" in found) {
    const cure = found.cure.includes("setup:tensorflow")
      ? found.cure
      : `${found.cure}, or run \`deno task setup:tensorflow\``;
    return [
      `does not work: ${found.missing}`,
      ...parts,
      `CUDA       ${driver ?? "no NVIDIA driver"}`,
      `cure       ${cure}`,
    ];
  }
  const { xla, cuda, version } = found.proof;
  const place = found.place.kind === "folder" ? found.place.name : found.place.specifier;
  return [
    `works: ${place} ${version}, f32`,
    ...parts,
    `XLA        ${xla ? "compiles graphs" : "not in this library: graphs run node by node"}`,
    `CUDA       ${cuda ? "a device is used" : driver ? `not used, though there is ${driver}` : "no NVIDIA driver"}`,
    ...(!cuda && driver
      ? ["cure       `deno task setup:tensorflow --remove`, then `deno task setup:tensorflow --cuda`"]
      : []),
  ];
}

function autoLines(found: Found): readonly string[] {
  if ("missing" in found) return ["takes wasm"];
  if (found.proof.cuda) return ["takes tensorflow in f32, wasm in f64"];
  const { step, all } = largeWork;
  return [`takes wasm; tensorflow in f32 from ${step / 1e6} MFLOP a meta-step and ${all / 1e9} GFLOP in all`];
}

/** The graphics adapter that Deno would use, asked for in a process of its own: the drivers of software adapters bring a compiler
 *  that TensorFlow brings too, and one process does not survive both. */
async function adapter(): Promise<string> {
  const script = "const one = await navigator.gpu?.requestAdapter();" +
    'console.log(one ? one.info?.description || one.info?.vendor || "of no name" : "none");';
  try {
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", "--no-lock", script] }).output();
    const name = new TextDecoder().decode(stdout).trim() || "none";
    return /llvmpipe|lavapipe|swiftshader|software/i.test(name) ? `software on the processor: ${name}` : name;
  } catch (error) {
    return `not known: ${firstLine(error)}`;
  }
}

/** The driver that CUDA needs, by its version. */
function nvidiaDriver(): string | undefined {
  try {
    const text = Deno.readTextFileSync(join("/proc", "driver", "nvidia", "version"));
    return `an NVIDIA driver (${/\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? "of unknown version"})`;
  } catch {
    return undefined;
  }
}
