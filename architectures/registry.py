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

What a spec leads to, its entry, is looked up in `architectures.lookup`.
"""

from __future__ import annotations

import importlib
import inspect
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from user_code import remember_imports
from user_code.names import suggestion

from architectures.contract import normalize_options
from architectures.errors import ArchitectureError, in_one_line
from architectures.lookup import LIBRARIES, Entry, as_imported, is_ours, names, resolve
from architectures.lookup import register as register  # noqa: PLC0414 - which the entries import
from architectures.seeding import seeded_globals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn


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

    entry = resolve(spec)
    checked = _check(spec, entry, options)
    with seeded_globals(seed):
        try:
            with as_imported(spec):
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
        for parameter in inspect.signature(resolve(spec)).parameters.values()
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }


def summary(spec: str) -> str:
    """Return the first line of what an entry says of itself; empty if it says nothing.

    Raises:
        ArchitectureError: If there is no such network.
    """
    return (inspect.getdoc(resolve(spec)) or "").partition("\n")[0]


def check_options(spec: str, options: Mapping[str, Any]) -> None:
    """Check that there is such a network and that it takes these options, without building it.

    Raises:
        ArchitectureError: If not; the message is one line.
    """
    _check(spec, resolve(spec), options)


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
    if is_ours(spec):
        resolve(spec)


def _check(spec: str, entry: Entry, options: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(entry).parameters.values()
    takes = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_any = any(p.kind == p.VAR_KEYWORD for p in parameters)
    for option in options:
        if option not in takes and not takes_any:
            raise ArchitectureError(
                f"{spec!r} takes no option {option!r}{suggestion(option, takes)}"
            )
    needed = [p.name for p in parameters if p.name in takes and p.default is p.empty]
    for option in needed:
        if option not in options:
            raise ArchitectureError(f"{spec!r} needs the option {option!r}")
    return normalize_options(options) if is_ours(spec) else dict(options)
