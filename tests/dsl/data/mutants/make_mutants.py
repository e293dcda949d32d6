"""Writes mutants.json: small data files of each format, changed in 200 ways each (by a seed), and what NumPy, Pillow
(12.3) or Python's csv reads from them. data_mutants_test.ts makes the same files and holds ours against that: python3 make_mutants.py

The csv module splits rows into cells; what docs/language.md says beside that stands in `table` below. A mutant is the
place where it differs from its base, how many bytes go there, and which come (hexadecimal)."""
import base64
import csv
import gzip
import io
import json
import math
import random
import resource
import struct
import warnings
import zipfile
import zlib

import numpy as np
from PIL import Image

PER_FORMAT = 200
warnings.simplefilter("ignore")
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))  # a shape may ask for anything


# ------------------------------------------------------------------------------------------------------------ the oracles


def separator(text):
    """Commas, or semicolons where the first row has no commas outside of quotes."""
    first, quoted = set(), False
    for character in text.lstrip("\r\n"):
        if character == '"':
            quoted = not quoted
        elif not quoted and character in "\r\n":
            break
        elif not quoted:
            first.add(character)
    if {",", ";"} <= first:
        raise ValueError("two separators")
    return ";" if ";" in first else ","


def number(cell):
    cell = cell.strip(" \t")
    return {"true": 1.0, "false": 0.0}.get(cell.lower()) if cell.lower() in ("true", "false") else float(cell)


def table(content, extension):
    text = content.decode("utf-8-sig")
    delimiter = "\t" if extension == ".tsv" else separator(text)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    rows = [row for row in rows if row and not (len(row) == 1 and row[0] and not row[0].strip(" \t"))]
    header = [name.strip(" \t") for name in rows[0]]
    if any(len(row) != len(header) for row in rows) or len(rows) < 2:
        raise ValueError("rows differ, or there are none")
    columns = {}
    for name in ("x", "y"):
        if header.count(name) != 1:
            raise ValueError("no column, or two")
        column = [number(row[header.index(name)]) for row in rows[1:]]
        columns[name] = {"shape": [len(column)], "numbers": column}
    return columns


def plain(array):
    if array.dtype.kind not in "fiub":
        raise ValueError("no numbers")
    return {"shape": list(array.shape), "numbers": [float(entry) for entry in array.reshape(-1)]}


def read_npy(content, _):
    return {"x": plain(np.load(io.BytesIO(content), allow_pickle=False))}


def read_npz(content, _):
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: plain(archive[name]) for name in ("x", "labels")}


def read_idx(content, _):
    """By the description of MNIST's files."""
    kinds = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
    zeros, kind, axes = struct.unpack_from(">HBB", content)
    shape = struct.unpack_from(f">{axes}I", content, 4)
    if zeros:
        raise ValueError("no IDX file")
    size = math.prod(shape) * np.dtype(kinds[kind]).itemsize
    if size != len(content) - 4 - 4 * axes:
        raise ValueError("other entries than promised")
    return {"x": plain(np.frombuffer(content[4 + 4 * axes :], kinds[kind]).reshape(shape))}


def one_member(content):
    """What gzip holds, without anything behind it."""
    unpacker = zlib.decompressobj(wbits=31)
    whole = unpacker.decompress(content)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("cut off, or more than one")
    return whole


def read_tensors(content, _):
    """By the description of safetensors: a length, a header, entries without gaps."""
    kinds = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length], object_pairs_hook=once)
    data = content[8 + length :]
    arrays, spans = {}, []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        kind, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        if set(entry) != {"dtype", "shape", "data_offsets"} or not all(type(n) is int and n >= 0 for n in [*shape, begin, end]):
            raise ValueError("another entry")
        spans.append((begin, end))
        if kind not in kinds and name not in ("x", "labels"):
            continue
        if math.prod(shape) * np.dtype(kinds[kind]).itemsize != end - begin or end > len(data):
            raise ValueError("other entries than promised")
        array = np.frombuffer(data[begin:end], kinds[kind]).reshape(shape)
        if kind == "BOOL" and any(byte > 1 for byte in data[begin:end]):
            raise ValueError("no truth")
        arrays[name] = plain(array)
    at = 0
    for begin, end in sorted(spans):
        if begin != at:
            raise ValueError("a gap")
        at = end
    if at != len(data):
        raise ValueError("something behind")
    return {name: arrays[name] for name in ("x", "labels")}


