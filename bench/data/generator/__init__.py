"""The built-in data set: rendered scenes with true depth, and figures put into them."""

from bench.data.generator.archive import make

__all__ = ["make"]
