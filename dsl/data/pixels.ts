// What is an image, once it is read? Numbers from 0 to 255, and how they come to lie in a field: channel by channel, in its own size or
// in another one.

/** An image of a file whose header was read. */
export interface OpenImage {
  readonly width: number;
  readonly height: number;
  /** Grey, colours, or colours with alpha: 1, 3 or 4. */
  readonly channels: number;
  /** The numbers of all pixels, row by row, those of a pixel beside each other. Throws SyntaxError. */
  pixels(): Uint8Array;
}

/** Reads the header of an image file. Throws SyntaxError that says what is wrong with it. */
export type ImageReader = (bytes: Uint8Array) => OpenImage;

/** The size of a field's images. */
export interface ImageSize {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Writes an image of the right number of channels into a field of images of one size: channel by channel, each number the mean over
 *  its share of the area, and halves rounded upwards. Throws SyntaxError. */
export function putImage(into: Uint8Array, at: number, image: OpenImage, size: ImageSize): void {
  const pixels = image.pixels();
  const { channels, height, width } = size;
  const same = image.height === height && image.width === width;
  if (same && channels === 1) return into.set(pixels, at);
  const area = height * width;
  for (let channel = 0; channel < channels; channel++) {
    const begin = at + channel * area;
    if (same) { for (let i = 0; i < area; i++) into[begin + i] = pixels[i * channels + channel]!; }
    else putMeans(into.subarray(begin, begin + area), pixels.subarray(channel), image, size);
  }
}

/** Means over area of one channel. All sums are integers: each number of the image counts as often as its share of an entry has parts. */
function putMeans(
  into: Uint8Array,
  pixels: Uint8Array,
  { width, height, channels }: OpenImage,
  size: ImageSize,
): void {
  const [columns, rows] = [sharesOf(width, size.width), sharesOf(height, size.height)];
  const line = new Float64Array(width);
  const whole = width * height;
  for (let i = 0; i < size.height; i++) {
    line.fill(0);
    for (const [row, share] of rows[i]!) {
      for (let column = 0; column < width; column++) {
        line[column]! += share * pixels[(row * width + column) * channels]!;
      }
    }
    for (let j = 0; j < size.width; j++) {
      let sum = 0;
      for (const [column, share] of columns[j]!) sum += share * line[column]!;
      into[i * size.width + j] = Math.floor((2 * sum + whole) / (2 * whole));
    }
  }
}

/** Which of `from` entries each of `to` is made of, and how many of its `from` parts each gives. */
function sharesOf(from: number, to: number): readonly (readonly [entry: number, parts: number])[][] {
  return Array.from({ length: to }, (_, k) => {
    const [begin, end] = [k * from, (k + 1) * from];
    const shares: [number, number][] = [];
    for (let entry = Math.floor(begin / to); entry * to < end; entry++) {
      shares.push([entry, Math.min(end, (entry + 1) * to) - Math.max(begin, entry * to)]);
    }
    return shares;
  });
}
