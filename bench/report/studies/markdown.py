"""Two studies side by side in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.report.columns import Column
from bench.report.compare import Zone
from bench.report.marks import ONE_SEED
from bench.report.studies.comparison import NONE, BoardComparison, Facts, cells_apart
from bench.report.studies.gate import Verdict
from bench.report.studies.scores import ScoreChange, Studies
from bench.report.studies.speeds import SPEED_COLUMNS, SpeedChange
from bench.report.tables import table
from bench.statistics.practical import verdict
from bench.text import markdown, printable

SAME = "the same"
MOST_LISTED = 10  # cells that only one study has


def render(
    names: tuple[str, str],
    studies: Studies,
    compared: Sequence[BoardComparison],
    equal: Mapping[str, Zone],
) -> str:
    """Return how study B compares with study A.

    Args:
        names: of A and B.
        studies: A and B.
        compared: their boards.
        equal: by metric, up to which difference two figures count as equal.
    """
    parts = [f"# A: {markdown(names[0])}, B: {markdown(names[1])}", _bullets(_cells(studies))]
    for number, one in enumerate(compared, start=1):
        if len(compared) > 1:
            parts.append(f"## Board {number} of {len(compared)} of A")
        parts += _board(one, equal)
    return "\n\n".join(parts)


def render_gate(verdicts: Sequence[Verdict]) -> str:
    """Return what the conditions of a gate say."""
    parts = ["## Gate"]
    for one in verdicts:
        parts.append(
            f"`{printable(one.condition.text)}`: {'FAILED' if one.failed else 'passed'}: "
            f"{len(one.failed)} failed, {len(one.undecided)} undecided, {one.passed} passed"
        )
        lines = [f"failed: {line}" for line in one.failed]
        lines += [f"undecided, the interval holds the limit: {line}" for line in one.undecided]
        if lines:
            parts.append(_bullets(lines))
    return "\n\n".join(parts)


def _cells(studies: Studies) -> Iterator[str]:
    common, *apart = cells_apart(studies)
    yield f"complete cells that both have: {common}"
    for name, labels, study in zip("AB", apart, studies, strict=True):
        if labels:
            more = len(labels) - MOST_LISTED
            listed = "; ".join(labels[:MOST_LISTED]) + (f"; and {more} more" if more > 0 else "")
            yield f"only in {name}: {len(labels)}: {listed}"
        for place, why in study.damaged.items():
            yield f"damaged in {name}: {place}: {why}"


def _board(one: BoardComparison, equal: Mapping[str, Zone]) -> Iterator[str]:
    if one.pair.other is None:
        yield "B has no board with these settings."
    elif not one.has_shared_rows:
        yield "No row has complete cells in both, so that nothing is compared."
    if one.settings or one.circumstances:
        yield f"## What differs\n\n{_facts([*one.settings, *one.circumstances])}"
    elif one.has_shared_rows:
        yield "Settings, data, split, code, weights, packages and machine are the same in both."
    for column in one.columns:
        yield from _scores(column, one.scores[column.key], equal.get(column.key, Zone(0.0)))
    for column in SPEED_COLUMNS:
        yield from _speeds(column, one.speeds.get(column.key, []))
    if one.pair.added:
        yield f"Only in B: {markdown('; '.join(row.title for row in one.pair.added))}."


def _facts(facts: Facts) -> str:
    return table(["", "A", "B"], [[*map(markdown, fact)] for fact in facts], numeric_from=3)


def _scores(column: Column, changes: Sequence[ScoreChange], zone: Zone) -> Iterator[str]:
    compared = [change for change in changes if change.difference is not None]
    if compared:
        header = ["row", "seeds", f"A: {column.name}", "B", "B - A", "so B is"]
        body = [_score_row(column, change, zone) for change in compared]
        pairing = "; ".join(dict.fromkeys(change.pairing for change in compared))
        at_once = f"all {len(compared)} hold at once" if len(compared) > 1 else "it holds"
        lines = [f"±: half of the interval; {at_once} with 95 %. The two are {pairing}."]
        if any(c.difference.of_checkpoint for c in compared if c.difference):
            lines.append(
                f"{ONE_SEED}: of one seed in A or B: for these trained networks on other images; "
                "their recipes may compare otherwise."
            )
        if any(change.span == (0, 0) for change in compared):
            lines.append(f"{SAME.capitalize()}: equal to the last digit on every image.")
        yield f"## {markdown(column.title)}\n\n{table(header, body, numeric_from=1)}"
        yield markdown(" ".join(lines))
    elif changes:
        yield f"## {markdown(column.title)}"
    yield from _remarks(changes)


def _score_row(column: Column, change: ScoreChange, zone: Zone) -> list[str]:
    difference, means = change.difference, change.means or (0.0, 0.0)
    if difference is None:
        return []
    size = zone.size * (abs(means[0]) if zone.is_share else 1)
    counts = change.seeds
    return [
        markdown(change.title),
        str(counts[0]) if counts[0] == counts[1] else f"{counts[0]} and {counts[1]}",
        *(f"{mean:.{column.decimals}f}" for mean in means),
        change.shown,
        SAME
        if change.span == (0, 0)
        else verdict(difference, size, higher_is_better=column.higher_is_better).value,
    ]


def _speeds(column: Column, changes: Sequence[SpeedChange]) -> Iterator[str]:
    compared = [change for change in changes if change.ratio is not None]
    if compared:
        header = ["row", f"A: {column.name} {column.unit}", "B", "B / A - 1"]
        body = [
            [
                markdown(change.title),
                *(NONE if v is None else f"{v:.{column.decimals}f}" for v in change.figures),
                change.shown,
            ]
            for change in compared
        ]
        yield f"## {markdown(column.title)}\n\n{table(header, body, numeric_from=1)}"
        yield "On one machine; all intervals hold at once with 95 %."
    elif changes:
        yield f"## {markdown(column.title)}"
    yield from _remarks(changes)


def _remarks(changes: Sequence[ScoreChange] | Sequence[SpeedChange]) -> Iterator[str]:
    lines = [
        f"{change.title}: {said}"
        for change in changes
        for said in (change.problem, change.note)
        if said
    ]
    if lines:
        yield _bullets(lines)


def _bullets(lines: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(f"- {markdown(line)}" for line in lines)
