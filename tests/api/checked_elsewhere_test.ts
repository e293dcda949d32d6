// Does the package pass Deno's check of types in somebody else's folder? There its own options do not hold: without
// `exactOptionalPropertyTypes` what is absent may be `undefined`, and what no option of ours asks may be an error there.
import { assertEquals } from "@std/assert";
import { thorough } from "../thorough.ts";

// ten seconds of the compiler, so in the gate's larger run
Deno.test({ name: "a script in another folder that imports mod.ts passes `deno check`", ignore: !thorough }, () => {
  const folder = Deno.makeTempDirSync();
  try {
    const script = `
      import { compile } from ${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)};
      console.log(compile("edition 1\\nparam w = 1\\nevaluate e { report w }"));
    `;
    Deno.writeTextFileSync(`${folder}/script.ts`, script);
    // beside the usual options, each of which can only add errors, those that people like to add
    const compilerOptions = { noUnusedLocals: true, noUnusedParameters: true, noImplicitReturns: true };
    Deno.writeTextFileSync(`${folder}/deno.json`, JSON.stringify({ compilerOptions }));
    const { code, stderr } = new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "script.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).outputSync();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
