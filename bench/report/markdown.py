"""A leaderboard as Markdown; the same records give the same text."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.columns import CROSS_ENTROPY_COLUMNS, SCORE_COLUMNS, Column, Estimate
from bench.report.leaderboard import Leaderboard
from bench.settings import Recipe, Teacher
from bench.statistics.median import NARROW
from bench.study.measurement import Measurement
from bench.study.record import Environment, SampleCounts

BELOW_BASELINE = "▼"
NOISY = "~"
NOISY_MEANS = f"noisy, the 95 % interval of the median is wider than {NARROW:.0%}"


def render(name: str, board: Leaderboard) -> str:
    """The leaderboard, what is missing, and the tables of architectures by losses."""
    parts = [f"# Leaderboard: {name}", _setting(board), _main_table(board), _legend(board)]
    parts += _how_timed(board.timed)
    problems = [
        f"- {row.architecture}{f', {row.loss}' if row.loss else ''}: {remark}"
        for row in (*board.rows, *board.baselines)
        for remark in row.remarks
    ]
    problems += [
        f"- {result.case.label}: throughput: {problem}"
        for result in board.timed
        for problem in result.problems
    ]
    if problems:
        parts.append("## Remarks\n\n" + "\n".join(problems))
    parts += [f"## {column.title}\n\n{_crossed(board, column)}" for column in SCORE_COLUMNS]
    if any(column.name in row.figures for row in board.rows for column in CROSS_ENTROPY_COLUMNS):
        parts.append(f"## Cross-entropy\n\n{_cross_entropy(board)}")
    return "\n\n".join(parts) + "\n"


def _setting(board: Leaderboard) -> str:
    """What every row has in common: data, budget, machine."""
    data, train = board.grid.data, board.grid.train
    height, width = data.image_size
    splits = dict.fromkeys(
        f"{_counts(record.samples)} ({data.split.label}, digest {record.split_digest})"
        for record in board.records
    )
    machines = dict.fromkeys(_machine(record.environment) for record in board.records)
    recipes = train.recipes()
    stages = (
        ["training"] if len(recipes) == 1 else [f"stage {n}" for n in range(1, 1 + len(recipes))]
    )
    teacher = [f"- teacher: {_recipe(train.teacher)}"] if train.teacher else []
    return "\n".join(
        [
            f"- data: {', '.join(data.files)} at {height}x{width} px",
            *(f"- split: {split}" for split in splits),
            *teacher,
            *(f"- {stage}: {_recipe(r)}" for stage, r in zip(stages, recipes, strict=True)),
            "- the epoch is selected on the validation images, the test images are read once",
            *(f"- machine: {machine}" for machine in machines),
        ]
    )


def _counts(samples: SampleCounts) -> str:
    """How many images stand on each side, and how many on none."""
    text = f"{samples.train} train, {samples.val} validation, {samples.test} test images"
    return f"{text}, {samples.left_out} left out" if samples.left_out else text


def _recipe(recipe: Recipe) -> str:
    """A recipe in a line."""
    if isinstance(recipe, Teacher):
        origin = recipe.architecture.label
        if recipe.weights is not None:
            return f"{origin}, weights from {recipe.weights}"
        return f"{origin}, {_recipe(recipe.plain())}"
    budget = f"{recipe.epochs} epochs" if recipe.epochs else f"{recipe.steps} steps"
    parts = [
        f"{budget} of batches of {recipe.batch_size}",
        f"{recipe.optimizer} at {recipe.learning_rate:g} ({recipe.schedule.name})",
        recipe.precision,
    ]
    if recipe.image_size is not None:
        parts.insert(0, "{}x{} px".format(*recipe.image_size))
    if recipe.losses is not None:
        parts.append(recipe.losses.label)
    if recipe.freeze:
        parts.append(f"frozen: {', '.join(recipe.freeze)}")
    return ", ".join(parts)


def _machine(environment: Environment) -> str:
    return (
        f"{environment.device_name} ({environment.device}, {environment.threads} threads), "
        f"torch {environment.packages.get('torch')}"
    )


def _main_table(board: Leaderboard) -> str:
    shown = board.columns
    header = ["architecture", "loss", "seeds", *(column.title for column in shown)]
    body = [
        [
            row.architecture,
            row.loss or "(baseline)",
            str(row.seeds),
            *(cell_text(row.figures.get(column.name), column) for column in shown),
        ]
        for row in (*board.rows, *board.baselines)
    ]
    return table(header, body, numeric_from=2)


def _legend(board: Leaderboard) -> str:
    seeds = len(board.grid.seeds)
    spread = "mean ± standard deviation over the seeds" if seeds > 1 else "one seed, so no spread"
    shown = {column.name for column in board.columns}
    noisy = any(
        figure.noisy for row in board.rows for name, figure in row.figures.items() if name in shown
    )
    return (
        f"**Bold**: best of its column. {BELOW_BASELINE}: no better than a trivial baseline. "
        f"{f'{NOISY}: {NOISY_MEANS}. ' if noisy else ''}"
        f"{spread[0].upper()}{spread[1:]}. IoU is the mean over the test images; RMSE likewise, of "
        "depth in [0, 1]. Speed: medians, at the training batch size; latency at batch 1."
    )


def _how_timed(timed: Sequence[Measurement]) -> list[str]:
    """Lines that say on what, how, and beside which reference throughput was measured."""
    return list(
        dict.fromkeys(
            f"Throughput: each network in a process of its own on {_machine(result.environment)}; "
            f"{result.case.precision}, batch {result.case.recipe.batch_size} of "
            f"{'{}x{}'.format(*result.case.image_size)} px, decoding apart; in turn over "
            f"{len(result.reference.inference.round_medians_s)} rounds with "
            f"{result.reference.label}, which drifted by {result.reference.drift:.1%}."
            for result in timed
            if result.reference is not None
        )
    )


def _cross_entropy(board: Leaderboard) -> str:
    """The BCE of every trained row, whatever it was trained with."""
    header = ["architecture", "loss", *(column.title for column in CROSS_ENTROPY_COLUMNS)]
    body = [
        [
            row.architecture,
            row.loss or "",
            *(cell_text(row.figures.get(c.name), c) for c in CROSS_ENTROPY_COLUMNS),
        ]
        for row in board.rows
    ]
    note = (
        "The targets of depth are grey, so its BCE cannot fall below their entropy; less that, a "
        "perfect prediction has 0."
    )
    return f"{table(header, body, numeric_from=2)}\n\n{note}"


def _crossed(board: Leaderboard, column: Column) -> str:
    """Architectures down, losses across, in the grid's order."""
    by_cell = {(row.architecture, row.loss): row for row in board.rows}
    losses = [loss.label for loss in board.grid.losses]
    body = [
        [
            architecture.label,
            *(
                cell_text(by_cell[architecture.label, loss].figures.get(column.name), column)
                for loss in losses
            ),
        ]
        for architecture in board.grid.architectures
    ]
    return table(["architecture", *losses], body, numeric_from=1)


def cell_text(figure: Estimate | None, column: Column) -> str:
    """A figure with its spread and marks; an em dash where there is none."""
    if figure is None:
        return "—"
    text = f"{figure.mean:.{column.decimals}f}"
    if figure.sd is not None and column in SCORE_COLUMNS:
        text += f" ± {figure.sd:.{column.decimals}f}"
    if figure.noisy:
        text = f"{NOISY}{text}"
    if figure.best:
        text = f"**{text}**"
    return f"{text} {BELOW_BASELINE}" if figure.below_baseline else text


def table(header: Sequence[str], body: Sequence[Sequence[str]], *, numeric_from: int) -> str:
    """A Markdown table whose columns are padded, those from ``numeric_from`` on to the right."""
    rows = [[text.replace("|", "\\|") for text in row] for row in (header, *body)]
    widths = [max(3, *(len(row[place]) for row in rows)) for place in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            text.rjust(width) if place >= numeric_from else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = [
        "-" * (width - 1) + ":" if place >= numeric_from else "-" * width
        for place, width in enumerate(widths)
    ]
    return "\n".join([line(rows[0]), line(rule), *(line(row) for row in rows[1:])])
