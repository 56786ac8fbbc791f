"""What all rows of a leaderboard have in common, in words: data, budget, machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import PurePath

from bench.report.leaderboard import Leaderboard
from bench.report.race import decisions
from bench.settings import Recipe, Teacher
from bench.study.record import Environment, Leakage, SampleCounts


def setting(board: Leaderboard) -> list[str]:
    """Return one line each on data, split, recipes and machines."""
    data, train = board.grid.data, board.grid.train
    how = PurePath(data.split.file).name if data.split.file else data.split.label
    splits = dict.fromkeys(
        f"{_counts(record.samples)} ({how}, digest {record.provenance.split})"
        for record in board.records
    )
    machines = Counter(machine(record.environment) for record in board.records)
    recipes, tuned = train.recipes(), board.grid.tune.spaces if board.grid.tune else {}
    stages = (
        ["training"] if len(recipes) == 1 else [f"stage {n}" for n in range(1, 1 + len(recipes))]
    )
    return [
        f"data: {', '.join(data.files)} at {size(data.image_size)}",
        *(f"split: {split}" for split in splits),
        *([f"leakage: {_leakage(board.leakage)}"] if board.leakage else []),
        *([f"teacher: {_recipe(train.teacher)}"] if train.teacher else []),
        *(f"{stage}: {_recipe(r, tuned)}" for stage, r in zip(stages, recipes, strict=True)),
        *_devices(board),
        *_search(board),
        *decisions(board),
        "the epoch is selected on the validation images, the test images are read once",
        *(
            f"machine: {name}" + (f": {cells} cells" if len(machines) > 1 else "")
            for name, cells in machines.items()
        ),
    ]


def _devices(board: Leaderboard) -> Iterator[str]:
    count = board.grid.devices_per_cell
    if count > 1:
        yield f"each cell trained on {count} devices, among which its batches were divided"


def _search(board: Leaderboard) -> Iterator[str]:
    """How the recipes were found, and what was found for each row."""
    if board.grid.tuning is None:
        yield "one recipe for all rows, tuned for none"
        return
    yield board.grid.tuning.label
    for cell in (record.cell for record in board.records):
        if cell.loss is not None and cell.seed == board.grid.seeds[0]:
            yield f"found for {cell.architecture.label} with {cell.loss.label}: {cell.found_label}"


def _counts(samples: SampleCounts) -> str:
    """How many images are in each subset, and how many in none."""
    text = f"{samples.train} train, {samples.val} validation, {samples.test} test images"
    return f"{text}, {samples.left_out} left out" if samples.left_out else text


def _leakage(leakage: Leakage) -> str:
    """What training knew of the test images."""
    shared = [f"{share:.0%} by {name}" for name, share in leakage.groups.items() if share > 0]
    apart = [name for name, share in leakage.groups.items() if share == 0]
    parts = [f"test images that share a group with training images: {', '.join(shared) or 'none'}"]
    if apart:
        parts.append(f"none shares its {' or '.join(apart)}")
    if leakage.near_duplicates > 0:
        parts.append(f"{leakage.near_duplicates:.0%} have a near-duplicate on another background")
    return "; ".join(parts)


def size(pixels: tuple[int, int]) -> str:
    """Return (height, width) as text."""
    return "{}x{} px".format(*pixels)


def _recipe(recipe: Recipe, tuned: Collection[str] = ()) -> str:
    """A recipe in a line, without the settings that each row has its own of."""
    if isinstance(recipe, Teacher):
        origin = recipe.architecture.label
        if recipe.weights is not None:
            return f"{origin}, weights from {PurePath(recipe.weights).name}"
        return f"{origin}, {_recipe(recipe.plain())}"
    budget = f"{recipe.epochs} epochs" if recipe.epochs else f"{recipe.steps} steps"
    if recipe.budget is not None:
        budget = recipe.budget.label
    divided = f" in {recipe.accumulate} micro-batches" if recipe.accumulate > 1 else ""
    batches = "" if "batch_size" in tuned else f" of batches of {recipe.batch_size}"
    rate = "" if "learning_rate" in tuned else f" at {recipe.learning_rate:g}"
    parts = [
        f"{budget}{batches}{divided}",
        f"{recipe.optimizer}{rate} ({recipe.schedule.name})",
        recipe.precision,
    ]
    if recipe.image_size is not None:
        parts.insert(0, size(recipe.image_size))
    if recipe.losses is not None:
        parts.append(recipe.losses.label)
    if recipe.freeze:
        parts.append(f"frozen: {', '.join(recipe.freeze)}")
    return ", ".join(parts)


def machine(environment: Environment) -> str:
    """Return device, versions and code: what records of one study may differ in."""
    code = "" if environment.commit is None else f", commit {environment.commit[:12]}"
    changed = " with changes" if environment.dirty else ""
    torch = environment.packages.get("torch")
    return (
        f"{environment.device_name} ({environment.device}, {environment.threads} threads), "
        f"torch {torch}{code}{changed}"
    )
