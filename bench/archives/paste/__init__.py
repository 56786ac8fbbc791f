"""A dataset from a user's own images: cut-outs pasted into backgrounds, places recorded."""

from bench.archives.paste.archive import Made, make
from bench.archives.paste.samples import Settings

__all__ = ["Made", "Settings", "make"]
