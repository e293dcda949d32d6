// How does the folder of a new version of the checkpoints come into `old/`? `deno run -A tests/record/old_folder.ts`, with the version that is
// to be kept: `old/run-N`, of a run of `old/program.meta` that was killed in its second outer.
import { main } from "../../meta.ts";
import { stateVersion } from "../../runtime/record/earlier_states.ts";
import { capturedConsole } from "../cli/captured_console.ts";

const old = new URL("old/", import.meta.url).pathname;
// of the place where it lay nothing is to be said
const folder = "/tmp/old";
Deno.mkdirSync(folder);
for (const name of ["program.meta", "parts.meta", "train.csv"]) Deno.copyFileSync(`${old}${name}`, `${folder}/${name}`);
const console_ = capturedConsole();
const out = (text: string) => {
  if (text.includes('"second.gradient_norm"') && text.includes('"step":3')) throw new Deno.errors.Interrupted("killed");
  console_.out(text);
};
const to = `${old}run-${stateVersion}`;
await main(
  [`${folder}/program.meta`, "--out", to, "--json", "--backend", "reference", "--checkpoint", "2 steps"],
  { ...console_, out },
);
Deno.removeSync(folder, { recursive: true });
console.log(`${to}: ${[...Deno.readDirSync(`${to}/checkpoints`)].map(({ name }) => name).sort().join(", ")}`);
