// What do many image files hold, `data d from "images/*/*.png"`? One row a file, in the order of names: its pixels, and the numbers of
// the folders that it lies in.
import type { DataField, DataItem, QuotedText } from "../syntax/ast.ts";
import { fail } from "../world/report.ts";
import type { Context } from "../world/world.ts";
import { declaredDims } from "../elaborate/data_values.ts";
import type { Module } from "../modules/modules.ts";
import { formatBytes } from "../../runtime/bytes.ts";
import { dataBytes } from "../../runtime/program/data_memory.ts";
import { count } from "../text/words.ts";
import { type DataFile, type DataSource, kindOf, pathOf, withinData } from "./data_files.ts";
import { type Entries, FileError, openValues } from "./entries.ts";
import { byCodePoints, foldersOf, isPattern } from "./file_names.ts";
import { type ImageReader, type ImageSize, type OpenImage, putImage } from "./pixels.ts";
import { isJpegLoaded, openJpeg } from "./jpeg.ts";
import { openPng } from "./png.ts";

/** The readers of images, by how their names end. */
const readers: ReadonlyMap<string, ImageReader> = new Map([[".png", openPng], [".jpg", openJpeg], [".jpeg", openJpeg]]);

/** True for files of images, by how their path ends. */
export const areImages = (path: string): boolean => /\.(png|jpe?g)$/i.test(path);

/** True for those that are read by a package. */
export const areJpeg = (path: string): boolean => /\.jpe?g$/i.test(path);

/** Finds the files of a pattern. Undefined when there are none, or they are not read (reported). */
export function openImages(
  cx: Context,
  { item, from }: { readonly item: DataItem; readonly from: QuotedText },
  module: Module,
  source: DataSource,
): DataFile | undefined {
  const at = from.span;
  const path = pathOf(cx, from, module);
  if (path === undefined) return undefined;
  const { kind } = kindOf(path);
  const open = readers.get(kind)!;
  if (areJpeg(path) && !isJpegLoaded()) {
    return void fail(cx, {
      code: "M0601",
      title: `Images \`*${kind}\` are read by a package that is not loaded yet`,
      at,
      notes: ["Loading waits for it, and compiling does not"],
      hint: "before you compile, write `await loadJpegReader()`, which is imported from where `compile` is",
    });
  }
  if (/\*\*|\?/.test(path)) {
    return void fail(cx, {
      code: "M0601",
      title: `\`${from.text}\` is no pattern of files`,
      at,
      notes: ["Each `*` stands for a part of one name; there is no `**` and no `?`"],
      hint: 'write a `*` for each level of folders, `"images/*/*.png"`',
    });
  }
  const files = filesOf(cx, { from, path }, source);
  if (!files) return undefined;
  const folder: Folder = { pattern: path, files, open, source, item };
  return {
    path,
    images: true,
    entries: (cx, field) => field.folder ? labels(cx, field, folder) : images(cx, field, folder),
  };
}

interface Folder {
  readonly pattern: string;
  /** Paths, at least one. */
  readonly files: readonly string[];
  readonly open: ImageReader;
  readonly source: DataSource;
  readonly item: DataItem;
}

function filesOf(
  cx: Context,
  { from, path }: { readonly from: QuotedText; readonly path: string },
  { findData }: DataSource,
): readonly string[] | undefined {
  if (!isPattern(path)) return [path];
  if (!findData) {
    return void fail(cx, {
      code: "M0601",
      title: `\`${from.text}\` names files by a pattern, and nobody says which files there are`,
      at: from.span,
      hint: "use `compileFile`, or hand `list` to `compile`",
    });
  }
  let files: readonly string[];
  try {
    files = findData(path);
  } catch (error) {
    const notes = [(error as Error).message];
    return void fail(cx, { code: "M0601", title: `\`${from.text}\` cannot be read`, at: from.span, notes });
  }
  if (files.length > 0) return files;
  return void fail(cx, {
    code: "M0601",
    title: `There is no file \`${path}\``,
    at: from.span,
    notes: [
      "Each `*` stands for a part of one name, of a folder or of the file; names that begin with a `.` are left out",
    ],
  });
}

// ---------------------------------------------------------------------------------------------------------------- pixels

