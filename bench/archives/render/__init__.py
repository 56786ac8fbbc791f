"""The built-in data set: rendered scenes with true depth, and figures put into them."""

from bench.archives.render.archive import make

__all__ = ["make"]
