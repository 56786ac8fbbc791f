"""Options of a network as the command line gives them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from bench.errors import InputError


def parse_options(assignments: Iterable[str]) -> dict[str, Any]:
    """Read ``width=0.25`` and ``tasks=[mask]`` as a grid would read ``width: 0.25``.

    Raises:
        InputError: an assignment is none.
    """
    options: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip().isidentifier():
            raise InputError(f"--option {assignment!r} is no assignment such as width=0.25")
        try:
            options[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"--option {assignment!r}: {value!r} is no YAML value") from None
    return options
