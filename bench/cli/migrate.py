"""`bench migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def migrate(
    study: Annotated[Path, typer.Argument(help="The folder of a study of an earlier version.")],
) -> None:
    """Bring a study that an earlier version wrote to the present format."""
    from bench.evaluation import metrics
    from bench.study.migrate import migrate

    migrate(study, {name: metrics.load(name).contract for name in metrics.names()})
    typer.echo(f"{study}: migrated; see `bench report {study}`")
