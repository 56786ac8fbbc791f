"""Where a network is defined, and its entry.

What a spec (see `architectures.registry`) leads to is called an entry: a callable that takes
keyword options and returns an `nn.Module` that fulfils `architectures.contract.Prediction`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from user_code import find_file, importing, load_file, neighbours_importable

from architectures import networks
from architectures.errors import ArchitectureError, did_you_mean

if TYPE_CHECKING:
    from types import ModuleType

    from torch import nn

Entry = Callable[..., "nn.Module"]

ENTRY_POINT_GROUP = "maskdepth_bench.architectures"
LIBRARIES = {"smp": "architectures.libraries.smp", "timm": "architectures.libraries.timm"}
SPELLINGS = "smp:DECODER/ENCODER, timm:ENCODER, path/to/file.py:NAME or package.module:NAME"

_entries: dict[str, Entry] = {}


def register(entry: Entry) -> Entry:
    """Make a function the entry of its file in `architectures/networks/`.

    The file and the function have the same name, which is the name the network is known by.
    """
    _entries[entry.__module__] = entry
    return entry


def names() -> list[str]:
    """Return the names of all entries of this package and of installed entry points, sorted."""
    return sorted({*_files(), *_entry_points()})


def is_own_code(spec: str) -> bool:
    """Return whether a spec names a user's file or module, and no entry that is installed."""
    return ":" in spec and spec.partition(":")[0] not in LIBRARIES


def is_ours(spec: str) -> bool:
    """Return whether a spec names an entry of this package or of a library that it knows."""
    return spec in _files() or spec.partition(":")[0] in LIBRARIES


def source_of(spec: str) -> Path | None:
    """Return the file that defines a network, without importing it; None where there is none.

    Raises:
        ArchitectureError: If a user's own file or module does not exist.
    """
    where, colon, name = spec.rpartition(":")
    library = LIBRARIES.get(spec.partition(":")[0])
    if library:
        return _origin(library)
    if where.endswith(".py"):
        return _existing_file(spec, where)
    if colon:
        return _origin(where) or _missing(spec, where)
    if name in _files():
        return _origin(f"{networks.__name__}.{name}")
    points = entry_points(group=ENTRY_POINT_GROUP, name=name)
    return _origin(next(iter(points)).module) if points else None


def resolve(spec: str) -> Entry:
    """Return the entry of a spec.

    Raises:
        ArchitectureError: If there is no such network, or what defines it cannot be imported.
    """
    if not isinstance(spec, str):
        raise ArchitectureError(f"an architecture is named by a string, not by {spec!r}")
    prefix, colon, rest = spec.partition(":")
    if not colon:
        return _named(spec)
    if prefix in LIBRARIES:
        library = importlib.import_module(LIBRARIES[prefix])
        library.check_name(rest)
        return functools.partial(library.create, rest)
    return _users_own(spec)


def as_imported(spec: str) -> AbstractContextManager[None]:
    """What a user's file imports inside its functions is found as at its top."""
    where = spec.rpartition(":")[0]
    is_file = where.endswith(".py")
    return neighbours_importable(_existing_file(spec, where).parent) if is_file else nullcontext()


def _files() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(networks.__path__)]


def _entry_points() -> list[str]:
    return [point.name for point in entry_points(group=ENTRY_POINT_GROUP)]


def _named(name: str) -> Entry:
    if name in _files():
        module = _imported(name, lambda: importlib.import_module(f"{networks.__name__}.{name}"))
        entry = _entries.get(module.__name__)
        if entry is None or entry.__name__ != name:
            raise ArchitectureError(f"{module.__file__} does not @register a function {name!r}")
        return entry
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        return _require_callable(name, _imported(name, point.load))
    raise ArchitectureError(
        f"unknown architecture {name!r}{did_you_mean(name, names())} "
        f"(choices: {', '.join(names())}; or {SPELLINGS})"
    )


def _users_own(spec: str) -> Entry:
    where, _, name = spec.rpartition(":")
    if not where or not name.isidentifier():
        raise ArchitectureError(f"unknown architecture {spec!r}; write a name, {SPELLINGS}")
    if where.endswith(".py"):
        path = _existing_file(spec, where)
        module = _imported(spec, lambda: load_file(path))
    else:
        module = _user_module(spec, where)
    if not hasattr(module, name):
        defined = [n for n, value in vars(module).items() if _is_defined_in(module, value)]
        raise ArchitectureError(
            f"{spec!r}: {where} defines no {name!r}{did_you_mean(name, defined)} "
            f"(it defines: {', '.join(defined) or 'nothing'})"
        )
    return _require_callable(spec, getattr(module, name))


def _user_module(spec: str, module: str) -> ModuleType:
    if not all(part.isidentifier() for part in module.split(".")):
        raise ArchitectureError(f"unknown architecture {spec!r}; write a name, {SPELLINGS}")
    imported: ModuleType = _imported(spec, lambda: importlib.import_module(module))
    return imported


def _origin(module: str) -> Path | None:
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(found.origin) if found is not None and found.origin and found.has_location else None


def _missing(spec: str, module: str) -> NoReturn:
    raise ArchitectureError(f"{spec!r}: there is no module {module!r} (looked in sys.path)")


def _existing_file(spec: str, where: str) -> Path:
    path = find_file(where)
    if path is None:
        raise ArchitectureError(f"{spec!r}: there is no file {where} (looked in {Path.cwd()})")
    return path.resolve()


def _imported(spec: str, load: Callable[[], Any]) -> Any:
    """Import something that may itself import timm, and tell in one line why it cannot be."""
    from architectures import torchvision_ops  # noqa: PLC0415  imports torch

    torchvision_ops.define_missing()
    try:
        with importing():
            return load()
    except ImportError as error:
        raise ArchitectureError(f"{spec!r} {error}") from error


def _is_defined_in(module: ModuleType, value: object) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def _require_callable(spec: str, entry: Any) -> Entry:
    if not callable(entry):
        raise ArchitectureError(
            f"{spec!r} is an object of type {type(entry).__name__}; it has to be a function or "
            "class that returns a torch.nn.Module"
        )
    checked: Entry = entry
    return checked
