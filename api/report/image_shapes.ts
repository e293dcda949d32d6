// Which arrays are images? Those whose last axes have the sizes of some: height and width, with one or three channels ahead or behind; or rows
// as long as a square.
import type { Images } from "../../draw/report.ts";
import { shortNumber } from "../numbers.ts";
import type { NumberArray } from "./reported_run.ts";

/** Pixels along an edge, at least, and how much longer one may be than the other. */
const shortest = 8;
const longest = 1024;
const mostRatio = 4;

/** Images of one array. */
const mostImages = 200;

/** How its entries lie. */
interface Layout {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** Channel after channel, not pixel after pixel. */
  readonly planes: boolean;
  readonly count: number;
}

const isPicture = (height: number, width: number) =>
  Math.min(height, width) >= shortest && Math.max(height, width) <= longest &&
  Math.max(height, width) <= mostRatio * Math.min(height, width);

/** How an array of a shape is images; undefined where it is none. */
export function layoutOf(shape: readonly number[]): Layout | undefined {
  const count = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);
  const [last = 0, second = 0, third = 0] = shape.toReversed();
  if (isPicture(second, last)) {
    const channels = third === 3 ? 3 : 1;
    return {
      width: last,
      height: second,
      channels,
      planes: true,
      count: count(shape.slice(0, channels === 3 ? -3 : -2)),
    };
  }
  if ((last === 1 || last === 3) && isPicture(third, second)) {
    return { width: second, height: third, channels: last, planes: false, count: count(shape.slice(0, -3)) };
  }
  const edge = Math.sqrt(last);
  if (shape.length === 2 && Number.isInteger(edge) && isPicture(edge, edge)) {
    return { width: edge, height: edge, channels: 1, planes: true, count: second };
  }
  return undefined;
}

/** The images in an array; undefined where it is none, or empty. Its entries are asked for where it is. */
export function imagesIn(
  shape: readonly number[],
  entries: () => NumberArray | undefined,
): Omit<Images, "title"> | undefined {
  const layout = layoutOf(shape);
  if (!layout || layout.count === 0) return undefined;
  const array = entries();
  if (!array) return undefined;
  const { width, height, channels, planes, count } = layout;
  const shown = Math.min(count, mostImages);
  const size = width * height;
  const pixels = new Float64Array(shown * size * channels);
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < pixels.length; i++) {
    const image = Math.floor(i / (size * channels));
    const inside = i % (size * channels);
    const from = planes ? (inside % channels) * size + Math.floor(inside / channels) : inside;
    const value = pixels[i] = array.data[image * size * channels + from]!;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = [0, 1];
  const shades = low === high ? `all ${shortNumber(low)}` : `black ${shortNumber(low)}, white ${shortNumber(high)}`;
  const note = `${shades}${shown < count ? `; the first ${shown} of ${count}` : ""}`;
  return { kind: "images", width, height, channels, pixels, count: shown, range: [low, high], note };
}
