"""Damage to what a study keeps."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from struck_study import World, checkpoints
from tally import Tally

from bench.errors import DamagedError
from bench.study import checksums, places
from bench.study.study import Study


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def forget_checksums(path: Path) -> None:
    (path.parent / checksums.FILE).unlink()


def fill_with_zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))
    forget_checksums(path)
    checksums.write(path.parent)


DAMAGES = [flip, cut, empty, Path.unlink, forget_checksums, replace_by_a_pipe, fill_with_zeros]


def damaged_checkpoints(tally: Tally, world: World) -> None:
    """Each damage to a checkpoint, of several cells at once; and checkpoints of other cells."""
    for first in range(0, len(DAMAGES), len(world.trained)):
        study = world.copy(world.half)
        chosen = DAMAGES[first : first + len(world.trained)]
        for damage, path in zip(chosen, checkpoints(study), strict=False):
            damage(path)
        code, printed = world.run(study)
        problem = world.problem(study, code, printed)
        if problem is None and printed.count("starts anew") != len(chosen):
            problem = f"{printed.count('starts anew')} of {len(chosen)} were told"
        for damage in chosen:
            tally.add(f"checkpoint: {damage.__name__}", "started anew", problem)
    study = world.copy(world.half)
    paths = [path.parent for path in checkpoints(study)]
    for one, other in zip(paths[::2], paths[1::2], strict=True):
        aside = one.with_name("aside")
        one.rename(aside)
        other.rename(one)
        aside.rename(other)
    problem = world.problem(study, *world.run(study))
    for _ in paths:
        tally.add("checkpoint: of another cell", "started anew", problem)


def damaged_results(tally: Tally, world: World) -> None:
    """Each damage to the record, scores and weights of a finished cell."""
    for file in (places.RECORD_FILE, places.table_file(places.SCORES), places.WEIGHTS_FILE):
        for first in range(0, len(DAMAGES[:-1]), len(world.trained)):
            study = world.copy(world.clean)
            chosen = DAMAGES[first : first + len(world.trained)][: len(DAMAGES[:-1]) - first]
            struck = world.trained[: len(chosen)]
            for damage, cell in zip(chosen, struck, strict=True):
                damage(study / places.CELLS / cell / file)
            told = list(told_as_damaged(study, struck))
            for cell in told:
                shutil.rmtree(study / places.CELLS / cell)  # as the line says
            problem = world.problem(study, *world.run(study))
            for damage, cell in zip(chosen, struck, strict=True):
                missed = None if cell in told else f"{damage.__name__}: not told"
                tally.add(f"{file}: damaged", "told, run again", problem or missed)


def told_as_damaged(study: Path, cells: list[str]) -> Iterator[str]:
    results = Study(study).load()
    for cell in cells:
        if f"{places.CELLS}/{cell}" in results.damaged:
            yield cell
            continue
        try:
            results.scores(cell)
            results.weights(results.records[cell])
        except DamagedError:
            yield cell
