"""`bench schema`."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON schema of a grid, by which editors complete and check its file.

    Behind `bench schema > grid.schema.json`, a grid that begins with the line
    `# yaml-language-server: $schema=grid.schema.json` is checked while it is written.
    """
    from bench.settings.json_schema import grid_schema

    typer.echo(json.dumps(grid_schema(), indent=2, allow_nan=False))