function images(cx: Context, field: DataField, folder: Folder): Entries | undefined {
  const { item, pattern, files } = folder;
  if (field.columns) {
    return void fail(cx, {
      code: "M0602",
      title: "An image has neither columns nor arrays with names",
      at: field.columns[0]!.first.span,
      hint: "leave out `from` after the type for the image itself, or write `from folder 1` for the folder it lies in",
    });
  }
  const other = item.fields.find((f) =>
    f !== field && !f.value && !f.folder && !f.columns && f.file?.text === field.file?.text
  );
  if (other && other.span.start < field.span.start) {
    return void fail(cx, {
      code: "M0602",
      title: `\`${item.name.name}.${other.name.name}\` is the image already`,
      at: field.name.span,
      hint: isPattern(pattern)
        ? `say where \`${field.name.name}\` comes from: \`from folder 1\` numbers the folders at the first \`*\``
        : `say where \`${field.name.name}\` comes from`,
    });
  }
  const first = openFirst(cx, field, folder);
  const size = first && sizeOf(cx, field, first);
  if (!size) return undefined;
  const each = size.channels * size.height * size.width;
  const what = `${count(files.length, "image")} of ${size.width} × ${size.height} pixels`;
  if (!withinData(cx, { count: files.length * each, what, at: field.span })) return undefined;
  // one channel is no axis, unless it is declared as one
  const inner = [size.height, size.width];
  const axes = field.type?.sizes?.length ?? 0;
  const shape = [files.length, ...axes === 3 && size.channels === 1 ? inner : [size.channels, ...inner]];
  return {
    from: "array",
    shape,
    name: `\`${pattern}\``,
    misfit: field.resized
      ? `the images have ${channelsText(size)}`
      : `write \`[_, ${shape.slice(1).join(", ")}]\`, or other sizes with \`resized\` behind them`,
    open: () => openValues(readImages(cx, { folder, field, size, first })),
    where: (i) => `A pixel of \`${files[Math.floor(i / each)]}\``,
  };
}

/** The size that a field's images have. Undefined where it is declared otherwise (reported). */
function sizeOf(cx: Context, field: DataField, { channels, height, width }: OpenImage): ImageSize | undefined {
  if (!field.resized) return { channels, height, width };
  const dims = declaredDims(cx, field);
  if (!dims) return undefined;
  const [down, across] = dims.slice(-2);
  if (dims.length >= 3 && down && across) return { channels, height: down.size, width: across.size };
  return void fail(cx, {
    code: "M0602",
    title: "Images are resized to sizes that are declared, and these are left open",
    at: field.type?.span ?? field.span,
    hint: `write them: \`[_, ${channels}, 28, 28] resized\``,
  });
}

function openFirst(cx: Context, field: DataField, folder: Folder): OpenImage | undefined {
  const path = folder.files[0]!;
  try {
    return openFile(cx, folder, path);
  } catch (error) {
    return reported(cx, field, error);
  }
}

function reported(cx: Context, field: DataField, error: unknown): undefined {
  if (!(error instanceof FileError)) throw error;
  fail(cx, { code: "M0601", title: error.title, at: field.span, notes: [error.note] });
}

/** Reads a file and the header of its image. Throws FileError. */
function openFile(cx: Context, { pattern, open, source }: Folder, path: string): OpenImage {
  const most = cx.elaboration.limits.data;
  let refused: number | undefined;
  let bytes: Uint8Array | undefined;
  try {
    bytes = source.readData(path, (size) => {
      if (size > most) refused = size;
      return size <= most;
    }, pattern);
  } catch (error) {
    throw new FileError(`\`${path}\` cannot be read`, (error as Error).message);
  }
  if (refused === undefined && bytes && bytes.length > most) refused = bytes.length;
  if (refused !== undefined) {
    throw new FileError(
      `\`${path}\` is too large`,
      `It has ${formatBytes(refused)}, and the limit \`data\` is ${most} bytes`,
    );
  }
  if (!bytes) throw new FileError(`There is no file \`${path}\``, "It was there when the files were looked for");
  if (bytes.length === 0) throw new FileError(`\`${path}\` is empty`, "It holds no image");
  return withinFile(path, () => {
    const image = open(bytes);
    const takes = image.channels * image.height * image.width;
    if (takes > most) {
      throw new SyntaxError(
        `its ${image.width} × ${image.height} pixels take ${takes} bytes, and the limit \`data\` is ${most}`,
      );
    }
    return image;
  });
}

