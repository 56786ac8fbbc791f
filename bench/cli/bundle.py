"""`bench bundle`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.errors import InputError

if TYPE_CHECKING:
    from bench.report.leaderboard import Leaderboard
    from bench.study.results import Results

SPDX = re.compile(r"[\w.+()-]+( [\w.+()-]+)*")  # such as CC-BY-4.0, or MIT OR Apache-2.0


def bundle(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    out: Annotated[
        Path | None,
        typer.Argument(help="The file to write.", show_default="<study>.bundle.zip"),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            "--license",
            metavar="LICENSE",
            help="Under which licence it is published: its SPDX name, as CC-BY-4.0, or the file of "
            "its text.",
            show_default="the file LICENSE in the study's folder, if there is one",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER/NAME",
            help="The test images' dataset on the Hugging Face hub: also write each trained cell's "
            "scores for the .eval_results folder of its network's repository, beside the file.",
        ),
    ] = None,
) -> None:
    """Write a study into one file with its report, a manifest and checksums, to be kept or sent."""
    from bench.cli.version import project_version
    from bench.report.html import page
    from bench.report.hub import check_dataset
    from bench.report.leaderboard import leaderboards
    from bench.report.markdown import render
    from bench.study.bundle import bundle
    from bench.study.study import Study

    file = out or Path(f"{study.resolve().name}.bundle.zip")
    if file.is_dir():
        raise InputError(f"{file}: is a folder; give the file to write")
    text = None if licence is None else _licence(licence)
    scores = file.with_name(f"{file.name.removesuffix('.zip')}.eval_results")
    if dataset is not None:
        check_dataset(dataset)
        if scores.exists():
            raise InputError(f"{scores} exists already")
    results = Study(study).load()
    boards = leaderboards(results)
    name = study.resolve().name
    reports = {}
    if boards:
        reports["leaderboard.md"] = render(name, boards, results.damaged).encode()
        reports["report.html"] = page.render(name, boards, results.damaged, (), results).encode()
    bundle(study, file, version=project_version(), reports=reports, licence=text)
    typer.echo(f"written to {file}")
    if dataset is not None:
        _write_scores(scores, results, boards, dataset)
        typer.echo(f"scores for the Hugging Face hub written to {scores}")


def _licence(text: str) -> bytes:
    if Path(text).is_file():
        return Path(text).read_bytes()
    if SPDX.fullmatch(text) is None:
        raise InputError(
            f"--license {text}: give a licence's SPDX name, as CC-BY-4.0, or the file of its text"
        )
    return f"{text}\n".encode()


def _write_scores(folder: Path, results: Results, boards: list[Leaderboard], dataset: str) -> None:
    """Write a file for each trained cell, by its id."""
    from bench.files import atomic_folder
    from bench.report.hub import eval_results

    with atomic_folder(folder) as partial:
        for board in boards:
            for record in (record for row in board.rows for record in row.records):
                text = eval_results(results, record, board, dataset)
                (partial / f"{record.cell.id}.yaml").write_text(text, encoding="utf-8")
