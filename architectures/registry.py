"""From a name to a network.

A *spec* says which network is meant:

| spec | what it is |
|---|---|
| `unet` | an entry of this package: a file in `architectures/networks/` |
| `smp:Unet/resnet34` | a decoder and an encoder of segmentation-models-pytorch |
| `timm:convnext_tiny` | an encoder of timm under this package's own decoder |
| `path/to/file.py:name` | a user's own function or class, the path relative to the working folder |
| `package.module:name` | the same in an importable module |
| any other name | an entry point of the group `maskdepth_bench.architectures` |

What a spec leads to is called an entry: a callable that takes keyword options and returns an
`nn.Module` that fulfils `architectures.contract.Prediction`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from fnmatch import fnmatchcase
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from user_code import (
    find_file,
    importing,
    load_file,
    neighbours_importable,
    remember_imports,
)

from architectures import networks
from architectures.contract import normalize_options
from architectures.errors import ArchitectureError, did_you_mean, in_one_line
from architectures.seeding import seeded_globals

if TYPE_CHECKING:
    from collections.abc import Mapping
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


def create(spec: str, /, *, seed: int = 0, **options: Any) -> nn.Module:
    """Build a network with freshly initialised weights.

    Args:
        spec: Which network; see the top of this module.
        seed: Seed of the initial weights, which may be drawn from the global generators of torch,
            NumPy or Python. The same seed gives the same weights on the CPU, and the generators are
            left as they were.
        **options: The entry's own options; see `options`.

    Returns:
        The network, in training mode, on the CPU.

    Raises:
        ArchitectureError: If there is no such network, it does not take one of the options, or it
            cannot be built; the message is one line.
    """
    import torch  # noqa: PLC0415  names() must stay fast

    import architectures.exporting  # noqa: F401, PLC0415  imports torch

    entry = _resolve(spec)
    checked = _check(spec, entry, options)
    with seeded_globals(seed):
        try:
            with _as_imported(spec):
                network = entry(**checked)
        except ArchitectureError:
            raise
        except Exception as error:
            raise ArchitectureError(f"{spec!r} cannot be built: {in_one_line(error)}") from error
        finally:
            remember_imports()
    if not isinstance(network, torch.nn.Module):
        raise ArchitectureError(
            f"{spec!r} returned a {type(network).__name__}; it has to return a torch.nn.Module"
        )
    return network


def options(spec: str) -> dict[str, Any]:
    """Return the keyword options that an entry takes, with their defaults.

    An option without a default has `inspect.Parameter.empty`.

    Raises:
        ArchitectureError: If there is no such network.
    """
    return {
        parameter.name: parameter.default
        for parameter in inspect.signature(_resolve(spec)).parameters.values()
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }


def summary(spec: str) -> str:
    """Return the first line of what an entry says of itself; empty if it says nothing.

    Raises:
        ArchitectureError: If there is no such network.
    """
    return (inspect.getdoc(_resolve(spec)) or "").partition("\n")[0]


def check_options(spec: str, options: Mapping[str, Any]) -> None:
    """Check that there is such a network and that it takes these options, without building it.

    Raises:
        ArchitectureError: If not; the message is one line.
    """
    _check(spec, _resolve(spec), options)


def expand(pattern: str) -> list[str]:
    """Return the specs that a pattern with `*` or `?` stands for, sorted.

    `smp:Unet/resnet*`, `smp:*/resnet34`, `timm:convnext*` and `*` (every name of `names()`) are
    patterns. A spec without a wildcard stands for itself.

    Raises:
        ArchitectureError: If nothing fits the pattern.
    """
    if "*" not in pattern and "?" not in pattern:
        return [pattern]
    prefix, colon, rest = pattern.partition(":")
    if not colon:
        found = [name for name in names() if fnmatchcase(name, pattern)]
    elif prefix in LIBRARIES:
        library = importlib.import_module(LIBRARIES[prefix])
        found = [f"{prefix}:{name}" for name in library.names() if fnmatchcase(name, rest)]
    else:
        raise ArchitectureError(
            f"{pattern!r}: wildcards are for names, smp:DECODER/ENCODER and timm:ENCODER only"
        )
    if not found:
        raise ArchitectureError(f"no architecture fits the pattern {pattern!r}")
    return sorted(found)


def preload(spec: str) -> None:
    """Import what building a network imports, but for what is the user's own.

    Raises:
        ArchitectureError: If there is no such network.
    """
    from architectures import torchvision_ops  # noqa: PLC0415  imports torch

    torchvision_ops.define_missing()
    if spec in _files() or spec.partition(":")[0] in LIBRARIES:
        _resolve(spec)


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


def is_own_code(spec: str) -> bool:
    """Return whether a spec names a user's file or module, and no entry that is installed."""
    return ":" in spec and spec.partition(":")[0] not in LIBRARIES


def _files() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(networks.__path__)]


def _entry_points() -> list[str]:
    return [point.name for point in entry_points(group=ENTRY_POINT_GROUP)]


def _check(spec: str, entry: Entry, options: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(entry).parameters.values()
    takes = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_any = any(p.kind == p.VAR_KEYWORD for p in parameters)
    for option in options:
        if option not in takes and not takes_any:
            raise ArchitectureError(
                f"{spec!r} takes no option {option!r}{did_you_mean(option, takes)} "
                f"(options: {', '.join(takes) or 'none'})"
            )
    needed = [p.name for p in parameters if p.name in takes and p.default is p.empty]
    for option in needed:
        if option not in options:
            raise ArchitectureError(f"{spec!r} needs the option {option!r}")
    is_own = spec in _files() or spec.partition(":")[0] in LIBRARIES
    return normalize_options(options) if is_own else dict(options)


def _resolve(spec: str) -> Entry:
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


def _as_imported(spec: str) -> AbstractContextManager[None]:
    """What a user's file imports inside its functions is found as at its top."""
    where = spec.rpartition(":")[0]
    is_file = where.endswith(".py")
    return neighbours_importable(_existing_file(spec, where).parent) if is_file else nullcontext()


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
