"""Writes kinds.parquet, columns of every kind, and long.parquet, 30,000 rows in several pages and groups:
python3 make_tables.py (pyarrow 25.0)."""
import datetime
import decimal

import pyarrow as pa
import pyarrow.parquet as pq

D = decimal.Decimal
pq.write_table(
    pa.table({
        "i8": pa.array([1, -2, 127], pa.int8()),
        "i16": pa.array([1, -2, 32767], pa.int16()),
        "i32": pa.array([1, -2, 2147483647], pa.int32()),
        "i64": pa.array([1, -2, 2**53 + 1], pa.int64()),
        "u8": pa.array([1, 2, 255], pa.uint8()),
        "u16": pa.array([1, 2, 65535], pa.uint16()),
        "u32": pa.array([1, 2, 4294967295], pa.uint32()),
        "u64": pa.array([1, 2, 2**63], pa.uint64()),
        "f16": pa.array([1.5, -2.0, 2**-24], pa.float32()).cast(pa.float16()),
        "f32": pa.array([1.5, -2.0, 0.1], pa.float32()),
        "f64": pa.array([1.5, -2.0, 0.1], pa.float64()),
        "truth": pa.array([True, False, True]),
        "price": pa.array([D("0.30"), D("-12.07"), D("1234567.89")], pa.decimal128(9, 2)),
        "long price": pa.array([D("0.3"), D("-12.0"), D("123456789012345678.9")], pa.decimal128(25, 1)),
        "text": pa.array(["1.5", " -2 ", "true"]),
        "same": pa.array(["7", "7", "7"]).dictionary_encode(),
        "word": pa.array(["1", "cat", "3"]),
        "holes": pa.array([1, None, 3], pa.int32()),
        "gaps": pa.array([0.5, None, float("nan")], pa.float64()),
        "lost": pa.array(["5", None, "NA"]),
        "none": pa.array([None, None, None], pa.float32()),
        "day": pa.array([datetime.date(2020, 1, 1)] * 3),
        "when": pa.array([datetime.datetime(2020, 1, 1)] * 3),
        "raw": pa.array([b"abc"] * 3, pa.binary(3)),
        "list": pa.array([[1, 2], [3], []]),
        "pair": pa.array([{"a": 1, "b": 2}] * 3),
        "last": pa.array([7, 8, 9], pa.int32()),
    }),
    "kinds.parquet",
)
n = 30_000
pq.write_table(
    pa.table({
        "step": pa.array(range(n), pa.int32()),
        "wave": pa.array([i % 7 / 8 for i in range(n)], pa.float32()),
        "kind": pa.array([i % 300 for i in range(n)], pa.int64()),
        "rare": pa.array([i if i % 1000 == 3 else None for i in range(n)], pa.int32()),
    }),
    "long.parquet",
    row_group_size=12_000,
    data_page_size=4096,
    compression="zstd",
)
pq.write_table(pa.table({"x": pa.array([], pa.float32())}), "empty.parquet")
