"""Writes mutants.json: small data files of each format, changed in 200 ways each (by a seed), and what NumPy or Python's csv
reads from them. data_mutants_test.ts makes the same files and holds ours against that: python3 make_mutants.py

The csv module splits rows into cells; what docs/language.md says beside that stands in `table` below. A mutant is the
place where it differs from its base, how many bytes go there, and which come (hexadecimal)."""
import base64
import csv
import io
import json
import math
import random
import resource
import warnings
import zipfile

import numpy as np

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
}
readers = {".csv": table, ".tsv": table, ".npy": read_npy, ".npz": read_npz}


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


common = [flip, flip, flip, cut, odd_byte, insert, drop, repeat]
changes = {
    ".csv": [*common, name_repeated, line_ends, separators, twice],
    ".tsv": [*common, name_repeated, line_ends, separators, twice],
    ".npy": [*common, length, header_of_numpy, header_of_numpy, twice],
    ".npz": [*common, length, length, packed_again, packed_again, array_twice],
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
        column["numbers"] = [n if math.isfinite(n) else str(n) for n in column["numbers"]]
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
