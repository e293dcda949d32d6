// Are images on a page what they were made of? The PNG in it is read by the reader of data, pixel by pixel.
import { assertEquals } from "@std/assert";
import { layoutOf } from "../../api/report/image_shapes.ts";
import { gridOf } from "../../draw/image_grid.ts";
import { encodePng } from "../../draw/png.ts";
import { openPng } from "../../dsl/data/png.ts";

Deno.test("a PNG that is written is read as the same pixels", async () => {
  for (const channels of [1, 3] as const) {
    const [width, height] = [37, 11];
    const bytes = Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 97) % 256);
    const image = openPng(await encodePng({ width, height, channels, bytes }));
    assertEquals([image.width, image.height, image.channels], [width, height, channels]);
    assertEquals([...image.pixels()], [...bytes]);
  }
});

Deno.test("in a grid each image stands in its place, from black to white, and what is not finite is red", () => {
  const images = { kind: "images", title: "", width: 2, height: 1, channels: 1, count: 2, range: [0, 4] } as const;
  const grid = gridOf({ ...images, pixels: [0, 1, 2, 4] });
  assertEquals([grid.width, grid.height, grid.channels], [6, 1, 1]);
  assertEquals([...grid.bytes], [0, 64, 255, 255, 128, 255]);
  const odd = gridOf({ ...images, pixels: [0, NaN, 2, 4] });
  assertEquals([...odd.bytes.subarray(0, 6)], [0, 0, 0, 255, 0, 0]);
  // all the same: neither black nor white
  assertEquals([...gridOf({ ...images, range: [3, 3], pixels: [3, 3, 3, 3] }).bytes], [128, 128, 255, 255, 128, 128]);
});

Deno.test("arrays have the shape of images where their last axes have", () => {
  const shapes: [number[], string | undefined][] = [
    [[28, 28], "1 of 28 × 28 × 1"],
    [[10, 28, 28], "10 of 28 × 28 × 1"],
    [[2, 5, 3, 32, 32], "10 of 32 × 32 × 3"],
    [[4, 1, 16, 16], "4 of 16 × 16 × 1"],
    [[7, 20, 24, 3], "7 of 24 × 20 × 3"],
    [[10, 784], "10 of 28 × 28 × 1"],
    [[64, 3, 3], undefined],
    [[40, 5], undefined],
    [[784, 10], undefined],
    [[100], undefined],
    [[], undefined],
    [[2000, 20], undefined],
  ];
  for (const [shape, expected] of shapes) {
    const layout = layoutOf(shape);
    assertEquals([shape, layout && `${layout.count} of ${layout.width} × ${layout.height} × ${layout.channels}`], [
      shape,
      expected,
    ]);
  }
});
