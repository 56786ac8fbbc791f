"""What `bench throughput` is asked for, and the file that it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue, TypeAdapter

from architectures.errors import ArchitectureError
from bench.errors import InputError
from bench.files import write_atomically
from bench.settings import Architecture, Data, LossPair, Recipe, check
from bench.settings.grid import Grid
from bench.settings.grid_file import load
from bench.study.measurement import Measurement
from bench.study.timing_case import TimedTraining, TimingCase, VariantName
from bench.throughput.workload import open_pool

_RESULTS = TypeAdapter(tuple[Measurement, ...])


def cases_of(
    names: Sequence[str],
    options: Mapping[str, JsonValue],
    variants: Sequence[VariantName],
    *,
    grid: Path | None,
    batch_size: int | None,
    image_size: int | None,
) -> list[TimingCase]:
    """Every architecture in every variant; the first is as good a reference as any.

    Args:
        names: of architectures; without any, the grid's.
        options: of each of them.
        variants: how each is run.
        grid: the file of a grid, for its recipe, sizes, first losses and archives.
        batch_size: in place of the grid's or the default.
        image_size: the same, of square images.

    Raises:
        InputError: a name, an option, the grid or its archive is at fault.
    """
    if options and not names:
        raise InputError("--option goes with names; a grid has its own options")
    question = load(grid) if grid is not None else None
    if question is not None:
        open_pool(question.data)  # here a mistake is one line, in a process it is a failed row
    recipe = question.train.recipes()[-1] if question else Recipe(epochs=1)
    if batch_size is not None:
        recipe = recipe.model_copy(update={"batch_size": batch_size})
    size = question.data.image_size if question else Data(archive=("",)).image_size
    loss = question.losses[0] if question else LossPair(mask="bce", depth="bce")
    teacher = question.train.teacher if question else None
    return [
        TimingCase(
            architecture=architecture,
            trainings=(TimedTraining(loss=loss, accumulation_steps=recipe.accumulate),),
            recipe=recipe,
            image_size=size if image_size is None else (image_size, image_size),
            variant=variant,
            teacher=teacher.architecture if teacher else None,
            data=question.data if question else None,
        )
        for architecture in _architectures(names, options, question)
        for variant in variants
    ]


def _architectures(
    names: Sequence[str], options: Mapping[str, JsonValue], question: Grid | None
) -> Sequence[Architecture]:
    if question is not None and not names:
        return question.architectures
    try:
        return [check(Architecture(name=name, options=dict(options))) for name in names]
    except ArchitectureError as error:
        raise InputError(str(error)) from None


def write(results: Sequence[Measurement], path: Path | None) -> Path:
    """Write the results, raw samples included, to a file that appears whole; returns its path."""
    if path is None:
        now = datetime.now(UTC)
        path = Path("results") / "throughput" / f"{now:%Y%m%dT%H%M%SZ}.json"
    write_atomically(path, _RESULTS.dump_json(tuple(results), indent=2) + b"\n")
    return path
