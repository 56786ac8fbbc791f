"""`bench doctor`."""

from __future__ import annotations

import platform
import textwrap
from collections.abc import Iterator
from itertools import groupby

import typer

from bench.cli.version import project_version

WIDTH = 80  # columns
TITLES = 10  # columns of the titles on the left
REMEDY = "pip install -e '.[{}]' in the checkout"


def doctor() -> None:
    """Say what is installed, which device is chosen, what will be slow or fail, and what to do.

    The exit code is 1 if something will fail, and 0 otherwise.
    """
    _print("version", f"maskdepth-bench {project_version()}, Python {platform.python_version()}")
    lacking = list(_lacking())
    for text, cure in lacking:
        _print("will fail", text, cure)
    try:
        from bench.data.cache import default_root
        from bench.machine.diagnosis import Kind, diagnose
    except ImportError as error:
        _print("will fail", f"the libraries cannot be loaded: {error}")
        raise typer.Exit(1) from None
    found = list(diagnose(default_root()))
    for one in found:
        if one.kind is Kind.FACT:
            _print(one.topic, one.text)
    for one in found:
        if one.kind is not Kind.FACT:
            _print(str(one.kind), one.text, one.cure)
    for text, cure in _extras():
        _print("optional", text, cure)
    if lacking or any(one.kind is Kind.BROKEN for one in found):
        raise typer.Exit(1)


def _lacking() -> Iterator[tuple[str, str]]:
    """Packages without which nothing works, and how to install them."""
    from bench.machine import installation

    for one in installation.missing():
        if one.extra is None:
            yield f"{one.package} is not installed", "pip install -e . in the checkout"


def _extras() -> Iterator[tuple[str, str]]:
    """What cannot be done for want of packages, and how to install them."""
    from bench.machine import installation

    optional = [one for one in installation.missing() if one.extra is not None]
    for extra, lacking in groupby(optional, key=lambda one: one.extra):
        packages = ", ".join(one.package for one in lacking)
        yield f"{packages}, for {installation.EXTRAS.get(str(extra), extra)}", REMEDY.format(extra)


def _print(title: str, text: str, cure: str = "") -> None:
    lines = textwrap.wrap(text, WIDTH - TITLES, break_on_hyphens=False)
    if cure:
        lines += textwrap.wrap(f"→ {cure}", WIDTH - TITLES, break_on_hyphens=False)
    for number, line in enumerate(lines):
        typer.echo(f"{title if number == 0 else '':<{TITLES}}{line}")
