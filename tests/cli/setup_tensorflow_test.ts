// What does the set-up of TensorFlow leave when it cannot be done? Nothing half done, and a sentence that says what is needed.
import { assertEquals, assertStringIncludes } from "@std/assert";

Deno.test("setup:tensorflow without Python says what is needed and leaves nothing half done; --remove removes", async () => {
  const folder = Deno.makeTempDirSync();
  const setUp = async (...args: string[]) => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", new URL("../../cli/setup_tensorflow.ts", import.meta.url).pathname, ...args],
      env: { META_TENSORFLOW: folder, PATH: "/nowhere" },
      stdout: "null",
    }).output();
    return { code, err: new TextDecoder().decode(stderr) };
  };
  const { code, err } = await setUp();
  assertEquals(code, 1);
  assertStringIncludes(err, "error: `python3` is not here. Python 3.10 to 3.13 with pip is needed");
  assertEquals([...Deno.readDirSync(folder)].map((entry) => entry.name), [".gitignore"]);
  assertEquals((await setUp("--remove")).code, 0);
  assertEquals(await Deno.stat(folder).then(() => true, () => false), false);
});
