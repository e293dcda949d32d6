// Is the gate one, and does it run what README tells people to run?
import { assert, assertEquals } from "@std/assert";
import { frontPageCommands, gateParts } from "../../.ci/gate.ts";

const root = new URL("../../", import.meta.url);
const read = (file: string) => Deno.readTextFileSync(new URL(file, root));

Deno.test("the gate runs README's commands as they stand there, and every test with many cases", () => {
  const commands = frontPageCommands(read("README.md"));
  assertEquals(commands.map((line) => /^npx -y deno@[\d.]+ (run|test) -A /.exec(line)?.[1]), ["run", "test"]);
  const parts = gateParts(read("README.md"));
  for (const line of commands) assert(parts.some(({ command }) => command.join(" ") === line), line);
  assert(
    parts.some(({ command, env }) => command[1] === "test" && !command.includes("tests") && env?.THOROUGH === "1"),
  );
  const mayFail = parts.filter(({ without }) => without !== undefined).map(({ command }) => command.at(-1));
  assertEquals(mayFail, ["setup:tensorflow", "setup:chromium"]);
  assert(parts.some(({ command }) => command.join(" ") === "deno test -A --no-check tests/built/"), "its own part");
});

Deno.test("`.ci/run` and `deno task ok` are the same gate, by the version of Deno that README names", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  assertEquals(tasks.ok, "deno run -A .ci/gate.ts");
  const [version] = /deno@[\d.]+\d/.exec(frontPageCommands(read("README.md"))[0]!)!;
  assert(new RegExp(`^exec npx -y ${version} task .* ok$`, "m").test(read(".ci/run")));
  assert(Deno.build.os === "windows" || (Deno.statSync(new URL(".ci/run", root)).mode! & 0o111) !== 0, "executable");
});