/** What a reading of a file gives. Throws FileError. */
function withinFile<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const kind = path.slice(path.lastIndexOf("."));
    throw new FileError(
      `\`${path}\` cannot be read as ${kind}`,
      error.message[0]!.toUpperCase() + error.message.slice(1),
    );
  }
}

/** The pixels of all files. Throws FileError. */
function readImages(cx: Context, { folder, field, size, first }: {
  readonly folder: Folder;
  readonly field: DataField;
  readonly size: ImageSize;
  readonly first: OpenImage;
}): Uint8Array {
  const { files } = folder;
  const each = size.channels * size.height * size.width;
  const whole = dataBytes(files.length * each);
  files.forEach((path, row) => {
    const image = row === 0 ? first : openFile(cx, folder, path);
    if (image.channels !== first.channels) {
      throw new FileError(
        `\`${path}\` has ${channelsText(image)}, and those before it have ${channelsText(first)}`,
        "The images of a field have the same channels: save them all in one way",
      );
    }
    if (!field.resized && (image.height !== first.height || image.width !== first.width)) {
      throw new FileError(
        `\`${path}\` has ${image.width} × ${image.height} pixels, and those before it have ${first.width} × ${first.height}`,
        "Images of several sizes are brought to one by `resized` behind the field, with the sizes written: `[_, 1, 28, 28] resized`",
      );
    }
    withinFile(path, () => putImage(whole, row * each, image, size));
  });
  return whole;
}

function channelsText({ channels }: Pick<ImageSize, "channels">): string {
  return channels === 1
    ? "1 channel (grey)"
    : channels === 3
    ? "3 channels (colours)"
    : "4 channels (colours and alpha)";
}

// ---------------------------------------------------------------------------------------------------------------- labels

/** The numbers of the folders at one `*`, or at several together. */
function labels(cx: Context, field: DataField, { pattern, files }: Folder): Entries | undefined {
  if (field.resized) {
    return void fail(cx, {
      code: "M0602",
      title: "Only images are resized, and this numbers folders",
      at: field.resized.span,
      hint: "leave out `resized`",
    });
  }
  const { first, last = first, span } = field.folder!;
  const levels = foldersOf(files[0]!, pattern).length;
  const [from, to] = [first.value, last.value];
  const wrong = [first, last].find(({ value }) => !Number.isInteger(value) || value < 1 || value > levels);
  if (wrong || to < from) {
    const there = levels === 0
      ? `No folder of \`${pattern}\` has a \`*\``
      : `The folders of \`${pattern}\` with a \`*\` are numbered from 1 to ${levels}`;
    return void fail(cx, {
      code: "M0602",
      title: wrong
        ? `There is no folder ${wrong.text} of \`${pattern}\``
        : `Folder ${last.text} comes before ${first.text}`,
      at: wrong?.span ?? span,
      notes: [there],
      hint: wrong ? undefined : `write \`${last.text} .. ${first.text}\``,
    });
  }
  // a `/` is in no name
  const nameOf = (path: string) => foldersOf(path, pattern).slice(from - 1, to).join("/");
  const names = files.map(nameOf);
  // in the order of the files where the folders begin at the first one
  const sorted = [...new Set(names)].sort(bySegments);
  const numbers = new Map(sorted.map((name, i) => [name, i]));
  return {
    from: "array",
    shape: [files.length],
    name: `\`${pattern}\``,
    open: () => openValues(Int32Array.from(names, (name) => numbers.get(name)!)),
    where: (i) => `The number of \`${names[i]}\`, the folder of \`${files[i]}\`,`,
  };
}

function bySegments(a: string, b: string): number {
  const [x, y] = [a.split("/"), b.split("/")];
  for (let k = 0; k < x.length; k++) {
    const order = byCodePoints(x[k]!, y[k]!);
    if (order !== 0) return order;
  }
  return 0;
}
