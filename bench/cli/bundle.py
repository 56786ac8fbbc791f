"""`bench bundle`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bundle(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    out: Annotated[
        Path | None,
        typer.Argument(help="The file to write.", show_default="<study>.bundle.zip"),
    ] = None,
) -> None:
    """Write a study into one file with a manifest and checksums, to be kept or sent."""
    from bench.cli.version import project_version
    from bench.study.bundle import bundle

    file = out or Path(f"{study.resolve().name}.bundle.zip")
    bundle(study, file, version=project_version())
    typer.echo(f"written to {file}")
