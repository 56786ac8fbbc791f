"""`bench merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def merge(
    studies: Annotated[
        list[Path], typer.Argument(metavar="STUDY...", help="The folders of the studies to join.")
    ],
    out: Annotated[Path, typer.Argument(help="The joined study: a new folder, or one to add to.")],
) -> None:
    """Join studies of several machines: every cell once, every timing with its machine.

    Refuses what cannot be compared: other data, code, weights or metrics behind the same cells.
    """
    from bench.study.merge import merge

    added = merge(studies, out)
    what = f"{added} added" if added else "nothing to add"
    typer.echo(f"{out}: {what}; see `bench report {out}`")
