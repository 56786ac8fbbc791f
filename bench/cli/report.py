"""`bench report`."""

from __future__ import annotations

import difflib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bench.errors import InputError
from bench.text import printable, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.report.leaderboard import Leaderboard
    from bench.report.selection import Selection
    from bench.study.results import Results

MAX_DIFF = 40  # lines of a difference that are shown
MAX_DIFF_LINE = 2000  # characters of one of them: more than a row of a table has


class Format(StrEnum):
    """What a report is written as."""

    MARKDOWN = "md"
    HTML = "html"
    LATEX = "latex"
    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"
    SVG = "svg"
    PNG = "png"
    PDF = "pdf"

    @property
    def is_chart(self) -> bool:
        """Whether it is of the charts, a file each."""
        return self in {Format.SVG, Format.PNG, Format.PDF}


def report(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Metrics and costs to show, in this order: iou,rmse,latency_ms.",
            show_default="those of the grid, and all costs",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="A metric or cost to sort by, the best row first.",
            show_default="the grid's first metric",
        ),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Only the rows whose architecture, loss or architecture/loss is like this: "
            "'unet*'. Ranks and marks stay those of the whole board.",
        ),
    ] = None,
    strata: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Also write the scores by object_size, depth, or a column of the archive, such as "
            "mirrored, to by-COLUMN.md; html has them in the page.",
        ),
    ] = None,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            help="md: leaderboard.md; html: one page with charts; latex: tables for a paper; csv, "
            "parquet, json: one table for programs; svg, png, pdf: the charts alone.",
        ),
    ] = Format.MARKDOWN,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The file, or the folder of the charts.",
            show_default="leaderboard.md, report.html, figures/ ... in the study's folder",
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write nothing: compare the report with this file, and exit with 1 if it differs.",
        ),
    ] = None,
) -> None:
    """Print a study's leaderboard and write it to its folder: as text, table, page or charts."""
    from bench.report import markdown, terminal
    from bench.report.leaderboard import leaderboards
    from bench.report.selection import Selection
    from bench.study.study import Study

    selection = Selection(
        columns=() if columns is None else tuple(key.strip() for key in columns.split(",")),
        sort=sort,
        rows=tuple(select or ()),
    )
    _check_options(format_, selection, strata or [], out, check)
    if out is not None:
        _check_place(study, out, format_)
    results = Study(study).load()
    boards = leaderboards(results)
    name = study.resolve().name
    if not boards:
        terminal.print_leaderboard(Console(), name, boards, results.damaged)
        typer.echo(f"{study}: nothing written: no grid of the study can be read", err=True)
        raise typer.Exit(1)
    if format_.is_chart:
        files = _charts(boards, format_, out or study / "figures")
    else:
        content = _content(format_, name, boards, results, selection, strata or [])
        if check is not None:
            _compare(check, content.decode())
            return
        file = out or study / _file_name(format_, selection)
        files = {file: content}
        for column in dict.fromkeys(strata or []) if format_ is Format.MARKDOWN else []:
            place = file.with_name(_strata_name(column, selection))
            if place in files:
                raise InputError(f"--strata {column}: is written to {place}, as another part is")
            text = markdown.render_strata(name, boards, column, selection)
            files[place] = text.encode()
    terminal.print_leaderboard(Console(), name, boards, results.damaged, selection)
    written = [_write(path, content) for path, content in files.items()]
    if out is not None and not all(written):
        raise typer.Exit(1)


