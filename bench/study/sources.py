"""From a file of code to the digests of it and of its author's files that it imports."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.errors import InputError
from user_code import PACKAGES, PROJECT, is_library, remedy


class SourceFile(NamedTuple):
    """A file of code, and the SHA-256 of what it held when it was read."""

    path: Path
    sha256: str

    @classmethod
    def read(cls, path: Path) -> SourceFile:
        """Read a file now."""
        path = path.resolve()
        return cls(path, hashlib.sha256(path.read_bytes()).hexdigest())


def closure(
    file: Path, *, as_module: bool = False, without: Collection[Path] = ()
) -> dict[str, SourceFile]:
    """Return a Python file and all files of its author that it imports.

    Nothing is run. An import is looked up as Python does: in the file's own folder, beside its
    package, and on `sys.path`. Libraries are told by their versions elsewhere, and so is this
    project; what is itself part of a library, or of this project, goes with its own package.

    Args:
        file: to start from.
        as_module: whether it is imported by a dotted name; its own folder is then not looked in.
        without: files that are neither listed nor followed.

    Returns:
        The files by their paths in the folder in which they were looked up.
    """
    file = file.resolve()
    home, package = _home(file)
    alone = _is_ours(file) or is_library(home)
    if alone:
        places = [home]
    else:
        search_path = list(_search_path())
        if as_module and package is None:
            home = next((place for place in search_path if place in file.parents), home)
        places = [*([] if as_module else [file.parent]), home, *search_path]
    found: dict[str, SourceFile] = {}
    seen = set(without)
    pending = [(file, home)]
    while pending:
        path, folder = pending.pop()
        if path.resolve() in seen:
            continue
        seen.add(path.resolve())
        name = path.relative_to(folder).as_posix()
        while name in found:  # in another folder
            name = f"{folder.name}/{name}"
        found[name] = SourceFile.read(path)
        parents = path.relative_to(folder).parts[:-1]
        for level, module in _imported(path):
            if level:
                pending += _find((*parents[: len(parents) + 1 - level], *module), [folder])
            elif not alone:
                pending += (one for one in _find(module, places) if not _is_ours(one[0]))
            elif module[0] == (package or file.stem):
                pending += _find(module, places)
    return dict(sorted(found.items()))


def digests(files: Mapping[str, SourceFile]) -> dict[str, str]:
    """Return the SHA-256 of each file.

    Raises:
        InputError: this process has loaded a file that held something else then.
    """
    for name, file in files.items():
        what_to_do = remedy(file.path, file.sha256)
        if what_to_do:
            raise InputError(f"{name} {what_to_do}")
    return {name: file.sha256 for name, file in files.items()}


def _home(file: Path) -> tuple[Path, str | None]:
    """The folder in which a file's package lies, and its name; without a package, its own."""
    top = file.parent
    if not (top / "__init__.py").exists():
        return top, None
    while (top.parent / "__init__.py").exists():
        top = top.parent
    return top.parent, top.name


def _search_path() -> Iterator[Path]:
    """The folders on `sys.path` that hold no libraries."""
    for entry in sys.path:
        folder = Path(entry).resolve()  # an empty one is the working folder
        if folder.is_dir() and not is_library(folder):
            yield folder


def _is_ours(file: Path) -> bool:
    """Whether a file belongs to this project."""
    return any(PROJECT / package in file.resolve().parents for package in PACKAGES)


def _imported(file: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The dotted names that a file imports, each after the number of its leading dots.

    Of ``from a import b`` it is a.b, which may be no module.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return  # running it will say so
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, tuple(alias.name.split("."))) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = tuple(node.module.split(".")) if node.module else ()
            yield from ((node.level, (*start, alias.name)) for alias in node.names)


def _find(module: tuple[str, ...], folders: Iterable[Path]) -> list[tuple[Path, Path]]:
    """The files that an import runs, each with the first of the folders that has the module."""
    for folder in folders:
        files = list(_files_of(folder, module))
        if files:
            return [(file, folder) for file in files]
    return []


def _files_of(folder: Path, module: tuple[str, ...]) -> Iterator[Path]:
    """The files that an import runs: of each package on the way, and of the module itself."""
    for length in range(1, len(module) + 1):
        place = folder.joinpath(*module[:length])
        for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
            if file.is_file():
                yield file
