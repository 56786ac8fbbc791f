"""Datasets converted to the canonical layout, for tests of what comes out."""

import zipfile

import numpy as np

from bench.archives.convert import convert
from bench.data.cache import open_dataset
from bench.data.selection import open_selection
from bench.settings import Source


def opened(*sources, exclude=None):
    return open_selection(
        [s if isinstance(s, Source) else Source(files=(str(s),)) for s in sources],
        exclude,
        lambda text: None,
    )


def converted(out, *sources, exclude=None):
    return convert(out, opened(*sources, exclude=exclude), lambda done, total: None)


def contents(path):
    """The entries of a zip or the files of a folder, name to bytes."""
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def require_same_samples(source, out, size=(64, 64)):
    """Decoded, every sample of the two has the same images to the bit."""
    before, after = (open_dataset([one], size) for one in (source, out))
    assert list(before.keys) == list(after.keys)
    for kind in ("composites", "masks", "mask_valid", "depths", "depth_valid"):
        one, other = getattr(before, kind), getattr(after, kind)
        assert (one is None) == (other is None)
        if one is not None:
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)
    assert np.array_equal(
        before.backgrounds[before.background_rows], after.backgrounds[after.background_rows]
    )
    return before, after