def _check_options(
    format_: Format,
    selection: Selection,
    strata: Sequence[str],
    out: Path | None,
    check: Path | None,
) -> None:
    """Refuse an option that says nothing to the format, or to another option."""
    from bench.report.selection import EVERYTHING

    if selection != EVERYTHING and (format_.is_chart or format_ is Format.HTML):
        raise InputError(
            f"--format {format_}: shows the whole board; --columns, --sort and --select are for "
            "md, latex, csv, parquet and json"
        )
    if strata and format_ not in {Format.MARKDOWN, Format.HTML}:
        raise InputError(f"--strata: is for md and html, not for {format_}")
    if check is None:
        return
    if format_.is_chart or format_ is Format.PARQUET:
        raise InputError(f"--check: is for md, html, latex, csv and json, not for {format_}")
    if out is not None:
        raise InputError("--check: writes nothing; leave out --out")
    if strata and format_ is Format.MARKDOWN:
        raise InputError("--check: is of one file, and --strata writes others; leave one out")


def _check_place(study: Path, out: Path, format_: Format) -> None:
    """Refuse to write over what the study keeps, or a file in a folder's place."""
    from bench.study.places import is_own_place

    if out.is_dir() and not format_.is_chart:
        raise InputError(f"--out {out}: is a folder; give the file to write")
    if is_own_place(study, out):
        raise InputError(f"--out {out}: there the study keeps its own files; give another place")


def _file_name(format_: Format, selection: Selection) -> str:
    """The name in the study's folder: a part of a board is not to replace the whole one."""
    from bench.report.selection import EVERYTHING

    if format_ is Format.HTML:
        return "report.html"
    suffix = "tex" if format_ is Format.LATEX else format_
    return f"{'leaderboard' if selection == EVERYTHING else 'selection'}.{suffix}"


def _strata_name(column: str, selection: Selection) -> str:
    """The name of the file of a column's strata, whose own name may have slashes."""
    from bench.report.selection import EVERYTHING

    prefix = "" if selection == EVERYTHING else "selection-"  # a part replaces no whole one
    return f"{prefix}by-{column.replace('/', '_')}.md"


def _content(
    format_: Format,
    name: str,
    boards: Sequence[Leaderboard],
    results: Results,
    selection: Selection,
    strata: Sequence[str],
) -> bytes:
    """The report as one file."""
    from bench.report import board_frame, latex, markdown

    if format_ is Format.MARKDOWN:
        return markdown.render(name, boards, results.damaged, selection).encode()
    if format_ is Format.HTML:
        from bench.report.html import page

        return page.render(name, boards, results.damaged, strata, results).encode()
    shown = selection.of(boards)
    if format_ is Format.LATEX:
        return latex.render(name, shown).encode()
    frame = board_frame.board_frame(shown)
    if format_ is Format.PARQUET:
        return board_frame.as_parquet(frame)
    as_text = board_frame.as_csv if format_ is Format.CSV else board_frame.as_json
    return as_text(frame).encode()


def _charts(boards: Sequence[Leaderboard], format_: Format, folder: Path) -> dict[Path, bytes]:
    """The charts of all boards, a file each."""
    from bench.report.figures import figures

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}") from None
    return {
        folder / (f"board-{number}-{file}" if len(boards) > 1 else file): content
        for number, board in enumerate(boards, start=1)
        for file, content in figures(board, format_.value)
    }


def _compare(path: Path, text: str) -> None:
    """Exit with 1 and a short difference unless a file has the lines of the report."""
    try:
        kept = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"--check: {path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"--check: {path}: is no text in UTF-8") from None
    found = list(
        difflib.unified_diff(kept, text.splitlines(), str(path), "the records", "", "", 1, "")
    )
    for line in found[:MAX_DIFF]:
        typer.echo(printable(shortened(line, MAX_DIFF_LINE)))
    if len(found) > MAX_DIFF:
        typer.echo(f"... and {len(found) - MAX_DIFF} lines more")
    if found:
        raise typer.Exit(1)
    typer.echo(f"{path}: is what the records give")


def _write(path: Path, content: bytes) -> bool:
    """Write a file, or say why it cannot be written."""
    from bench.files import write_atomically

    try:
        write_atomically(path, content)
    except OSError as error:
        typer.echo(f"{path}: not written: {error.strerror}", err=True)
        return False
    typer.echo(f"written to {path}")
    return True
