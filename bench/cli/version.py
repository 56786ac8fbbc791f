"""Which version of this project runs."""

from __future__ import annotations

from importlib import metadata


def project_version() -> str:
    """Return the version as it is installed, or that there is none."""
    try:
        return metadata.version("maskdepth-bench")
    except metadata.PackageNotFoundError:
        return "from a source tree, not installed"
