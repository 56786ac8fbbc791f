"""`bench data make`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli.run import INTERRUPTED
from bench.errors import InputError


def make(
    out: Annotated[Path, typer.Argument(help="The zip archive to write.")],
    backgrounds: Annotated[
        str,
        typer.Option(
            metavar="NUMBER|FOLDER", help="How many scenes to render, or a folder of images."
        ),
    ] = "20",
    foregrounds: Annotated[
        str,
        typer.Option(
            metavar="NUMBER|FOLDER",
            help="How many objects to render, or a folder of cut-outs (RGBA PNG).",
        ),
    ] = "15",
    placements: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Samples of each object in each scene.",
            show_default="2 rendered, 20 from images",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=32,
            help="Height and width in pixels. Of a background image the central square is "
            "taken and resized.",
            show_default="128 rendered, 224 from images",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another dataset.")] = 0,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Where cut-outs are placed. uniform: anywhere inside the frame, at their own "
            "size. perspective: their centre anywhere, so that the frame may cut them; the lower, "
            "the larger.",
            show_default="uniform",
        ),
    ] = None,
    scale: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LOW HIGH",
            help="Scale cut-outs so that their longer side is such a share of the frame's.",
            show_default="perspective: 0.3 0.6",
        ),
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(
            help="Add a left-right mirrored twin of each sample from images: none, foreground "
            "(the cut-out alone, in its place) or both (with its background).",
            show_default="none",
        ),
    ] = None,
    depth_model: Annotated[
        str | None,
        typer.Option(
            help="Predict the depth of samples from images: a folder with a depth model of "
            "transformers, or its name on the hub. Without it the dataset has masks only.",
            show_default=False,
        ),
    ] = None,
    depth_near: Annotated[
        str | None,
        typer.Option(
            help="Which values of a relative depth model are near: high (inverse depth) or low.",
            show_default="high",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Images that the depth model sees at once.", show_default="8"),
    ] = None,
) -> None:
    """Make a dataset: rendered scenes with true depth, or your own cut-outs in your own images.

    Rendered, there is nothing to download. From images, Ctrl-C loses nothing: the same command
    goes on from there.
    """
    scenes, objects = _count(backgrounds), _count(foregrounds)
    for_images = {
        "recipe": recipe,
        "scale": scale,
        "mirror": mirror,
        "depth_model": depth_model,
        "depth_near": depth_near,
        "batch_size": batch_size,
    }
    given: dict[str, Any] = {name: value for name, value in for_images.items() if value is not None}
    if scenes is not None and objects is not None:
        for name in given:
            raise InputError(
                f"--{name.replace('_', '-')}: is for images of your own; give --backgrounds and "
                "--foregrounds a folder each"
            )
        _render(
            out,
            backgrounds=scenes,
            foregrounds=objects,
            placements=placements or 2,
            size=size or 128,
            seed=seed,
        )
    elif scenes is None and objects is None:
        _paste(
            out,
            Path(backgrounds),
            Path(foregrounds),
            placements=placements or 20,
            size=size or 224,
            seed=seed,
            **given,
        )
    else:
        raise InputError(
            "--backgrounds and --foregrounds: give both a number, to render, or both a folder of "
            f"images, not {backgrounds!r} and {foregrounds!r}"
        )


def _count(text: str) -> int | None:
    """The whole number that the text is, or None for the name of a folder."""
    try:
        return int(text)
    except ValueError:
        return None


def _render(
    out: Path, *, backgrounds: int, foregrounds: int, placements: int, size: int, seed: int
) -> None:
    from bench.archives import render
    from bench.execution.trackers.terminal import track

    try:
        with track("rendering") as on_progress:
            render.make(
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


def _paste(
    out: Path,
    backgrounds: Path,
    foregrounds: Path,
    *,
    depth_model: str | None = None,
    depth_near: str | None = None,
    batch_size: int | None = None,
    **settings: Any,
) -> None:
    from bench.archives import paste
    from bench.execution.trackers.terminal import track

    chosen = paste.Settings(**settings)
    depth = None
    if depth_model is not None:
        from bench.archives.paste.depth import DepthModel
        from bench.machine.device import choose

        depth = DepthModel(
            depth_model, near=depth_near, batch_size=batch_size or 8, device=choose("auto")
        )
    elif depth_near is not None or batch_size is not None:
        raise InputError("--depth-near and --batch-size: are for a --depth-model; name one")
    try:
        with track("pasting") as on_progress:
            made = paste.make(
                out, backgrounds, foregrounds, chosen, depth=depth, progress=on_progress
            )
    except KeyboardInterrupt:
        typer.echo("stopped; the same command goes on from here", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except OSError as error:
        raise InputError(str(error)) from None
    if made.shrunk:
        typer.echo(f"larger than the frame, scaled down to fit: {', '.join(made.shrunk)}")
    typer.echo(f"{out}: {made.samples} samples{'' if depth else ', masks only'}")
    if made.skipped:
        images = f"{len(made.skipped)} image{'s' * (len(made.skipped) > 1)}"
        typer.echo(f"skipped, as they are of no use: {images}")
        for reason in made.skipped:
            typer.echo(f"  {reason}")
