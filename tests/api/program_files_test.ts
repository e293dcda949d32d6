import { assertEquals, assertThrows } from "@std/assert";
import { openProgramFiles } from "../../api/program_files.ts";
import { leastApart, memoryOf } from "../../runtime/program/data_memory.ts";
import { FileAccessError } from "../../runtime/record/files.ts";

function inFolder(body: (folder: string) => void): () => void {
  return () => {
    const folder = Deno.makeTempDirSync();
    try {
      Deno.mkdirSync(`${folder}/program/sub`, { recursive: true });
      Deno.writeTextFileSync(`${folder}/program/a.meta`, "edition 1\r\n");
      body(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

Deno.test(
  "openProgramFiles() reads the root, imports and data, and remembers what it read",
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/program/sub/b.meta`, "// b");
    Deno.writeFileSync(`${folder}/program/d.csv`, Uint8Array.of(97));
    const files = openProgramFiles(`${folder}/program/a.meta`);
    assertEquals(files.root, { name: "a.meta", text: "edition 1\r\n" });
    assertEquals(files.readSource("sub/b.meta"), "// b");
    assertEquals(files.readSource("sub/none.meta"), undefined);
    assertEquals(files.readData("d.csv"), Uint8Array.of(97));
    files.readData("d.csv");
    assertEquals([...files.sourcesRead], [["sub/b.meta", "// b"]]);
    // sha256sum of the letter a
    const sha256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    assertEquals(files.dataRead, [{ path: "d.csv", bytes: 1, sha256 }]);
    assertEquals(openProgramFiles(new URL(`file://${folder}/program/a.meta`)).root.name, "a.meta");
  }),
);

Deno.test(
  "openProgramFiles() reads files of large arrays to where data lie, and others not",
  inFolder((folder) => {
    const bytes = new Uint8Array(leastApart).fill(7);
    const files = openProgramFiles(`${folder}/program/a.meta`);
    for (const [name, lies] of [["d.NPZ", true], ["x-idx3-ubyte", true], ["d.csv", false]] as const) {
      Deno.writeFileSync(`${folder}/program/${name}`, bytes);
      const read = files.readData(name)!;
      assertEquals([memoryOf(read) !== undefined, read.length, read.every((byte) => byte === 7)], [
        lies,
        bytes.length,
        true,
      ]);
    }
    assertEquals(new Set(files.dataRead.map(({ sha256 }) => sha256)).size, 1);
  }),
);

Deno.test(
  "openProgramFiles() refuses paths and links out of the folder",
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/secret.meta`, "// secret");
    Deno.mkdirSync(`${folder}/program-of-another`);
    Deno.writeTextFileSync(`${folder}/program-of-another/x.meta`, "// x");
    Deno.symlinkSync(`${folder}/secret.meta`, `${folder}/program/link.meta`);
    Deno.symlinkSync(`${folder}/program-of-another`, `${folder}/program/other`);
    Deno.symlinkSync(`${folder}/program/a.meta`, `${folder}/program/inside.meta`);
    const { readSource, readData } = openProgramFiles(`${folder}/program/a.meta`);
    for (
      const path of ["../secret.meta", "sub/../../secret.meta", `${folder}/secret.meta`, "C:/x", "a\\b", "x\0y", ""]
    ) {
      assertThrows(() => readSource(path), FileAccessError, "lies outside of the program's folder");
    }
    for (const path of ["link.meta", "other/x.meta"]) {
      assertThrows(() => readSource(path), FileAccessError, "is a link out of the program's folder");
      assertThrows(() => readData(path), FileAccessError, "is a link out of the program's folder");
    }
    assertEquals(readSource("inside.meta"), "edition 1\r\n");
  }),
);

Deno.test(
  "openProgramFiles() says what is wrong with a file",
  inFolder((folder) => {
    assertThrows(() => openProgramFiles(`${folder}/none.meta`), FileAccessError, "there is no such file or folder");
    assertThrows(() => openProgramFiles(`${folder}/program`), FileAccessError, "it is a folder");
    Deno.writeFileSync(`${folder}/program/bad.meta`, Uint8Array.of(0xff, 0xfe));
    assertThrows(() => openProgramFiles(`${folder}/program/bad.meta`), FileAccessError, "is not UTF-8 text");
    Deno.writeTextFileSync(`${folder}/program/bom.meta`, "\ufeffedition 1");
    assertEquals(openProgramFiles(`${folder}/program/bom.meta`).root.text, "edition 1");
  }),
);

Deno.test(
  "openProgramFiles() looks for data, and for nothing else, in a second folder too, and says where it was",
  inFolder((folder) => {
    Deno.mkdirSync(`${folder}/data/sub`, { recursive: true });
    Deno.writeFileSync(`${folder}/program/here.csv`, Uint8Array.of(1));
    Deno.writeFileSync(`${folder}/data/sub/there.csv`, Uint8Array.of(2, 3));
    for (const place of ["program", "data"]) Deno.writeFileSync(`${folder}/${place}/both.csv`, Uint8Array.of(4));
    Deno.writeTextFileSync(`${folder}/data/b.meta`, "// b");
    Deno.symlinkSync(`${folder}/program/here.csv`, `${folder}/data/link.csv`);
    const open = (dataFolder: string) => openProgramFiles(`${folder}/program/a.meta`, { dataFolder });
    const files = open(`${folder}/data`);
    assertEquals(files.readData("here.csv"), Uint8Array.of(1));
    assertEquals(files.readData("sub/there.csv"), Uint8Array.of(2, 3));
    assertEquals(files.readData("none.csv"), undefined);
    assertEquals(files.readSource("b.meta"), undefined);
    assertEquals(files.dataRead.map(({ path, folder }) => [path, folder]), [
      ["here.csv", undefined],
      ["sub/there.csv", `${folder}/data`],
    ]);
    const both = "`both.csv` lies in the program's folder and in the data folder";
    assertThrows(() => files.readData("both.csv"), FileAccessError, both);
    assertThrows(() => files.readData("link.csv"), FileAccessError, "is a link out of the data folder");
    assertThrows(() => files.readData("../secret.csv"), FileAccessError, "lies outside");
    assertEquals(open(`${folder}/program`).readData("here.csv"), Uint8Array.of(1));
    assertThrows(() => open(`${folder}/none`), FileAccessError, "there is no such file or folder");
    assertThrows(() => open(`${folder}/program/a.meta`), FileAccessError, "it is no folder");
  }),
);

Deno.test(
  "openProgramFiles() finds the files of a pattern, in one folder only, and sums names and contents up",
  inFolder((folder) => {
    const write = (path: string, ...bytes: number[]) => {
      Deno.mkdirSync(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      Deno.writeFileSync(`${folder}/${path}`, Uint8Array.from(bytes));
    };
    for (const path of ["b/2.png", "b/10.png", "a/1.png", "a/.1.png", ".a/1.png"]) {
      write(`program/i/${path}`, path.length);
    }
    write("outside/1.png", 1);
    write("program/i/readme.png");
    Deno.mkdirSync(`${folder}/program/i/a/folder.png`);
    Deno.symlinkSync("a", `${folder}/program/i/c`);
    Deno.symlinkSync("nowhere", `${folder}/program/i/d`);
    const open = (dataFolder?: string) => openProgramFiles(`${folder}/program/a.meta`, { dataFolder });
    const read = (pattern: string, dataFolder?: string) => {
      const files = open(dataFolder);
      for (const path of files.findData(pattern)) files.readData(path, undefined, pattern);
      return files.dataRead;
    };
    // links stay inside; what is no file is found, and refused where it is read
    const found = open().findData("i/*/*.png");
    assertEquals(found, ["i/a/1.png", "i/a/folder.png", "i/b/10.png", "i/b/2.png", "i/c/1.png", "i/c/folder.png"]);
    assertThrows(() => open().readData("i/a/folder.png"), FileAccessError, "it is a folder");
    assertEquals(open().findData("none/*.png"), []);
    assertEquals(open().findData("a.meta/*.png"), []);
    assertThrows(() => open().findData("../outside/*.png"), FileAccessError, "lies outside");
    // sha256sum i/b/10.png i/b/2.png | sha256sum
    const before = read("i/b/*.png");
    assertEquals(before, [{
      path: "i/b/*.png",
      files: 2,
      bytes: 2,
      sha256: "d18dd37cdc6627f597b62d19ed3037981255edea1f84f2c5bbca87a4f8f14f84",
    }]);
    write("program/i/b/2.png", 8);
    const changed = read("i/b/*.png");
    Deno.renameSync(`${folder}/program/i/b/2.png`, `${folder}/program/i/b/3.png`);
    const renamed = read("i/b/*.png");
    assertEquals(new Set([before, changed, renamed].map(([facts]) => facts!.sha256)).size, 3);
    // a second folder
    write("data/i/e/1.png", 5);
    write("data/j/1.png", 6);
    assertEquals(read("j/*.png", `${folder}/data`).map((f) => [f.path, f.folder, f.files]), [[
      "j/*.png",
      `${folder}/data`,
      1,
    ]]);
    assertEquals(open(`${folder}/data`).findData("i/e/*.png"), ["i/e/1.png"]);
    const both = "files `i/*/1.png` lie in the program's folder and in the data folder";
    assertThrows(() => open(`${folder}/data`).findData("i/*/1.png"), FileAccessError, both);
    assertEquals(open(`${folder}/program`).findData("i/a/1*.png"), ["i/a/1.png"]);
    Deno.symlinkSync(`${folder}/outside`, `${folder}/program/i/f`);
    assertThrows(() => open().findData("i/*/1.png"), FileAccessError, "`i/f` is a link out of the program's folder");
  }),
);
