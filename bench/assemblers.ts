// What does it cost to have a WebAssembly assembler at hand? For each, in a process of its own: milliseconds to import it, and to
// make a module of one function. Medians of nine runs, alternating.
//
//     deno run -A bench/assemblers.ts

const programs = {
  "runtime/backend/wasm/encoder.ts": `
    const { ModuleWriter } = await import("${new URL("../runtime/backend/wasm/encoder.ts", import.meta.url)}");
    const ready = performance.now();
    const m = new ModuleWriter();
    const type = { parameters: ["f64"], results: ["f64"] };
    m.exportFunction("f", m.addFunction(type, (code) => code.get(0).f64(1).numeric("f64.add")));
    m.finish();`,
  "binaryen 123.0.0": `
    const { default: binaryen } = await import("npm:binaryen@123.0.0");
    const ready = performance.now();
    const m = new binaryen.Module();
    const body = m.f64.add(m.local.get(0, binaryen.f64), m.f64.const(1));
    m.addFunction("f", binaryen.createType([binaryen.f64]), binaryen.f64, [], body);
    m.addFunctionExport("f", "f");
    m.emitBinary();`,
  "wabt 1.0.37": `
    const wabt = await (await import("npm:wabt@1.0.37")).default();
    const ready = performance.now();
    const m = wabt.parseWat("f", '(module (func (export "f") (param f64) (result f64) local.get 0 f64.const 1 f64.add))');
    m.toBinary({});`,
};

const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!;
const times = new Map(Object.keys(programs).map((name) => [name, { ready: [] as number[], made: [] as number[] }]));
for (let turn = 0; turn < 10; turn++) {
  for (const [name, text] of Object.entries(programs)) {
    const code = `const start = performance.now();${text}
      console.log(JSON.stringify([ready - start, performance.now() - ready]));`;
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", "--ext=js", code] }).output();
    const [ready, made] = JSON.parse(new TextDecoder().decode(stdout)) as [number, number];
    if (turn === 0) continue; // fetches what is not there yet
    times.get(name)!.ready.push(ready);
    times.get(name)!.made.push(made);
  }
}
console.log("| assembler | import, ms | one function, ms |\n| --- | ---: | ---: |");
for (const [name, { ready, made }] of times) {
  console.log(`| ${name} | ${median(ready).toFixed(1)} | ${median(made).toFixed(1)} |`);
}
