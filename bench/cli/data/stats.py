"""`bench data stats`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from bench.cli.data.options import (
    Archives,
    Backgrounds,
    Exclude,
    Grid,
    LayoutName,
    open_asked,
    require_writable,
)
from bench.errors import InputError
from bench.files import atomic_path

if TYPE_CHECKING:
    from PIL import Image

    from bench.archives.stats.histogram_image import Panel
    from bench.archives.stats.pixel_statistics import Histogram, Statistics

_BARS = " ▁▂▃▄▅▆▇█"


def stats(
    archives: Archives = None,
    layout: LayoutName = None,
    backgrounds: Backgrounds = None,
    exclude: Exclude = None,
    grid: Grid = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="Draw the histograms into this PNG file.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Draw a dozen samples into this PNG file.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another dozen.")] = 0,
) -> None:
    """Measure a dataset: mean and spread of every channel, mask coverage, depth."""
    for file in (json_file, image, sheet):
        require_writable(file)
    from bench.archives.stats import contact_sheet, histogram_image
    from bench.archives.stats.pixel_statistics import measure
    from bench.execution.trackers.terminal import track

    layouts = open_asked(
        archives or [], layout=layout, backgrounds=backgrounds, exclude=exclude, grid=grid
    )
    with track("measuring") as on_progress:
        found = measure(layouts, on_progress)
    _print(Console(), found)
    if json_file is not None:
        _write(json_file, json.dumps(found.as_json(), indent=1, allow_nan=False) + "\n")
    if image is not None:
        panels = _panels(found)
        if not panels:
            raise InputError(f"{image}: not written, there is neither mask nor depth to draw")
        _write(image, histogram_image.draw(panels))
    if sheet is not None:
        _write(sheet, contact_sheet.draw(layouts, seed))


def _write(file: Path, content: str | Image.Image) -> None:
    """Write a text or a PNG; the file appears at once."""
    try:
        with atomic_path(file) as partial:
            if isinstance(content, str):
                partial.write_text(content, encoding="utf-8")
            else:
                content.save(partial, "PNG")
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from None
    typer.echo(f"written to {file}")


def _panels(found: Statistics) -> list[Panel]:
    from bench.archives.stats.histogram_image import Panel

    panels = []
    if found.coverage is not None:
        title = f"Mask coverage of {found.kinds['mask'].images} images"
        panels.append(
            Panel(title, "share of the image that is object", "share of images", found.coverage)
        )
    if found.depth is not None:
        title = f"Depth of {found.kinds['depth'].images} images"
        label = "depth (0 near, 1 far), pixels with a reading"
        panels.append(Panel(title, label, "share of pixels", found.depth))
    return panels


def _print(console: Console, found: Statistics) -> None:
    table = Table(title=f"{found.samples} samples", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("images", no_wrap=True)
    table.add_column("channel", no_wrap=True)
    for title in ("mean", "std\nof all pixels", "std, mean\nof each image's"):
        table.add_column(title, justify="right")
    for name, kind in found.kinds.items():
        for number, (channel, figures) in enumerate(kind.channels.items()):
            label = f"{kind.images} {name}" if number == 0 else ""
            shown = (figures.mean, figures.std, figures.mean_image_std)
            table.add_row(label, channel, *(f"{value:.4f}" for value in shown))
    console.print(table)

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    say("in [0, 1], over every pixel at its own size; a background counts once")
    if found.coverage is not None:
        deciles = " ".join(f"{share:.3f}" for share in found.coverage_deciles)
        say(f"mask coverage  0 {_bars(found.coverage)} 1  mean {found.coverage.mean:.4f}")
        say(f"  least, deciles and greatest: {deciles}")
    if found.depth is not None:
        say(f"depth       near {_bars(found.depth)} far  mean {found.depth.mean:.4f}")
        kind = found.kinds["depth"]
        say(
            f"  {kind.without_reading / (kind.pixels + kind.without_reading):.1%} without a reading"
        )
    for raw in found.raw_depth:
        unit = f" {raw.coding['unit']}" if raw.coding["unit"] else ""
        read = f"{raw.coding['maximum']}{unit} is 1, near: {raw.coding['near']}"
        say(f"  {raw.archives}: coded {raw.minimum} to {raw.maximum}, where {read}")


def _bars(histogram: Histogram) -> str:
    """A line of bars; one that is not empty shows."""
    greatest = max(histogram.counts) or 1
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // greatest)] for count in histogram.counts)
