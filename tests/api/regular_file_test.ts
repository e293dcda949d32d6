import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { openProgramFiles } from "../../api/program_files.ts";
import { compileFile, FileAccessError } from "../../mod.ts";
import { readRegularFile } from "../../api/regular_file.ts";

const posix = Deno.build.os !== "windows";

/** What is neither a file nor nothing, each by its name in a folder of its own. */
async function withOddFiles(body: (folder: string) => void): Promise<void> {
  const folder = Deno.makeTempDirSync();
  const at = (name: string) => `${folder}/${name}`;
  Deno.mkdirSync(at("folder"));
  Deno.symlinkSync(at("loop"), at("loop"));
  Deno.symlinkSync(at("folder"), at("link_to_folder"));
  Deno.symlinkSync(at("pipe"), at("link_to_pipe"));
  using _socket = Deno.listen({ transport: "unix", path: at("socket") });
  await new Deno.Command("mkfifo", { args: [at("pipe")] }).output();
  // so that who opens the pipe all the same does not wait for ever
  const writers = [1, 2, 3].map(() =>
    new Deno.Command("sh", { args: ["-c", `echo 'edition 1' > ${at("pipe")}`] }).spawn()
  );
  try {
    body(folder);
  } finally {
    for (const writer of writers) {
      try {
        writer.kill();
      } catch {
        // it was read
      }
      await writer.status;
    }
    Deno.removeSync(folder, { recursive: true });
  }
}

const kinds = [
  ["folder", "it is a folder"],
  ["link_to_folder", "it is a folder"],
  ["pipe", "it is a pipe"],
  ["link_to_pipe", "it is a pipe"],
  ["socket", "it is a socket"],
  ["loop", "a link that leads to itself"],
] as const;

Deno.test({
  name: "only regular files are read as programs, imports and data",
  ignore: !posix,
  fn: () =>
    withOddFiles((folder) => {
      Deno.writeTextFileSync(`${folder}/a.meta`, "edition 1\n");
      const { readSource, readData } = openProgramFiles(`${folder}/a.meta`);
      for (const [name, why] of kinds) {
        const readers = [
          () => openProgramFiles(`${folder}/${name}`),
          () => compileFile(`${folder}/${name}`),
          () => readSource(name),
          () => readData(name),
        ];
        for (const read of readers) {
          assertStringIncludes(assertThrows(read, FileAccessError, why).message, `${folder}/${name}`);
        }
      }
      assertThrows(() => openProgramFiles("/dev/null"), FileAccessError, "it is a device");
    }),
});

Deno.test("a file is not read when it is larger than may be, nor when it has another length than its size", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/a`;
    Deno.writeTextFileSync(path, "12345");
    const asked: number[] = [];
    const upTo = (most: number) => ({ folder, take: (bytes: number) => asked.push(bytes) > 0 && bytes <= most });
    assertEquals(readRegularFile(path, upTo(5)), new TextEncoder().encode("12345"));
    assertEquals(readRegularFile(path, upTo(4)), undefined);
    assertEquals(asked, [5, 5]);
    assertThrows(() => readRegularFile(`${folder}/none`, upTo(5)), Deno.errors.NotFound);
    // of no size, and of much content
    if (Deno.build.os === "linux") {
      assertThrows(() => readRegularFile("/proc/self/maps", upTo(5)), FileAccessError, "has more bytes");
    }
    // 1 TB of holes: looked at, not read
    for (const name of ["d.csv", "d.npy"]) {
      Deno.openSync(`${folder}/${name}`, { write: true, create: true }).close();
      Deno.truncateSync(`${folder}/${name}`, 1e12);
    }
    Deno.writeTextFileSync(`${folder}/a.meta`, "edition 1\n");
    const { readSource } = openProgramFiles(`${folder}/a.meta`);
    assertThrows(() => readSource("d.csv"), FileAccessError, "has 1 TB, which is too long for a program");
    for (const name of ["d.csv", "d.npy"]) {
      const said = `With \`${name}\` the data of the program take 1000000000000 bytes, and 4000000000 are allowed`;
      Deno.writeTextFileSync(`${folder}/b.meta`, `edition 1\ndata d from "${name}" { x : [_] }\n`);
      assertThrows(() => compileFile(`${folder}/b.meta`), Error, said);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
