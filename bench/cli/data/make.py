"""`bench data make`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.errors import InputError


def make(
    out: Annotated[Path, typer.Argument(help="The zip archive to write.")],
    backgrounds: Annotated[int, typer.Option(min=1, help="How many scenes.")] = 20,
    foregrounds: Annotated[int, typer.Option(min=1, help="How many objects.")] = 15,
    placements: Annotated[
        int, typer.Option(min=1, help="Samples of each object in each scene.")
    ] = 2,
    size: Annotated[int, typer.Option(min=32, help="Height and width in pixels.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another dataset.")] = 0,
) -> None:
    """Render a dataset: scenes with true depth, objects placed in them, nothing to download."""
    from bench.data import generator
    from bench.progress import track

    try:
        with track("rendering") as on_progress:
            generator.make(
                out,
                backgrounds=backgrounds,
                foregrounds=foregrounds,
                placements=placements,
                size=size,
                seed=seed,
                progress=on_progress,
            )
    except (OSError, ValueError) as error:
        raise InputError(str(error)) from None
    typer.echo(f"{out}: {backgrounds * foregrounds * placements} samples")
