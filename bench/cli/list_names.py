"""`bench list`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Registry(StrEnum):
    """What can be listed."""

    architectures = "architectures"
    losses = "losses"
    metrics = "metrics"


def list_names(
    what: Annotated[Registry, typer.Argument(help="Which registry.")],
) -> None:
    """List the registered names; of metrics, also label, task and which way is better."""
    import architectures
    import losses
    from bench.evaluation import metrics

    match what:
        case Registry.architectures:
            lines = architectures.names()
        case Registry.losses:
            lines = losses.names()
        case Registry.metrics:
            names = metrics.names()
            width = max(map(len, names))
            contracts = {name: metrics.load(name).contract for name in names}
            lines = [
                f"{name:<{width}}  {contract.task:<5}  "
                f"{'higher' if contract.higher_is_better else 'lower':<6}  {contract.label}"
                for name, contract in contracts.items()
            ]
    for line in lines:
        typer.echo(line)
