// Are the digits in `examples/` those that its script makes, and is their noise what the script says?
import { assert, assertEquals } from "@std/assert";
import { noisyDigits } from "../../examples/noisy_digits.ts";
import { openArchive } from "../../dsl/data/npz.ts";
import { encodeNpy } from "../../runtime/record/npy.ts";
import { joined } from "../joined.ts";

const tables = noisyDigits();

Deno.test("noisy.npz, clean.npz and held.npz are what noisy_digits.ts makes", () => {
  for (const [name, arrays] of Object.entries(tables)) {
    const files = openArchive(Deno.readFileSync(new URL(`../../examples/${name}.npz`, import.meta.url)));
    assertEquals([...files.keys()], Object.keys(arrays).map((of) => `${of}.npy`));
    for (const [of, array] of Object.entries(arrays)) {
      const [stands, made] = [files.get(`${of}.npy`)!.unpack(), joined(encodeNpy(array))];
      assert(stands.length === made.length && made.every((byte, i) => byte === stands[i]), `${name}.${of}`);
    }
  }
});

Deno.test("no digit stands in two tables, and of 400 labels that are drawn about 360 are wrong", () => {
  const { noisy, clean, held } = tables;
  const row = (table: typeof noisy, i: number) => table!.x!.data.subarray(64 * i, 64 * i + 64).join();
  const images = [noisy, clean, held].flatMap((table) => Array.from(table!.y!.data, (_, i) => row(table, i)));
  assertEquals(images.length, 1797);
  assertEquals(new Set(images).size, images.length);
  for (let digit = 0; digit < 10; digit++) assertEquals(clean!.y!.data.filter((y) => Number(y) === digit).length, 10);
  const differs = Array.from(noisy!.y!.data, (y, i) => Number(y !== noisy!.truth!.data[i]));
  assertEquals(Array.from(noisy!.wrong!.data, Number), differs);
  // binomial, 400 with 0.9: 360, spread 6
  assertEquals(differs.reduce((a, b) => a + b), 368);
});
