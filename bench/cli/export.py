"""`bench export`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.errors import InputError

if TYPE_CHECKING:
    from bench.loaded_study import LoadedStudy
    from bench.study.record import Record


class Format(StrEnum):
    """As what a network is written beside its weights."""

    TORCH = "torch"
    ONNX = "onnx"


def export(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    cell: Annotated[
        str, typer.Argument(help="The cell's id, how it begins, or best: the board's first row's.")
    ],
    out: Annotated[Path, typer.Argument(help="The folder to write, which is new or empty.")],
    formats: Annotated[
        list[Format] | None,
        typer.Option(
            "--format",
            help="What to write beside the weights: torch, for torch.export.load; onnx; or both.",
            show_default="none",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER/NAME",
            help="The test images' dataset on the Hugging Face hub: also write the scores as the "
            "hub reads them, to .eval_results and the card's header.",
        ),
    ] = None,
    push: Annotated[
        str | None,
        typer.Option(metavar="REPOSITORY", help="Upload the folder to the Hugging Face hub, too."),
    ] = None,
) -> None:
    """Write a trained network for use elsewhere: weights, configuration, model card.

    What else is asked for by --format is loaded again and compared with the network; one that
    predicts otherwise is refused, and nothing is written.
    """
    from bench.cli.trained import open_cell
    from bench.files import atomic_folder
    from bench.inference import pretrained
    from bench.report.hub import check_dataset

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists already; give a new folder")
    if dataset is not None:
        check_dataset(dataset)
    loaded, record = open_cell(study, cell)
    try:
        with atomic_folder(out) as folder:
            _write(loaded, record, folder, formats or [], dataset)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from None
    typer.echo(f"written to {out}")
    if push is not None:
        typer.echo(f"uploaded to {pretrained.push(out, push)}")


def _write(
    loaded: LoadedStudy,
    record: Record,
    folder: Path,
    formats: Sequence[Format],
    dataset: str | None,
) -> None:
    from architectures import is_own_code
    from bench.cli.trained import warnings_as_lines
    from bench.inference import pretrained
    from bench.inference.description import Description
    from bench.inference.load import weights
    from bench.inference.program import capture
    from bench.report.card import card, place
    from bench.report.hub import eval_results

    description = Description.of(record.cell)
    published = description.without_folders()
    pretrained.write(folder, published, weights(loaded.results, record))
    notes = []
    if formats:
        with warnings_as_lines():
            network = loaded.network(record.cell.id)
        program = capture(network, description)
        if Format.TORCH in formats:
            difference = program.save(folder / pretrained.TORCH)
            notes.append(f"`{pretrained.TORCH}` is for `torch.export.load`: {program.usage}")
            typer.echo(f"{pretrained.TORCH}: as the network, to within {difference:.1g}")
        if Format.ONNX in formats:
            difference = program.save_onnx(folder / pretrained.ONNX)
            notes.append(f"`{pretrained.ONNX}` is for ONNX runtimes: {program.usage}")
            typer.echo(f"{pretrained.ONNX}: as the network, to within {difference:.1g}")
    for architecture in published.networks:
        if is_own_code(architecture.name):
            typer.echo(
                f"{architecture.name} is not copied: who loads the weights has to have it", err=True
            )
            notes.append(
                f"The network is `{architecture.name}`, its author's own code, which is not in "
                "this folder: have it in the working folder, and pass `own_code=True`."
            )
    text = card(loaded.results, record, notes, dataset)
    (folder / pretrained.CARD).write_text(text, encoding="utf-8")
    if dataset is not None:
        board, _ = place(loaded.results, record)
        (folder / pretrained.EVAL_RESULTS).parent.mkdir()
        text = eval_results(loaded.results, record, board, dataset)
        (folder / pretrained.EVAL_RESULTS).write_text(text, encoding="utf-8")
