"""`bench unbundle`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def unbundle(
    file: Annotated[Path, typer.Argument(help="The file that `bench bundle` wrote.")],
    out: Annotated[Path, typer.Argument(help="The study's folder, which is new or empty.")],
) -> None:
    """Unpack a bundled study; a file that is anything else is refused, and nothing is written."""
    from bench.study.unbundle import unbundle

    unbundle(file, out)
    typer.echo(f"written to {out}; see `bench report {out}`")
