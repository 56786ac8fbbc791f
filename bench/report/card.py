"""The model card of a trained network: what it is, how good it is, and how it is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.report.hub import TASKS, model_index, shown_columns
from bench.report.leaderboard import Leaderboard, leaderboards
from bench.report.markdown import text
from bench.report.marks import BELOW_BASELINE, ONE_SEED
from bench.report.row import Row
from bench.report.setting import machine, setting, size
from bench.report.tables import table
from bench.study.record import Record
from bench.study.results import Results
from bench.text import markdown

LIBRARY = "maskdepth-bench"
TAGS = {"mask": "foreground-segmentation", "depth": "depth-estimation"}
LICENCE = """\
None is stated yet. Whoever publishes this network chooses one and writes it here, and as `license:`
at the top; it has to fit what the training data permit."""


def card(results: Results, record: Record, notes: Sequence[str], dataset: str | None = None) -> str:
    """Return the model card of a complete trained cell, in Markdown with Hugging Face's header.

    Args:
        results: the study.
        record: of the cell.
        notes: what else has to be known to use it, a paragraph each in Markdown.
        dataset: the id on the hub of the dataset whose images were tested on, if it is there: then
            the header has the scores, too.
    """
    board, row = place(results, record)
    header = _header(record)
    if dataset is not None:
        index = model_index(results, record, board, dataset)
        header |= {"datasets": [dataset], "model-index": index}
    title = markdown(record.cell.label)
    parts = [
        f"---\n{yaml.safe_dump(header, sort_keys=False, allow_unicode=True)}---",
        f"# {title}",
        _purpose(record),
        f"## Scores\n\n{_scores(results, record, board, row)}",
        f"## Data and recipe\n\n{_bullets(_origin(record, board))}",
        f"## Use\n\n{_use(record, notes)}",
        f"## Licence\n\n{LICENCE}",
    ]
    return "\n\n".join(parts) + "\n"


def _header(record: Record) -> dict[str, Any]:
    """What the hub finds the network by; it knows one task of each, which is the first."""
    tasks = record.cell.tasks
    return {
        "library_name": LIBRARY,
        "pipeline_tag": TASKS[tasks[0]],
        "tags": sorted({"pytorch", *(TAGS[task] for task in tasks)}),
    }


def place(results: Results, record: Record) -> tuple[Leaderboard | None, Row | None]:
    """Return the board on which a cell stands, and its row; None if it stands on none."""
    for board in leaderboards(results):
        for row in board.rows:
            if any(other.cell.id == record.cell.id for other in row.records):
                return board, row
    return None, None


def _sees_composite_alone(record: Record) -> bool:
    """Whether neither the network nor its teacher looks at the background."""
    teacher = record.cell.train.teacher
    networks = [record.cell.architecture, *([teacher.architecture] if teacher else [])]
    return all(network.options.get("inputs") == "composite" for network in networks)


def _sees(record: Record) -> str:
    if _sees_composite_alone(record):
        return "a picture"
    return "a picture and the same scene without the object (background)"


def _purpose(record: Record) -> str:
    gives = {
        "mask": "the mask of the object in front (probability of each pixel)",
        "depth": "a depth map (0 near, 1 far)",
    }
    wanted = " and ".join(gives[task] for task in record.cell.tasks)
    return (
        f"A network that predicts {wanted} from {_sees(record)}; trained by maskdepth-bench, cell "
        f"`{record.cell.id}`."
    )


def _scores(results: Results, record: Record, board: Leaderboard | None, row: Row | None) -> str:
    columns = shown_columns(results, record, board)
    heading = ["metric", "these weights"]
    if row is not None:
        seeds = f"{row.seeds} seed{'s' * (row.seeds > 1)}"
        heading.append(f"this recipe, {seeds}, ± half of the 95 % interval")
    body = []
    for column in columns:
        value = column.read(record, ())
        shown = "—" if value is None else f"{value:.{column.decimals}f}"
        recipe = [] if row is None else [text(row, column)]
        body.append([markdown(column.title), shown, *recipe])
    note = (
        f"On {record.samples.test} test images. **Bold**: no row of the study is certainly better. "
        f"{ONE_SEED}: the interval is of these weights on other images. "
        f"{BELOW_BASELINE}: no better than a trivial baseline."
    )
    return f"{table(heading, body, numeric_from=1)}\n\n{note}"


def _origin(record: Record, board: Leaderboard | None) -> Iterator[str]:
    cell = record.cell
    names = ", ".join(Path(file).name for file in cell.data.files)
    yield f"architecture: {cell.architecture.label}"
    yield f"loss: {cell.loss.label if cell.loss else 'none'}; seed {cell.seed}"
    yield f"data: {names} at {size(cell.data.image_size)}, fingerprint {record.provenance.data}"
    if board is not None:
        yield from setting(board)[1:]
    else:
        yield f"machine: {machine(record.environment)}"


def _bullets(lines: Iterator[str]) -> str:
    return "\n".join(f"- {markdown(line)}" for line in lines)


def _use(record: Record, notes: Sequence[str]) -> str:
    height, width = record.cell.data.image_size
    alone = _sees_composite_alone(record)
    arguments = '"picture.jpg"' if alone else '"picture.jpg", "background.jpg"'
    lines = [
        "```python",
        "import bench  # pip install maskdepth-bench",
        "",
        'predictor = bench.from_pretrained("path/to/this/folder")  # or the name of a repository',
        f"maps = predictor({arguments})  # maps.mask, maps.depth: (H, W) in [0, 1]",
        "```",
    ]
    by_hand = (
        f"To feed it from another program: RGB images resized to {height}x{width} px (height x "
        "width) whatever their shape, bilinear with antialiasing, as float32 (B, 3, H, W) divided "
        "by 255. No mean is subtracted: what the network needs of that it does itself. "
        f"`model.safetensors` holds the weights of {_held(record)}, which returns logits: their "
        "sigmoid is the probability and the depth."
    )
    return "\n\n".join(["\n".join(lines), by_hand, *notes])


def _held(record: Record) -> str:
    """What `model.safetensors` holds, for whoever loads it by hand."""
    if record.cell.train.teacher is None:
        return "`architectures.create(name, **options)` by `config.json`"
    return (
        "a student, which predicts the mask, and of the teacher that makes the depth of what the "
        "mask shows: their names begin with `student.` and `teacher.`, and both are by "
        "`config.json`. Together they are `bench.training.teacher.StudentTeacher`"
    )
