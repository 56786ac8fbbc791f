"""Which packages this project needs, and which of them are not installed."""

from __future__ import annotations

import re
from importlib import metadata
from typing import NamedTuple

PROJECT = "maskdepth-bench"
OF_DEVELOPERS = "dev"  # the extra that only the tests need
EXTRAS = {  # what each is for
    "depth": "`bench data make --depth-model`",
    "docs": "`make docs`",
    "export": "`bench export --format onnx`",
    "figures": "charts as SVG, PNG and PDF",
    "mlflow": "`bench run --track mlflow`",
    "ray": "`bench run --launcher ray`",
    "slurm": "`bench run --launcher slurm`",
    "tensorboard": "`bench run --track tensorboard`",
    "tune": "`tune` in a grid",
    "wandb": "`bench run --track wandb`",
}


class Requirement(NamedTuple):
    """A package that is needed.

    Attributes:
        package: its name in the package index.
        extra: for which it is needed; None: for everything.
    """

    package: str
    extra: str | None


def requirements() -> list[Requirement]:
    """Return what the project says that it needs; nothing where it is not installed itself."""
    try:
        lines = metadata.requires(PROJECT) or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for line in lines:
        package = re.match(r"[\w.-]+", line)
        extra = re.search(r"""extra == ['"]([\w-]+)['"]""", line)
        if package is not None and (extra is None or extra[1] != OF_DEVELOPERS):
            found.append(Requirement(package[0], extra and extra[1]))
    return found


def version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def missing() -> list[Requirement]:
    """Return what is needed and is not installed."""
    return [one for one in requirements() if version(one.package) is None]
