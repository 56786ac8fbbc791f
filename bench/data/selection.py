"""Which samples a command or a grid is about: those of its archives, less the ones on a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from bench.data.layouts import Manifest, open_layouts
from bench.errors import InputError
from bench.settings import Source


def open_selection(
    sources: Sequence[Source], exclude: Path | None, on_remark: Callable[[str], None]
) -> list[Manifest]:
    """The datasets of the sources. A sample may still lack a partner.

    Args:
        sources: the archives and how they are read.
        exclude: a CSV list of the keys to leave out.
        on_remark: called with what was found on the way and is worth saying.

    Raises:
        InputError: an archive or the list cannot be read, or the list names what is no sample.
    """
    layouts = [layout for source in sources for layout in open_layouts(source)]
    for layout in layouts:
        for text in layout.remarks:
            on_remark(f"{layout.entries.paths}: {text}")
    if exclude is None:
        return layouts
    excluded = read_excluded(exclude)
    known = pd.Index(pd.concat([layout.samples["key"] for layout in layouts]))
    unknown = [key for key in excluded if key not in known]
    if unknown:
        raise InputError(f"{exclude}: {unknown[0]} is no sample of the archives")
    return [layout.without(excluded) for layout in layouts]


def read_excluded(path: Path) -> list[str]:
    """The keys that a CSV list says to leave out.

    Raises:
        InputError: the list cannot be read, or has no column ``key``.
    """
    try:
        listed = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a CSV table ({error})") from None
    if "key" not in listed:
        raise InputError(f"{path}: has no column 'key'")
    return listed["key"].tolist()
