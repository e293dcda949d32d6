// How is what an index names read? Where it lies, by the nest that computes with it; or rows are copied side by side first, where more
// than one nest, or what is no nest, reads them.
import { entryBytes, type EquationOf, sizeOf } from "../../ir/types.ts";
import type { FrameBuilder } from "./build.ts";
import { Core } from "./core.ts";
import { extentsOf } from "./lower_routines.ts";
import { normalAxes } from "./views.ts";

/** Rows of fewer bytes are read one by one as fast as they are copied. */
const shortRow = 64;

/** As `gather`. */
export function gatherCore(
  builder: FrameBuilder,
  { inputs, outputs, params: { axis, batch }, origin }: EquationOf<"gather">,
  [table, index]: readonly [Core, Core],
): Core {
  const [whole, indices] = [inputs[0]!.shape, inputs[1]!.shape];
  const { dtype, shape } = outputs[0]!;
  const { sizes } = normalAxes(shape);
  const rows = whole[axis]!;
  // there is none to read
  if (rows === 0) return new Core(builder, { dtype, sizes }, { kind: "uniform", value: 0 });
  const [atTable, atIndex] = [normalAxes(whole).at, normalAxes(indices).at];
  const named = indices.length - batch;
  const along = shape.flatMap((size, k) => {
    if (size === 1) return [];
    const isNamed = k >= axis && k < axis + named;
    const ofTable = k < axis ? k : k - named + 1;
    const ofIndex = k < batch ? k : k - axis + batch;
    return [{ table: isNamed ? -1 : atTable[ofTable]!, index: isNamed || k < batch ? atIndex[ofIndex]! : -1 }];
  });
  const extents = extentsOf(whole, indices, { axis, batch });
  const isShort = sizeOf(whole.slice(axis + 1)) * entryBytes[dtype] < shortRow;
  return new Core(builder, { dtype, sizes }, {
    kind: "gather",
    table,
    index,
    axis: atTable[axis]!,
    rows,
    along,
    isShort,
    copy: (to) => {
      const views = [builder.rowMajor(table), builder.rowMajor(index)];
      return builder.append({ kind: "routine", op: "gather", inputs: views, output: to, extents, origin });
    },
  }, origin);
}
