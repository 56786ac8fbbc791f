"""A study as it is named on the command line: its folder, or a bundle of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.study.results import Results
from bench.study.study import Study
from bench.study.unbundle import unbundle


@contextmanager
def opened(path: Path) -> Iterator[Results]:
    """Give what a study holds; a bundle is unpacked for as long as that is used.

    Args:
        path: the folder that `bench run` wrote, or the file that `bench bundle` wrote.

    Raises:
        InputError: there is no study, or the bundle is damaged.
    """
    if path.is_file():
        with TemporaryDirectory() as folder:
            unbundle(path, Path(folder) / "study")
            yield Study(Path(folder) / "study").load()
    else:
        yield Study(path).load()
