"""`bench serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` writes.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of this machine; 0: any that is free.")
    ] = 8000,
) -> None:
    """Show a study's page at http://127.0.0.1:8000/, and follow the study while it runs.

    Only browsers on this machine are answered. Ctrl-C ends it.
    """
    from bench.report.html.serve import PageServer

    with PageServer(study, port) as server:
        typer.echo(f"{study}: http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)")
        server.serve_forever()
