"""What several commands are given in the same way: a device, and assignments as width=0.25."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from bench.errors import InputError
from bench.settings import yaml_text

Device = Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")]


def parse_options(assignments: Iterable[str], option: str = "--option") -> dict[str, Any]:
    """Read ``width=0.25`` and ``tasks=[mask]`` as a grid would read ``width: 0.25``.

    Args:
        assignments: as they are typed.
        option: of the command line, that they are given by.

    Raises:
        InputError: an assignment is none.
    """
    options: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip().isidentifier():
            raise InputError(f"{option} {assignment!r} is no assignment such as width=0.25")
        try:
            options[key.strip()] = yaml_text.parse(value)
        except ValueError:
            raise InputError(f"{option} {assignment!r}: {value!r} is no YAML value") from None
    return options


def complete_key(incomplete: str) -> list[str]:
    """Return the keys of a grid that begin so, for the shell's completion."""
    from bench.settings.keys import every_key

    return [key for key in every_key() if key.startswith(incomplete)]


def complete_architecture(incomplete: str) -> list[str]:
    """Return the names of networks that begin so, for the shell's completion."""
    import architectures

    return [name for name in architectures.names() if name.startswith(incomplete)]
