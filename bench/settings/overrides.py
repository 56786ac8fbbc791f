"""Settings in place of a grid file's own: ``train.epochs=2``, as they are typed after the grid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.errors import InputError
from bench.settings import yaml_text


def overridden(content: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Return what a grid file holds with other values in it.

    Whether there are such keys, and whether the values suit them, is not looked at here.

    Args:
        content: of the file.
        assignments: each a key with dots, in which a number picks an entry of a list, ``=``, and a
            YAML value: ``train.epochs=2``, ``seeds=[0, 1]``, ``train.stages.0.freeze=trunk``. What
            a key leads through is made where it is not there.

    Raises:
        InputError: one is no assignment, a key is given twice, or leads into a value without keys.
    """
    seen = set()
    for assignment in assignments:
        key, value = _parsed(assignment)
        if key in seen:
            raise InputError(f"{key} is given twice")
        seen.add(key)
        content = _with(content, key.split("."), [], value)
    return content


def _parsed(assignment: str) -> tuple[str, Any]:
    key, equals, text = assignment.partition("=")
    parts = key.strip().split(".")
    is_key = all(part.isidentifier() or part.isdecimal() for part in parts)
    if not equals or not is_key or len(parts) > yaml_text.MAX_DEPTH:
        raise InputError(f"{assignment!r} is no setting such as train.epochs=2")
    try:
        return key.strip(), yaml_text.parse(text)
    except ValueError as error:
        raise InputError(f"{assignment!r}: not a YAML value: {error}") from None


def _with(content: Any, parts: list[str], before: list[str], value: Any) -> Any:
    """Return content with a value in place of what the parts of a key lead to.

    Args:
        content: what the parts before have led to.
        parts: of the key, that are left.
        before: the parts before.
        value: to put there.
    """
    if not parts:
        return value
    part, *rest = parts
    here = ".".join(before)
    if isinstance(content, dict | None):
        there = content or {}
        return there | {part: _with(there.get(part), rest, [*before, part], value)}
    if not isinstance(content, list):
        raise InputError(
            f"{here}.{part}: {here} is {content!r}, which has no keys; give the whole of it, as "
            f"{here}={{...}}"
        )
    if not part.isdecimal() or int(part) >= len(content):
        raise InputError(
            f"{here}.{part}: {here} is a list of {len(content)}; pick an entry by its number "
            f"from 0, as {here}.0"
        )
    number = int(part)
    changed = _with(content[number], rest, [*before, part], value)
    return [*content[:number], changed, *content[number + 1 :]]
