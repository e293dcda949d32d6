"""Writes parquet.json: small .parquet files, changed in 200 ways (by a seed), and what pyarrow 25.0 reads from them.
data_mutants_test.ts makes the same files and holds ours against that: python3 make_parquet_mutants.py

A mutant is the place where it differs from its base, how many bytes go there, and which come (hexadecimal)."""
import base64
import io
import json
import math
import random
import resource

import pyarrow as pa
import pyarrow.parquet as pq

PER_FORMAT = 200
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))  # a count may ask for anything


def shown(x):
    x = float(x)
    return x if math.isfinite(x) else ("NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity")


def read(content):
    """Columns by name, or a text where pyarrow refuses."""
    try:
        with pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True) as file:
            answer = {}
            for name in ("x", "y"):
                column = file.read(columns=[name]).column(name)
                if column.null_count:
                    raise ValueError("nulls")
                numbers = [shown(x) for x in column.to_pylist()]
                answer[name] = {"shape": [len(numbers)], "numbers": numbers}
            return answer
    except Exception as error:  # whatever it is, it refuses
        return f"{type(error).__name__}: {str(error)[:80]}"


def written(table, **options):
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def bases():
    ints = pa.array([3, 1, 2, 2, 70000], pa.int32())
    floats = pa.array([0.5, -1.25, 3.0, 1e-3, 2.0], pa.float64())
    table = pa.table({"x": floats, "y": ints})
    wide = pa.table({
        "y": pa.array([2**40, -1, 0, 5, 5, 5, 5], pa.int64()),
        "other": pa.array(["a", "b", "c", "d", "e", "f", "g"]),
        "x": pa.array([True, False, True, True, False, False, True]),
    })
    small = pa.table({
        "x": pa.array([1, 2, 250], pa.uint8()),
        "y": pa.array([0.5, 1, 2], pa.float32()).cast(pa.float16()),
    })
    required = pa.schema([pa.field("x", pa.float32(), nullable=False), pa.field("y", pa.uint32(), nullable=False)])
    strict = pa.table([pa.array([1.5, 2.5], pa.float32()), pa.array([4294967295, 1], pa.uint32())], schema=required)
    plain = dict(write_page_checksum=True, write_statistics=False, store_schema=False)
    return [
        written(table, compression="none", use_dictionary=False, **plain),
        written(table, compression="snappy", **plain),
        written(wide, compression="gzip", row_group_size=3, **plain),
        written(wide, compression="zstd", data_page_version="2.0", **plain),
        written(table, compression="none", use_dictionary=False, column_encoding={"x": "BYTE_STREAM_SPLIT", "y": "DELTA_BINARY_PACKED"}, **plain),
        written(small, compression="brotli", **plain),
        written(strict, compression="snappy", use_dictionary=False, write_page_checksum=True, store_schema=False),
        written(table, compression="snappy", write_statistics=False, store_schema=False),
    ]


def change(dice, base):
    at = dice.randrange(len(base))
    kind = dice.choice(["flipped bit", "other byte", "cut", "byte gone", "byte come", "zeros", "in the footer"])
    if kind == "flipped bit":
        return kind, at, 1, bytes([base[at] ^ 1 << dice.randrange(8)])
    if kind == "other byte":
        return kind, at, 1, bytes([dice.randrange(256)])
    if kind == "cut":
        return kind, at, len(base) - at, b""
    if kind == "byte gone":
        return kind, at, 1, b""
    if kind == "byte come":
        return kind, at, 0, bytes([dice.randrange(256)])
    if kind == "zeros":
        count = min(dice.randrange(1, 9), len(base) - at)
        return kind, at, count, bytes(count)
    footer = int.from_bytes(base[-8:-4], "little")
    at = len(base) - 8 - dice.randrange(footer)
    return kind, at, 1, bytes([dice.randrange(256)])


def main():
    dice = random.Random(20261130)
    files = bases()
    mutants = []
    while len(mutants) < PER_FORMAT:
        base = dice.randrange(len(files))
        what, at, gone, come = change(dice, files[base])
        mutant = files[base][:at] + come + files[base][at + gone:]
        if mutant == files[base]:
            continue
        mutants.append({"change": what, "base": base, "splice": [at, gone, come.hex()], "read": read(mutant)})
    whole = [read(content) for content in files]
    assert not any(isinstance(answer, str) for answer in whole), whole
    result = {"bases": [base64.b64encode(content).decode() for content in files], "whole": whole, "mutants": mutants}
    with open("parquet.json", "w") as out:
        json.dump(result, out, indent=1)
        out.write("\n")


main()
