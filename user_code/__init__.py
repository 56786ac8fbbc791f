"""Load a user's own Python file, which may import its neighbours, and notice when it has changed.

Two files in two folders may each have a neighbour `helper.py`: each gets its own, and what is
importable elsewhere stays as it was. What is loaded stays as it is until `forget_changed`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

PROJECT = Path(__file__).resolve().parents[1]
# This project's own, in that folder.
PACKAGES = frozenset({"architectures", "bench", "losses", "user_code"})

_LIBRARIES = {
    Path(place).resolve()
    for place in (
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("platstdlib"),
        *site.getsitepackages(),
        site.getusersitepackages(),
    )
}


@dataclass
class _Folder:
    """What this process has loaded from one folder.

    Attributes:
        files: modules by the file that was asked for.
        neighbours: modules by the name that those import them by.
        digests: SHA-256 of the file of each module, as it was when it was loaded.
    """

    files: dict[Path, ModuleType] = field(default_factory=dict)
    neighbours: dict[str, ModuleType] = field(default_factory=dict)
    digests: dict[Path, str | None] = field(default_factory=dict)


_folders: dict[Path, _Folder] = {}
_imports: dict[Path, str | None] = {}  # the same digests of what Python's own import loaded
_known_imports: set[str] = set()


def find_file(where: str) -> Path | None:
    """Return the file at a path that may start with `~`, or None where there is none.

    Nor is there one where the system knows no such user, or could have no such path.
    """
    # The functions of pathlib raise three different errors for these.
    path = os.path.expanduser(where)  # noqa: PTH111
    return Path(path) if os.path.isfile(path) else None  # noqa: PTH113


def load_file(path: Path) -> ModuleType:
    """Run a file that belongs to no package; once per process, as Python's own import does.

    Raises:
        ImportError: If it is no Python file; further, whatever its code raises.
    """
    path = path.resolve()
    folder = _folders.setdefault(path.parent, _Folder())
    if path not in folder.files:
        name = _module_name(path)
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        digest = _digest(path)
        try:
            with neighbours_importable(path.parent):
                spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]
            if isinstance(error, ImportError) and path.stem in PACKAGES:
                raise ImportError(
                    f"the file hides the package {path.stem}, which it imports; "
                    "give it another name"
                ) from error
            raise
        folder.files[path] = module
        folder.digests[path] = digest
    return folder.files[path]


@contextmanager
def importing() -> Iterator[None]:
    """Run a user's code at its first import: whatever it raises is an `ImportError` of one line.

    The working folder is what it was afterwards, as all other paths start from there.
    """
    folder = Path.cwd()
    try:
        yield
    except (Exception, SystemExit) as error:
        raise ImportError(f"cannot be imported: {in_one_line(error)}") from error
    finally:
        os.chdir(folder)
        remember_imports()


def in_one_line(error: BaseException) -> str:
    """Return an exception as one line: its type and the first line of its text."""
    first_line = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__


@contextmanager
def neighbours_importable(folder: Path) -> Iterator[None]:
    """Let `import helper` find `helper.py` in ``folder`` inside the block, and only there."""
    own = _folders.setdefault(folder, _Folder())
    before = {_top(name) for name in sys.modules}
    lying_here = {top for top in before if _lies_in(folder, top)}
    hidden = {
        name: sys.modules.pop(name)
        for name in set(sys.modules)
        if _top(name) in lying_here and not _is_from(folder, sys.modules[name])
    }
    shared = {_top(name) for name in sys.modules}
    sys.modules.update(own.neighbours)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    # Bytecode is told from that of an edited file by the second of the edit, which is too coarse.
    writes_no_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes_no_bytecode
        sys.path.remove(str(folder))
        new = {_top(name) for name in sys.modules} - shared
        own_names = {top for top in new if _lies_in(folder, top)}
        for name in [name for name in sys.modules if _top(name) in own_names]:
            module = own.neighbours[name] = sys.modules.pop(name)
            file = _source(module)
            if file is not None and file not in own.digests:
                own.digests[file] = _digest(file)
        sys.modules.update(hidden)


def forget_changed() -> None:
    """Forget what was loaded from a folder in which a file has changed since.

    It is loaded anew when it is asked for. What Python's own import loaded stays: other modules
    hold on to it.
    """
    for folder, loaded in list(_folders.items()):
        if any(_digest(file) != digest for file, digest in loaded.digests.items()):
            for file in loaded.files:
                del sys.modules[_module_name(file)]
            del _folders[folder]
    remember_imports()


def remember_imports() -> None:
    """Keep what the files of newly imported modules hold, but for those of libraries."""
    for name in set(sys.modules) - _known_imports:
        _known_imports.add(name)
        file = _source(sys.modules[name])
        if file is not None and name != _module_name(file) and not is_library(file):
            _imports.setdefault(file, _digest(file))


def remedy(file: Path, digest: str) -> str | None:
    """Say what is to be done where this process does not run what a file holds.

    Args:
        file: of code; its path without symbolic links.
        digest: SHA-256 of what it holds.

    Returns:
        The end of a line that starts with the file's name; None if that is what runs, or if the
        file has not been loaded.
    """
    loaded = [folder.digests[file] for folder in _folders.values() if file in folder.digests]
    if loaded:
        changed = any(one != digest for one in loaded)
        return "changed since it was loaded; start again" if changed else None
    if _imports.get(file, digest) != digest:
        return "changed since this process imported it; start a new process"
    return None


def is_library(path: Path) -> bool:
    """Return whether a path is Python's own or that of an installed library."""
    path = path.resolve()
    return not _LIBRARIES.isdisjoint([path, *path.parents])


def _module_name(path: Path) -> str:
    return f"user_file:{path}"


def _top(module: str) -> str:
    return module.partition(".")[0]


def _lies_in(folder: Path, top: str) -> bool:
    """Whether an import of a name at the top level finds it in a folder, if it looks there first.

    A folder without __init__.py hides no module, to Python neither: it may hold data, or tests.
    """
    if top in sys.stdlib_module_names or top == "__main__":
        return False
    if top in PACKAGES and folder == PROJECT:
        return False
    if (folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file():
        return True
    return (folder / top).is_dir() and not _is_importable(top)


def _is_importable(top: str) -> bool:
    """Whether an import finds a module or a package with an __init__.py, loaded or not."""
    found = (finder.find_spec(top, None) for finder in sys.meta_path)
    return any(spec is not None and spec.origin is not None for spec in found)


def _is_from(folder: Path, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    places = [file] if file else getattr(module, "__path__", ())
    return any(folder in Path(place).resolve().parents for place in places)


def _source(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file and file.endswith(".py") else None


def _digest(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None
