"""`bench predict`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import Device
from bench.cli.run import FAILED_CELLS
from bench.errors import InputError

if TYPE_CHECKING:
    from bench.inference.pictures import Pairs
    from bench.inference.predictor import Predictor

FEW = 3  # pictures that are named one by one


def predict(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    cell: Annotated[
        str, typer.Argument(help="The cell's id, how it begins, or best: the board's first row's.")
    ],
    composite: Annotated[
        Path, typer.Option(help="A picture with the object, a folder of them, or a dataset's zip.")
    ],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    background: Annotated[
        Path | None,
        typer.Option(
            help="The picture without the object, or a folder of them, named as the composites.",
            show_default="none",
        ),
    ] = None,
    device: Device = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace images that are there already.")
    ] = False,
) -> None:
    """Predict mask and depth of pictures with a network that a study has trained.

    Writes mask/NAME.png (8 bits, above 127 is the object), depth/NAME.png (16 bits, 0 is near),
    depth_colored/NAME.png and side_by_side/NAME.png. Of several pictures, those that cannot be read
    are skipped and listed, and the exit code is 3.
    """
    from bench.cli.trained import open_cell, warnings_as_lines
    from bench.inference.pictures import open_pairs

    if composite.is_dir() and out.resolve().is_relative_to(composite.resolve()):
        raise InputError(
            f"--out {out}: lies in {composite}, so that what is written there would be taken for "
            "pictures the next time; give a folder beside it"
        )
    loaded, record = open_cell(study, cell)
    pairs = open_pairs(composite, background, record.cell.data.sources()[0])
    if not overwrite:
        _require_new(pairs, out)
    with warnings_as_lines():
        predictor = loaded.predictor(record.cell.id, device=device)
    skipped: defaultdict[str, list[str]] = defaultdict(list)  # by the reason
    for key, why in _predict(pairs, predictor, out):
        skipped[why].append(key)
    count, left = len(pairs.keys), sum(map(len, skipped.values()))
    for why, keys in skipped.items():
        if count == 1:
            raise InputError(f"{keys[0]}: {why}")
        typer.echo(f"skipped: {_named(keys)}: {why}", err=True)
    where = f"; see {out / 'side_by_side'}" if left < count else ""
    typer.echo(f"{count - left} of {count} predicted{where}")
    if skipped:
        raise typer.Exit(FAILED_CELLS)


def _named(keys: list[str]) -> str:
    """The keys, or how many they are and the first of them."""
    if len(keys) <= FEW:
        return ", ".join(keys)
    return f"{len(keys)} pictures ({', '.join(keys[:FEW])}, ...)"


def _require_new(pairs: Pairs, out: Path) -> None:
    """Make sure that nothing which is there would be replaced."""
    from bench.inference.drawing import files_of

    for key in pairs.keys:
        try:
            files = files_of(out, key)
        except InputError:
            continue  # it will be skipped
        for file in files.values():
            if file.exists():
                raise InputError(f"{file} exists already; give another folder, or --overwrite")


def _predict(pairs: Pairs, predictor: Predictor, out: Path) -> Iterator[tuple[str, str]]:
    """Write what is predicted of each pair; give the key of those that cannot be, and why."""
    from bench.files import write_atomically
    from bench.inference.drawing import draw, files_of

    for number, key in enumerate(pairs.keys):
        try:
            files = files_of(out, key)
            pair = pairs.read(number)
            drawn = list(draw(pair, predictor(pair.composite, pair.background)))
        except InputError as error:
            yield key, str(error)
            continue
        try:
            for kind, content in drawn:
                write_atomically(files[kind], content)
        except OSError as error:
            raise InputError(f"{out}: cannot be written to: {error.strerror}") from None
