"""What experiments were made with, fact by fact, and in which facts they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bench.study.record import UNKNOWN_VERSION, Record

SHOWN_DIGITS = 12  # of a digest
DEFAULT = "the default"


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Give each setting that is not the same in both, with its two values."""
    before, after = _flat(one), _flat(other)
    for name in sorted(before.keys() | after.keys()):
        values = before.get(name, DEFAULT), after.get(name, DEFAULT)
        if values[0] != values[1]:
            yield f"{name}: {' and '.join(values)}"


def settings(record: Record) -> dict[str, str]:
    """Return the settings of a cell that all rows of its board share; what is left out is as is."""
    return _flat(record.cell.setting)


def circumstances(record: Record) -> dict[str, str]:
    """Return what a cell's settings led to, and where it ran: data, weights, code, machine."""
    made, where = record.provenance, record.environment
    samples = record.samples
    changed = " with changes" if where.dirty else ""
    return {
        "data": (made.data or "not recorded")[:SHOWN_DIGITS],
        "split": made.split,
        "samples": f"{samples.train} train, {samples.val} validation, {samples.test} test",
        **{f"weights of {what}": digest[:SHOWN_DIGITS] for what, digest in made.weights.items()},
        **{
            f"code of {what}: {file}": digest[:SHOWN_DIGITS]
            for what, files in made.sources.items()
            for file, digest in files.items()
        },
        **{
            f"code of metric {name}": digest[:SHOWN_DIGITS]
            for name, digest in record.metrics.items()
            if digest != UNKNOWN_VERSION
        },
        "commit": f"{(where.commit or 'none')[:SHOWN_DIGITS]}{changed}",
        "python": where.python,
        **{f"package {name}": version for name, version in where.packages.items()},
        **{
            name: version
            for name, version in (
                ("CUDA", where.cuda),
                ("cuDNN", where.cudnn),
                ("driver", where.driver),
            )
            if version is not None
        },
        "platform": where.platform,
        "machine": where.machine,
    }


def differing(
    one: Iterable[Mapping[str, str]], other: Iterable[Mapping[str, str]], absent: str
) -> list[tuple[str, str, str]]:
    """Return in which facts two groups of experiments differ: the name, and both groups' values.

    Args:
        one: the facts of each experiment of the first group.
        other: of the second.
        absent: what to show where no experiment of a group has such a fact.
    """
    before, after = _together(one), _together(other)
    names = dict.fromkeys([*before, *after])
    values = [(name, before.get(name, []), after.get(name, [])) for name in names]
    return [
        (name, ", ".join(first) or absent, ", ".join(second) or absent)
        for name, first, second in values
        if set(first) != set(second)
    ]


def _together(facts: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """The different values of each fact, in the order in which they come."""
    found: dict[str, dict[str, None]] = {}
    for each in facts:
        for name, value in each.items():
            found.setdefault(name, {})[value] = None
    return {name: list(values) for name, values in found.items()}


def _flat(content: Any, at: str = "") -> dict[str, str]:
    """The leaves of nested settings, each by the way to it: ``train.0.epochs``."""
    if isinstance(content, Mapping):
        parts = list(content.items())
    elif isinstance(content, list) and any(isinstance(part, Mapping) for part in content):
        parts = list(enumerate(content))
    else:
        return {at: str(content)}
    return {
        name: value
        for key, part in parts
        for name, value in _flat(part, f"{at}.{key}" if at else str(key)).items()
    }