def read_jpeg(content, _):
    with Image.open(io.BytesIO(content)) as image:
        if image.format != "JPEG":
            raise ValueError("another format")
    return read_image(content, _)


def read_image(content, _):
    """Grey as one number a pixel, else colours, with alpha where there is one; channel by channel."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        kinds = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "LA": "RGBA", "RGBA": "RGBA"}
        kind = kinds[image.mode]
        if "transparency" in image.info:
            kind = "RGBA"
        if image.width * image.height > 1000:
            raise ValueError("too large to be kept; Pillow fills up what is missing")
        pixels = np.asarray(image.convert(kind))
    return {"x": plain((pixels if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0))[None])}


def once(pairs):
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("twice")
    return dict(pairs)


# -------------------------------------------------------------------------------------------------------------- the bases


def npy(array, version=None):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), version)
    return buffer.getvalue()


def npz(parts, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in parts:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                file.write(content)
    return buffer.getvalue()


x = np.array([[0.5, -1.25, 3.0], [1e-3, 70.0, 1024.0]])
labels = np.array([1, 0, 2])
arrays = [("x", npy(x)), ("labels", npy(labels))]


def idx(array, kind):
    shape = b"".join(struct.pack(">I", size) for size in array.shape)
    return struct.pack(">HBB", 0, kind, array.ndim) + shape + array.astype(array.dtype.newbyteorder(">")).tobytes()


def tensors(parts):
    header, data = {}, b""
    for name, kind, array in parts:
        entries = array.tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(entries)]}
        data += entries
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def part(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(kind, depth, rows, extra=(), interlace=0):
    """Rows as they are stored, without filters."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    width = len(rows[0]) // samples if depth == 8 else 8 * len(rows[0]) // depth
    lines = b"".join(b"\0" + bytes(row) for row in (seven(rows, samples) if interlace else rows))
    header = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, interlace)
    parts = [part(b"IHDR", header), *extra, part(b"IDAT", zlib.compress(lines)), part(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def seven(rows, samples):
    """The rows of seven ever finer grids, of numbers of 8 bits."""
    pixels = np.array(rows, "u1").reshape(len(rows), -1, samples)
    for x, y, right, down in [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]:
        grid = pixels[y::down, x::right]
        if grid.size:
            yield from (row.tobytes() for row in grid)


def every_filter(pixels):
    """Row k has filter k mod 5."""
    height, width, samples = pixels.shape
    whole = np.zeros((height + 1, (width + 1) * samples), int)  # what is before the first is 0
    whole[1:, samples:] = pixels.reshape(height, -1)
    lines = b""
    for k in range(height):
        line, above = whole[k + 1], whole[k]
        left, corner, here, up = line[:-samples], above[:-samples], line[samples:], above[samples:]
        guess = left + up - corner
        nearest = [min((abs(g - v), i, v) for i, v in enumerate(three))[2] for g, *three in zip(guess, left, up, corner)]
        foretold = [0 * here, left, up, (left + up) // 2, np.array(nearest)][k % 5]
        lines += bytes([k % 5]) + ((here - foretold) % 256).astype("u1").tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[samples], 0, 0, 0)
    parts = [part(b"IHDR", header), part(b"IDAT", zlib.compress(lines)), part(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def smooth(height, width, channels):
    """Numbers that filters and transforms make small."""
    down, across, channel = np.mgrid[:height, :width, :channels]
    values = 128 + 90 * np.sin(down / 2 + channel) * np.cos(across / 3 - channel)
    values = values.astype("u1")
    return Image.fromarray(values[:, :, 0] if channels == 1 else values)


pixels = np.array([[[0, 255, 7], [1, 2, 3]], [[9, 8, 7], [6, 5, 4]]], "u1")
bases = {
    ".csv": [
        b"x,y\n0.5,1\n-1.25,20\n3e2,-7\n",
        b'\xef\xbb\xbf"name",x,y\r\n"a, ""b""",0.25,1e1\r\n"c\r\nd", 1.5 ,+2\r\n\r\n\xc3\xa9,.5,-0\r\n',
        b'"x";y;z\n1.5;2;"3;4"\n10;20;30\n',
    ],
    ".tsv": [b"x\ty\n0.5\t1\n-1.25\t20\n3e2\t-7\n", b"id\ty\tx\r1\t0.125\t300\r2\ttrue\t-1\r"],
    ".npy": [
        npy(x),
        npy(np.asfortranarray(x).astype(">f4")),
        npy(labels.astype("i4")),
        npy(x > 0, (2, 0)),
        npy(np.array([1, 255], "u1"), (3, 0)),
        npy(np.array(2.5, "f2")),
    ],
    ".npz": [npz(arrays), npz(arrays, zipfile.ZIP_STORED)],
    ".idx": [idx(pixels, 8), idx(x.astype("f4"), 13), idx(labels.astype("i4"), 12), idx(labels.astype("i2"), 11)],
    ".idx.gz": [gzip.compress(idx(pixels, 8), mtime=0), gzip.compress(idx(x, 14), 0, mtime=1)],
    ".png": [
        saved(smooth(5, 6, 1), "PNG"),
        saved(smooth(6, 5, 3), "PNG", optimize=True),
        saved(smooth(4, 3, 4), "PNG"),
        saved(smooth(5, 5, 1).point(lambda v: 255 * (v > 128)).convert("1"), "PNG"),
        saved(smooth(6, 6, 3).quantize(7), "PNG"),
        png(3, 4, [[0x01, 0x23], [0x32, 0x10]], [part(b"PLTE", bytes(range(12))), part(b"tRNS", b"\x00\x80")]),
        png(0, 2, [[0b00011011], [0b11100100]]),
        # of fewer bits Pillow takes the grey that is seen through for one of 8
        png(0, 8, [[10, 20, 30], [40, 10, 10]], [part(b"tRNS", b"\x00\x0a")]),
        png(2, 8, list(np.asarray(smooth(9, 7, 3)).reshape(9, 21)), interlace=1),
        png(0, 8, list(np.asarray(smooth(3, 4, 1))), interlace=1),
        every_filter(np.asarray(smooth(12, 6, 3))),
        # few numbers, so that the guesses of the last filter are as near as each other
        every_filter(np.random.RandomState(1).randint(0, 5, (10, 30, 1))),
        png(4, 8, [[1, 2, 3, 255], [5, 6, 7, 0]], [part(b"tEXt", b"Title\0a")]),
    ],
    ".jpg": [
        saved(smooth(9, 10, 1), "JPEG", quality=90),
        saved(smooth(9, 9, 3), "JPEG", subsampling=0),
        saved(smooth(8, 10, 3), "JPEG", subsampling=0, progressive=True, quality=95, comment=b"waves"),
        saved(smooth(5, 24, 3), "JPEG", subsampling=0, optimize=True, restart_marker_blocks=2),
        saved(smooth(6, 8, 3), "JPEG", keep_rgb=True, subsampling=0),
    ],
    ".safetensors": [
        tensors([("x", "F64", x), ("labels", "I64", labels.astype("i8"))]),
        tensors([("labels", "U8", labels.astype("u1")), ("x", "F32", x.astype("f4")), ("on", "BOOL", x > 0)]),
    ],
}
readers = {
    ".csv": table,
    ".tsv": table,
    ".npy": read_npy,
    ".npz": read_npz,
    ".idx": read_idx,
    ".idx.gz": lambda content, _: read_idx(one_member(content), _),
    ".png": read_image,
    ".jpg": read_jpeg,
    ".safetensors": read_tensors,
}


# ------------------------------------------------------------------------------------------------------------ the changes


def flip(base, dice):
    at = dice.randrange(8 * len(base))
    return base[: at // 8] + bytes([base[at // 8] ^ 1 << at % 8]) + base[at // 8 + 1 :]


def cut(base, dice):
    return base[: dice.randrange(len(base))]


def odd_byte(base, dice):
    at = dice.randrange(len(base))
    return base[:at] + bytes([dice.choice(b"\x00\xff\n\r\"',;\t 019-+.eE_#(")]) + base[at + 1 :]


def insert(base, dice):
    at = dice.randrange(len(base) + 1)
    return base[:at] + dice.choice([b"\x00", b"\n", b"\r", b'"', b",", b"\t", b";", b" ", b"0", b"7", b"\xc2\xa0"]) + base[at:]


def drop(base, dice):
    at = dice.randrange(len(base))
    return base[:at] + base[at + dice.choice([1, 1, 1, 2, 4, 8]) :]


def repeat(base, dice):
    at = dice.randrange(len(base))
    end = at + dice.choice([1, 1, 2, 4, 8, 16, 40])
    return base[:end] + base[at:end] + base[end:]


def length(base, dice):
    """A field of two or four bytes that may be a length is a little or much other."""
    at, size = dice.randrange(len(base) - 4), dice.choice([2, 4])
    value = int.from_bytes(base[at : at + size], "little") + dice.choice([-8, -1, 1, 8, 256, 1 << 15])
    return base[:at] + (value % (1 << 8 * size)).to_bytes(size, "little") + base[at + size :]


def name_repeated(base, dice):
    names = [b"x", b"y", b"name", b"z", b"id"]
    present = [name for name in names if name in base.split(b"\n")[0].split(b"\r")[0]]
    return base.replace(dice.choice(present), dice.choice(present), 1)


def line_ends(base, dice):
    return base.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", dice.choice([b"\r", b"\r\n", b"\n\n", b"\r\r\n", b"\v"]))


def separators(base, dice):
    old = dice.choice([b",", b";", b"\t", b"."])
    return base.replace(old, dice.choice([b",", b";", b"\t", b"|", b" ", b"."]))


def twice(base, _):
    return base + base


def header_of_numpy(base, dice):
    """Another word in the header, of the same length."""
    words = [(b"False", b"True "), (b"<f8", b">f8"), (b"<f8", b"<i8"), (b"<f8", b"<c8"), (b"(2, 3)", b"(3, 2)"), (b"(2, 3)", b"(6,)  ")]
    words += [(b"(2, 3)", b"(2,03)"), (b"(2, 3)", b"(2 ,3)"), (b"(2, 3)", b"[2, 3]"), (b"(2, 3)", b"(-2,3)"), (b"'", b'"'), (b", }", b"}  ")]
    words += [(b"<f8", b"=f8"), (b"<f8", b"|f8"), (b"(3,)", b"(3) "), (b"(3,)", b"(3L,"), (b"<i4", b"<f4"), (b"|b1", b"|i1"), (b"|u1", b"|b1")]
    old, new = dice.choice([pair for pair in words if pair[0] in base])
    return base.replace(old, new)


def packed_again(base, dice):
    """What was changed has its right checksum."""
    method = zipfile.ZipFile(io.BytesIO(base)).infolist()[0].compress_type
    change = dice.choice([flip, cut, odd_byte, drop, header_of_numpy, length])
    return npz([("x", change(arrays[0][1], dice)), arrays[1]], method)


def array_twice(base, dice):
    method = zipfile.ZipFile(io.BytesIO(base)).infolist()[0].compress_type
    return npz([*arrays, (dice.choice(["x", "labels", "z"]), npy(x if dice.random() < 0.5 else -x))], method)


def packed_otherwise(base, dice):
    """What was changed has its right checksum."""
    change = dice.choice([flip, cut, odd_byte, drop, repeat])
    return gzip.compress(change(gzip.decompress(base), dice), dice.choice([0, 6, 9]), mtime=0)


def header_of_tensors(base, dice):
    """Another word in the header, of the same length."""
    words = [(b"F64", b"I64"), (b"F32", b"I32"), (b"[2,3]", b"[3,2]"), (b"[2,3]", b"[6,1]"), (b"[2,3]", b"[2.0]"), (b"labels", b"label_")]
    words += [(b"[0,48]", b"[8,48]"), (b"BOOL", b"BF16"), (b"U8", b"I8"), (b'"x"', b'"y"'), (b"shape", b"sizes"), (b"dtype", b"shape")]
    old, new = dice.choice([pair for pair in words if pair[0] in base])
    return base.replace(old, new, 1)


def parts_of(base):
    """Of a PNG file: names and bodies."""
    at, parts = 8, []
    while at < len(base):
        (length,) = struct.unpack_from(">I", base, at)
        parts.append((base[at + 4 : at + 8], base[at + 8 : at + 8 + length]))
        at += 12 + length
    return parts


def sealed(base, parts):
    return base[:8] + b"".join(part(*each) for each in parts)


def part_changed(base, dice):
    """With its right checksum."""
    parts = parts_of(base)
    at = dice.choice([0, 0, *range(len(parts))])
    name, body = parts[at]
    if body:
        parts[at] = (name, dice.choice([flip, flip, odd_byte, cut, drop, repeat])(body, dice))
    return sealed(base, parts)


def parts_moved(base, dice):
    parts = parts_of(base)
    one, other = dice.randrange(len(parts)), dice.randrange(len(parts))
    if dice.random() < 0.5:
        parts[one], parts[other] = parts[other], parts[one]
    elif dice.random() < 0.5:
        parts.insert(other, parts[one])
    else:
        del parts[one]
    return sealed(base, parts)


def rows_changed(base, dice):
    """Other filters and numbers, rightly packed."""
    change = dice.choice([flip, odd_byte, drop, repeat, first_of_row, first_of_row, first_of_row])
    return sealed(base, [(name, zlib.compress(change(zlib.decompress(body), dice)) if name == b"IDAT" else body) for name, body in parts_of(base)])


def first_of_row(rows, dice):
    """A small number, which filters are."""
    at = dice.choice([0, *range(len(rows))])
    return rows[:at] + bytes([dice.randrange(6)]) + rows[at + 1 :]


common = [flip, flip, flip, cut, odd_byte, insert, drop, repeat]
changes = {
    ".csv": [*common, name_repeated, line_ends, separators, twice],
    ".tsv": [*common, name_repeated, line_ends, separators, twice],
    ".npy": [*common, length, header_of_numpy, header_of_numpy, twice],
    ".npz": [*common, length, length, packed_again, packed_again, array_twice],
    ".idx": [*common, length, length, twice],
    ".idx.gz": [*common, length, packed_otherwise, packed_otherwise, twice],
    ".png": [*common, length, part_changed, part_changed, part_changed, parts_moved, rows_changed, rows_changed, twice],
    ".jpg": [*common, length, length, twice],
    ".safetensors": [*common, length, header_of_tensors, header_of_tensors, twice],
}


# ---------------------------------------------------------------------------------------------------------------- the way


def splice(base, mutant):
    """Where two texts differ: place, bytes that go, bytes that come."""
    most = min(len(base), len(mutant))
    begin = next((i for i in range(most) if base[i] != mutant[i]), most)
    end = next((i for i in range(most - begin) if base[-1 - i] != mutant[-1 - i]), most - begin)
    return [begin, len(base) - begin - end, mutant[begin : len(mutant) - end].hex()]


def answer(extension, content):
    try:
        columns = readers[extension](content, extension)
    except Exception as error:
        return type(error).__name__
    for column in columns.values():
        column["numbers"] = [(int(n) if n == int(n) and str(n) != "-0.0" else n) if math.isfinite(n) else str(n) for n in column["numbers"]]
    return columns


formats = {}
for extension, files in bases.items():
    dice, mutants, seen = random.Random(f"mutants {extension}"), [], set(files)
    while len(mutants) < PER_FORMAT:
        base, change = dice.randrange(len(files)), dice.choice(changes[extension])
        mutant = change(files[base], dice)
        if mutant in seen or not mutant:
            continue
        seen.add(mutant)
        mutants.append({"change": change.__name__, "base": base, "splice": splice(files[base], mutant), "read": answer(extension, mutant)})
    whole = [answer(extension, content) for content in files]
    encoded = [base64.b64encode(content).decode() for content in files]
    formats[extension] = {"bases": encoded, "whole": whole, "mutants": mutants}

with open("mutants.json", "w") as file:
    file.write("{\n")
    for i, (extension, facts) in enumerate(formats.items()):
        lines = ",\n".join(json.dumps(mutant, separators=(",", ":")) for mutant in facts["mutants"])
        head = json.dumps({"bases": facts["bases"], "whole": facts["whole"]})[:-1]
        file.write(f'"{extension}": {head}, "mutants": [\n{lines}\n]}}{"," if i + 1 < len(formats) else ""}\n')
    file.write("}\n")
