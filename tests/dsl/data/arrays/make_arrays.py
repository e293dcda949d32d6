"""Writes the .npy and .npz files that data_files_test.ts reads, with NumPy itself: python3 make_arrays.py"""
import io
import zipfile

import numpy as np

table = np.arange(6).reshape(2, 3)
for kind in ["<f2", "<f4", "<f8", ">f4", ">f8", "i1", "<i2", "<i4", "<i8", ">i8", "u1", "<u2", "<u4", "<u8", ">u2"]:
    name = kind.replace("<", "little_").replace(">", "big_")
    np.save(f"{name}.npy", table.astype(kind))
np.save("bool.npy", table % 2 == 1)
np.save("fortran.npy", np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)))
np.save("halves.npy", np.array([1.5, -2.0, 6.103515625e-05, 5.960464477539063e-08, 65504, np.nan], "<f2"))
np.save("records.npy", np.zeros(2, [("a", "<f4"), ("b", "<i4")]))
np.save("words.npy", np.array(["one", "two"]))
np.save("scalar.npy", np.float64(2.5))
for version in [(2, 0), (3, 0)]:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, table.astype("<f8"), version)
    open(f"version_{version[0]}.npy", "wb").write(buffer.getvalue())
np.savez("plain.npz", x=table / 2, y=np.array([1, 0]))
np.savez_compressed("packed.npz", x=table / 2, labels=np.array([1, 0]), names=np.array(["a", "b"]))


class Stream(io.RawIOBase):
    """What cannot be sought in: a zip that goes there has its sizes behind each file."""

    def __init__(self):
        self.bytes = b""

    def writable(self):
        return True

    def write(self, more):
        self.bytes += bytes(more)
        return len(more)


def archive(file, method, wide=False):
    limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 10 if wide else zipfile.ZIP64_LIMIT
    with zipfile.ZipFile(file, "w", method) as z:
        for name, entries in [("x", table / 2), ("labels", np.array([1, 0]))]:
            with z.open(f"{name}.npy", "w", force_zip64=wide) as f:
                np.lib.format.write_array(f, entries)
    zipfile.ZIP64_LIMIT = limit


for method in ["ZIP_STORED", "ZIP_DEFLATED"]:
    for wide in [False, True]:
        stream = Stream()
        archive(stream, getattr(zipfile, method), wide)
        kind = f"{method[4:].lower()}_{'wide' if wide else 'narrow'}"
        open(f"streamed_{kind}.npz", "wb").write(stream.bytes)
archive("wide.npz", zipfile.ZIP_DEFLATED, True)
archive("bzip2.npz", zipfile.ZIP_BZIP2)
