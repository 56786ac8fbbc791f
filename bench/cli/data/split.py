"""`bench data split`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from bench.errors import InputError

if TYPE_CHECKING:
    from bench.data.leakage import Overlap
    from bench.settings import Split


def split(
    archives: Annotated[list[Path], typer.Argument(help="The archives of one dataset.")],
    out: Annotated[Path | None, typer.Option(help="The CSV list (key,subset) to write.")] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Count what is in more than one subset.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option(help="Audit this CSV list (key,subset) in place of a draw.")
    ] = None,
    by: Annotated[
        str, typer.Option(help="sample, background, foreground, both, or another column.")
    ] = "sample",
    method: Annotated[
        str, typer.Option(help="shuffle, or a published draw, as in a grid's data.split.method.")
    ] = "shuffle",
    train: Annotated[
        float | None, typer.Option(help="The share that trains.", show_default="0.6")
    ] = None,
    val: Annotated[
        float | None, typer.Option(help="The share that selects the epoch.", show_default="0.1")
    ] = None,
    test: Annotated[
        float | None, typer.Option(help="The share that tests.", show_default="0.3")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another draw.")] = 0,
) -> None:
    """Write a split as a list that a grid's data.split.file reads, or audit it."""
    if out is None and not audit:
        raise InputError("give --out FILE to write the split, --audit to examine it, or both")
    if out is not None and out.exists():
        raise InputError(f"{out} exists already")
    asked = _settings(
        file=None if file is None else str(file),
        by=by,
        method=method,
        seed=seed,
        **{
            name: share
            for name, share in {"train": train, "val": val, "test": test}.items()
            if share is not None
        },
    )
    from bench.data.cache import open_dataset, open_pool
    from bench.data.leakage import near_duplicates, shared_groups
    from bench.data.similarity import dhash
    from bench.data.split import split_rows, write_split
    from bench.data.split_by_group import missed_by_groups
    from bench.execution.trackers.terminal import track

    pool, fingerprint = open_pool(archives)
    samples = pool.samples
    rows = split_rows(samples, asked, fingerprint)
    typer.echo(
        f"{len(rows.train)} train, {len(rows.val)} val, {len(rows.test)} test, "
        f"{rows.left_out} left out ({asked.label}, digest {rows.digest})"
    )
    for remark in missed_by_groups(samples, asked, rows):
        typer.echo(remark)
    if audit:
        with track("decoding") as on_progress:
            dataset = open_dataset(archives, (64, 64), on_progress=on_progress)
        overlaps = shared_groups(samples, rows)
        overlaps.append(near_duplicates(dhash(dataset.composites), rows))
        _print_audit(Console(), overlaps)
    if out is not None:
        write_split(out, samples, rows)
        typer.echo(f"written to {out}")


def _settings(**options: Any) -> Split:
    """The options as a grid's `data.split` has them, with its mistakes."""
    from pydantic import ValidationError

    from bench.settings import Split

    try:
        return Split(**options)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "value_error":
            raise InputError(str(first["ctx"]["error"])) from None
        raise InputError(
            f"--{first['loc'][0]}: {first['msg'].lower()}, not {first['input']!r}"
        ) from None


def _print_audit(console: Console, overlaps: list[Overlap]) -> None:
    from bench.data.similarity import BITS, NEAR_BITS

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("column", overflow="fold")
    for title in ("groups", "in more than\none subset", "test samples that\nshare with training"):
        table.add_column(title, justify="right")
    for overlap in overlaps:
        table.add_row(
            overlap.column,
            str(overlap.groups),
            str(overlap.spread),
            f"{overlap.test_share:.1%}",
        )
    console.print(table)
    console.print(
        "near-duplicate images: difference hashes at most "
        f"{NEAR_BITS} of {BITS} bits apart, on one background too; each image counts as a group",
        highlight=False,
    )
