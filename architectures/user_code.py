"""Load a user's own Python file, which may import its neighbours.

Two files in two folders may each have a neighbour `helper.py`: each gets its own, and what is
importable elsewhere stays as it was.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

_files: dict[Path, ModuleType] = {}
_neighbours: dict[Path, dict[str, ModuleType]] = {}


def load_file(path: Path) -> ModuleType:
    """Run a file that belongs to no package; once per process, as Python's own import does.

    Raises:
        ImportError: If it is no Python file; further, whatever its code raises.
    """
    path = path.resolve()
    if path not in _files:
        name = f"user_file:{path}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            with neighbours_importable(path.parent):
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        _files[path] = module
    return _files[path]


@contextmanager
def neighbours_importable(folder: Path) -> Iterator[None]:
    """Let `import helper` find `helper.py` in ``folder`` inside the block, and only there."""
    own = _neighbours.setdefault(folder, {})
    hidden = {
        name: sys.modules.pop(name)
        for name in set(sys.modules)
        if _lies_in(folder, name) and not _is_from(folder, sys.modules[name])
    }
    shared = {name.partition(".")[0] for name in sys.modules}
    sys.modules.update(own)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules):
            if name.partition(".")[0] not in shared and _lies_in(folder, name):
                own[name] = sys.modules.pop(name)
        sys.modules.update(hidden)


def _lies_in(folder: Path, module: str) -> bool:
    # A folder without __init__.py hides no package, to Python neither: it may hold data, or tests.
    top = module.partition(".")[0]
    return top not in sys.stdlib_module_names and (
        (folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file()
    )


def _is_from(folder: Path, module: ModuleType) -> bool:
    origin = getattr(module, "__file__", None)
    return origin is not None and folder in Path(origin).resolve().parents
