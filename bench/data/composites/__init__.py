"""A dataset from a user's own pictures: cut-outs pasted into backgrounds, places recorded."""

from bench.data.composites.archive import Made, make
from bench.data.composites.samples import Settings

__all__ = ["Made", "Settings", "make"]
