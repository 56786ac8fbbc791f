"""Archives decoded into a cache beside them."""

import canonical_archive
import numpy as np

from bench.data.cache import open_dataset


def folders(tmp_path):
    """What was decoded, whole or in part; a lock's empty file is neither."""
    return [path for path in tmp_path.glob("cache/*") if path.is_dir()]


def open_one(tmp_path, entries, size=(32, 32), **options):
    tmp_path.mkdir(exist_ok=True)
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    return open_dataset([path], size, root=tmp_path / "cache", **options)


def unknown(region, size=32):
    """The image of an ignore region, a slice of rows and one of columns."""
    pixels = np.zeros((size, size), np.uint8)
    pixels[region] = 255
    return canonical_archive.png(pixels)
