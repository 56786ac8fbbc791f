"""What a cell's settings lead to at present: the contents of data, weights and code."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import architectures
import losses
from bench.data import decoding_digest
from bench.errors import InputError
from bench.settings import Architecture, identity
from bench.settings.cell import Cell
from bench.study import sources
from bench.study.plan import Sources
from bench.study.record import Provenance
from bench.study.sources import SourceFile
from user_code import PROJECT

# What looks up networks and losses, and does not compute.
REGISTRIES = {
    PROJECT / file
    for file in (
        "architectures/__init__.py",
        "architectures/contract.py",
        "architectures/errors.py",
        "architectures/lookup.py",
        "architectures/registry.py",
        "architectures/torchvision_ops.py",
        "losses/__init__.py",
        "losses/errors.py",
        "losses/registry.py",
    )
}


class Inventory:
    """The contents of what the cells of one run use; each file is read once.

    Args:
        data: the fingerprint of the dataset.
        split: the digest of its split.
    """

    def __init__(self, data: str, split: str) -> None:
        self._data, self._split = data, split
        self._sources: dict[Hashable, Mapping[str, SourceFile]] = {}
        self._weights: dict[str, str] = {}

    def of(self, cell: Cell) -> Provenance:
        """Return what there is behind one cell.

        Raises:
            InputError: a file of weights cannot be read, the file of a user's loss is not there, or
                this process does not run what a file of code holds.
        """
        try:
            code = dict(self._code(cell))
        except losses.LossError as error:
            raise InputError(str(error)) from None
        return Provenance(
            data=self._data,
            split=self._split,
            weights={what: self._digest_of_weights(path) for what, path in _weights(cell)},
            sources={what: sources.digests(files) for what, files in code.items()},
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

    def _code(self, cell: Cell) -> Iterator[tuple[str, Mapping[str, SourceFile]]]:
        """The files of code behind a cell, by what they define."""
        yield "decoding", self._files("decoding", _decoding)
        if cell.loss is None:
            return
        for network in networks(cell):
            find = partial(self._of_network, network.name)
            yield _name(network), self._files(network.name, find)
        for name in loss_names(cell):
            files = self._files(f"loss {name}", partial(_of_loss, name))
            yield f"loss {losses.without_folders(name)}", files

    def _of_network(self, name: str) -> Mapping[str, SourceFile]:
        """The files behind a network; all networks of a library have the same."""
        place = _place_of_network(name)
        return self._files(place, partial(_behind, place))

    def _files(
        self, what: Hashable, find: Callable[[], Mapping[str, SourceFile]]
    ) -> Mapping[str, SourceFile]:
        if what not in self._sources:
            self._sources[what] = find()
        return self._sources[what]

    def _digest_of_weights(self, path: str) -> str:
        if path not in self._weights:
            try:
                with _without_tilde(path).open("rb") as file:
                    self._weights[path] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise InputError(f"{path}: cannot be read: {error.strerror}") from None
        return self._weights[path]


def _decoding() -> Mapping[str, SourceFile]:
    files = decoding_digest.sources()
    return {
        file.relative_to(decoding_digest.PACKAGE.parent).as_posix(): SourceFile.read(file)
        for file in files
    }


def _place_of_network(name: str) -> tuple[Path, bool] | None:
    """The file that a network is defined in, if there is one, and whether it is a package's."""
    file = architectures.source_of(name)
    return None if file is None else (file, not name.rpartition(":")[0].endswith(".py"))


def _behind(place: tuple[Path, bool] | None) -> Mapping[str, SourceFile]:
    if place is None:
        return {}
    file, as_module = place
    return sources.closure(file, as_module=as_module, without=REGISTRIES)


def _of_loss(name: str) -> Mapping[str, SourceFile]:
    return sources.closure(losses.source_of(name), without=REGISTRIES)


def code_of_network(cell: Cell) -> Sources:
    """Return the digests of the code that a cell's network runs, by what it defines.

    Raises:
        ArchitectureError: there is no such network.
    """
    if cell.loss is None:
        return {}
    place = _place_of_network(cell.architecture.name)
    return {_name(cell.architecture): sources.digests(_behind(place))}


def networks(cell: Cell) -> list[Architecture]:
    """Return a cell's network, and its teacher."""
    teacher = cell.train.teacher
    return [cell.architecture, *([teacher.architecture] if teacher else [])]


def _weights(cell: Cell) -> Iterator[tuple[str, str]]:
    """What each file of weights is for, and its path."""
    if cell.loss is None:
        return
    for network in networks(cell):
        name = _name(network)
        for option, path in identity.weights_files(network):
            if _is_path(path):
                yield f"{name} ({option}: {Path(path).name})", path
    teacher = cell.train.teacher
    if teacher is not None and teacher.weights is not None:
        yield "the teacher", teacher.weights


def _is_path(weights: str) -> bool:
    """Whether it is no word that a user's own network knows weights by."""
    path = _without_tilde(weights)
    if path.suffix.lower() in identity.WEIGHT_FILES:
        return True
    return os.path.exists(path)  # noqa: PTH110 - a path that is too long for the system is none


def _without_tilde(path: str) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111 - an unknown user's stays as it is


def _name(network: Architecture) -> str:
    """A network's name without the folder of its file."""
    return str(identity.of_architecture(network)["name"])


def loss_names(cell: Cell) -> list[str]:
    """Return the names of the losses in a cell's expressions."""
    recipes = [*cell.train.recipes(), *([cell.train.teacher] if cell.train.teacher else [])]
    pairs = [cell.loss, *(recipe.losses for recipe in recipes)]
    texts = [text for pair in pairs if pair for text in (pair.mask, pair.depth) if text]
    return sorted({name for text in texts for name in losses.names_in(text)})
