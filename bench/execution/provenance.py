"""What a cell's settings lead to at present: the contents of data, weights and code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import architectures
import losses
from bench.errors import InputError
from bench.settings import Architecture, identity
from bench.settings.grid import Cell
from bench.settings.identity import is_weights_file
from bench.study import sources
from bench.study.record import Provenance

# What looks up networks and losses, and does not compute.
REGISTRIES = {
    "architectures/__init__.py",
    "architectures/contract.py",
    "architectures/errors.py",
    "architectures/registry.py",
    "architectures/torchvision_ops.py",
    "architectures/user_code.py",
    "losses/__init__.py",
    "losses/errors.py",
    "losses/registry.py",
}


class Inventory:
    """The contents of what the cells of one run use; each file is read once.

    Args:
        data: the fingerprint of the dataset.
        split: the digest of its split.
    """

    def __init__(self, data: str, split: str) -> None:
        self._data, self._split = data, split
        self._sources: dict[str, dict[str, str]] = {}
        self._weights: dict[str, str] = {}

    def of(self, cell: Cell) -> Provenance:
        """Return what there is behind one cell.

        Raises:
            InputError: a file of weights cannot be read.
        """
        if cell.loss is None:
            return Provenance(data=self._data, split=self._split)
        networks = [cell.architecture]
        teacher = cell.train.teacher
        if teacher is not None:
            networks.append(teacher.architecture)
        return Provenance(
            data=self._data,
            split=self._split,
            weights={what: self._digest_of_weights(path) for what, path in _weights(cell)},
            sources={
                **{_name(network): self._digests_of_network(network) for network in networks},
                **{f"loss {name}": self._digests_of_loss(name) for name in _losses(cell)},
            },
        )

    def of_all(self, cells: Iterable[Cell]) -> Provenance:
        """Return what there is behind some cells together."""
        each = [self.of(cell) for cell in cells]
        return Provenance(
            data=self._data,
            split=self._split,
            weights={what: digest for one in each for what, digest in one.weights.items()},
            sources={what: files for one in each for what, files in one.sources.items()},
        )

    def _digests_of_network(self, network: Architecture) -> dict[str, str]:
        if network.name not in self._sources:
            file = architectures.source_of(network.name)
            self._sources[network.name] = (
                {} if file is None else sources.digests(file, without=REGISTRIES)
            )
        return self._sources[network.name]

    def _digests_of_loss(self, name: str) -> dict[str, str]:
        if name not in self._sources:
            self._sources[name] = sources.digests(losses.source_of(name), without=REGISTRIES)
        return self._sources[name]

    def _digest_of_weights(self, path: str) -> str:
        if path not in self._weights:
            try:
                with Path(path).expanduser().open("rb") as file:
                    self._weights[path] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise InputError(f"{path}: cannot be read: {error.strerror}") from None
        return self._weights[path]


def _weights(cell: Cell) -> Iterator[tuple[str, str]]:
    """What each file of weights is for, and its path."""
    yield from _weights_of_network(cell.architecture)
    teacher = cell.train.teacher
    if teacher is not None:
        yield from _weights_of_network(teacher.architecture)
        if teacher.weights is not None:
            yield "the teacher", teacher.weights


def _weights_of_network(network: Architecture) -> Iterator[tuple[str, str]]:
    for option, value in network.options.items():
        if is_weights_file(value):
            yield f"{_name(network)} ({option}: {Path(str(value)).name})", str(value)


def _name(network: Architecture) -> str:
    """A network's name without the folder of its file."""
    return str(identity.of_architecture(network)["name"])


def _losses(cell: Cell) -> list[str]:
    """The names of the losses in a cell's expressions."""
    recipes = [*cell.train.recipes(), *([cell.train.teacher] if cell.train.teacher else [])]
    pairs = [cell.loss, *(recipe.losses for recipe in recipes)]
    texts = [text for pair in pairs if pair for text in (pair.mask, pair.depth) if text]
    return sorted({term.name for text in texts for term in losses.parse(text).terms})
