"""From a file of code to the digests of it and of the files beside it that it imports."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path


def digests(file: Path, *, without: Collection[str] = ()) -> dict[str, str]:
    """Return the SHA-256 of a Python file and of all files of its author that it imports.

    Nothing is run. A file in a package goes with the modules of that package, another one with
    those in its own folder; other libraries are told by their versions elsewhere.

    Args:
        file: to start from.
        without: paths, as in the result, that are neither listed nor followed.

    Returns:
        Digests by the path in the folder that holds the package or the file.
    """
    file = file.resolve()
    folder, package = _home(file)
    found: dict[str, str] = {}
    pending = [file]
    while pending:
        path = pending.pop()
        name = path.relative_to(folder).as_posix()
        if name in found or name in without:
            continue
        content = path.read_bytes()
        found[name] = hashlib.sha256(content).hexdigest()
        for module in _imported(content, path.relative_to(folder)):
            if package is None or module[0] == package:
                pending += _files_of(folder, module)
    return dict(sorted(found.items()))


def _home(file: Path) -> tuple[Path, str | None]:
    """The folder in which a file's imports are looked up, and its package, if it is in one."""
    top = file.parent
    if not (top / "__init__.py").exists():
        return top, None
    while (top.parent / "__init__.py").exists():
        top = top.parent
    return top.parent, top.name


def _imported(content: bytes, path: Path) -> Iterator[tuple[str, ...]]:
    """The dotted names that a file imports; of ``from a import b``, a.b, which may be no module."""
    package = path.parts[:-1]
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return  # running it will say so
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else ()
            start += tuple(node.module.split(".")) if node.module else ()
            yield from ((*start, alias.name) for alias in node.names)


def _files_of(folder: Path, module: tuple[str, ...]) -> Iterator[Path]:
    """The files that an import runs: of each package on the way, and of the module itself."""
    for length in range(1, len(module) + 1):
        place = folder.joinpath(*module[:length])
        for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
            if file.is_file():
                yield file.resolve()
