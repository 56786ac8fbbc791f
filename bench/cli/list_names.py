"""`bench list`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Registry(StrEnum):
    """What can be listed."""

    architectures = "architectures"
    losses = "losses"


def list_names(
    what: Annotated[Registry, typer.Argument(help="Which registry.")],
) -> None:
    """List the registered names."""
    import architectures
    import losses

    registry = architectures if what is Registry.architectures else losses
    for name in registry.names():
        typer.echo(name)
