"""A zip with as many entries as the largest published dataset, for timing what scales with them.

By hand, for the time and the memory that it takes to pair 424,320 samples:

    python tests/benchmarks/large_archive.py large.zip
"""

import io
import itertools
import resource
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from bench.data.layouts import open_layouts
from bench.settings import Source

SAMPLES = 102 * 104 * 20 * 2  # backgrounds, foregrounds, placements, each plain and mirrored
BACKGROUNDS = 102
FOLDERS = {"composite": "fg_bg", "mask": "fg_bg_mask", "depth": "Depth_output"}

_HEADER = struct.Struct("<4s5H3L2H")
_RECORD = struct.Struct("<4s6H3L5H2L")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")


def write(path, samples=SAMPLES, *, side=32):
    """Write a zip64 in the layout named_by_pair; its images (side x side px) are few."""
    contents = _images(side)
    names = itertools.islice(_names(), samples)
    with path.open("wb") as file:
        index = bytearray()
        count = 0

        def add(name, content):
            nonlocal count
            encoded, checksum, size = name.encode(), zlib.crc32(content), len(content)
            common = (20, 0, 0, 0, 33, checksum, size, size, len(encoded))
            index.extend(_RECORD.pack(b"PK\1\2", 20, *common, 0, 0, 0, 0, 0, file.tell()) + encoded)
            file.write(_HEADER.pack(b"PK\3\4", *common, 0) + encoded + content)
            count += 1

        for background in range(1, BACKGROUNDS + 1):
            add(f"bg/bg_{background}.jpg", contents["background"][background % 4])
        for number, name in enumerate(names):
            for kind, folder in FOLDERS.items():
                add(f"Mask_RCNN/{folder}/{name}.jpg", contents[kind][number % 4])
        offset, size = file.tell(), len(index)
        file.write(index)
        file.write(
            _END64.pack(b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
            + _LOCATOR64.pack(b"PK\6\7", 0, offset + size, 1)
            + _END.pack(b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, size, offset, 0)
        )
    return path


def _names():
    for background, foreground, placement, flip in itertools.product(
        range(1, 103), range(1, 105), range(1, 21), ("", "_flip")
    ):
        yield f"bg_{background}fg_{foreground}{flip}_{placement}"


def _images(side):
    """Four JPEGs of each kind: squares of growing size in the middle of a grey."""
    found = {kind: [] for kind in ("background", *FOLDERS)}
    for number in range(4):
        square = np.zeros((side, side), np.uint8)
        inset = side // 8 * (number + 1) // 2
        square[inset:-inset, inset:-inset] = 255
        grey = np.full((side, side, 3), 60 * number, np.uint8)
        scene = np.where(square[..., None] > 0, 230, grey).astype(np.uint8)
        for kind, pixels in (
            ("background", grey),
            ("composite", scene),
            ("mask", square),
            ("depth", square // 8),
        ):
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "JPEG", quality=60, optimize=True)
            found[kind].append(buffer.getvalue())
    return found


def time_pairing(archive):
    """In a fresh process: seconds, and MiB of memory at the peak, of which before."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    (layout,) = open_layouts(Source(files=str(archive)))
    seconds = time.perf_counter() - start
    layout.require_partners()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        f"{len(layout.samples)} samples in {len(layout.entries.names)} entries ({layout.name}): "
        f"{seconds:.1f} s, peak {peak / 1024:.0f} MiB, {before / 1024:.0f} MiB of it imports"
    )


if __name__ == "__main__":
    path = Path(sys.argv[1])
    if path.exists():
        sys.stdout.write(f"{time_pairing(path)}\n")
    else:
        size = write(path).stat().st_size
        sys.stdout.write(f"{path}: {size / 2**20:.0f} MiB written; run again to time\n")
