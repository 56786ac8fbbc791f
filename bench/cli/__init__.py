"""The command line: one file a command, which reads arguments, calls steps, prints what comes back.

Whatever computes is imported inside the commands, so that help and version answer at once.
"""

from __future__ import annotations

import re
import sys
from typing import Annotated, Any, NoReturn

import typer

from bench.cli import data
from bench.cli.bundle import bundle
from bench.cli.check import check
from bench.cli.compare import compare
from bench.cli.doctor import doctor
from bench.cli.explain import explain
from bench.cli.export import export
from bench.cli.list_names import list_names
from bench.cli.logs import logs
from bench.cli.merge import merge
from bench.cli.migrate import migrate
from bench.cli.new import new
from bench.cli.plan import plan
from bench.cli.power import power
from bench.cli.predict import predict
from bench.cli.report import report
from bench.cli.rescore import rescore
from bench.cli.run import INTERRUPTED, run
from bench.cli.schema import schema
from bench.cli.serve import serve
from bench.cli.status import status
from bench.cli.throughput import throughput
from bench.cli.unbundle import unbundle
from bench.cli.verify import verify
from bench.cli.version import project_version
from bench.errors import InputError

app = typer.Typer(
    name="bench",
    help="Cross architectures with losses for mask and depth prediction, and compare them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(plan)
app.command()(status)
app.command()(logs)
app.command()(report)
app.command()(serve)
app.command()(compare)
app.command()(power)
app.command()(rescore)
app.command()(predict)
app.command()(export)
app.command("list")(list_names)
app.command()(explain)
app.command()(schema)
app.command()(doctor)
app.command()(new)
app.command()(check)
app.command()(throughput)
app.command()(verify)
app.command()(merge)
app.command()(bundle)
app.command()(unbundle)
app.command()(migrate)
app.add_typer(data.app, name="data")


# What Typer raises for an option or argument that is none: its own class now, click's before.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main() -> None:
    """Run the command line; a mistake in the input is one line and exit code 2."""
    try:
        sys.exit(app(prog_name="bench", standalone_mode=False) or 0)
    except InputError as error:
        _fail(f"bench: {error}", 2)
    except _UsageError as error:
        _fail(_in_one_line(error), 2)
    except typer.Abort:
        _fail("aborted", 1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _fail(line: str, code: int) -> NoReturn:
    if line:
        print(line, file=sys.stderr)  # noqa: T201 - plain text to standard error
    sys.exit(code)


def _in_one_line(error: Any) -> str:
    """What is wrong with an option or an argument of a command; empty if help was shown instead."""
    text = " ".join(error.format_message().split()).rstrip(".")
    if not text:
        return ""
    text = re.sub(r"Value error, |, unable to parse string as an? \w+", "", text)
    text = re.sub(r" \(Possible options: (.*)\)", r"; did you mean \1?", text)
    text = text.replace(". Did you mean", "; did you mean")
    line = f"{text[0].lower()}{text[1:]}"
    if error.ctx is None:
        return f"bench: {line}"
    command = error.ctx.command_path
    return f"{command}: {line} (see `{command} --help`)"


def _version(asked: bool) -> None:  # noqa: FBT001 - the signature of an option's callback
    if asked:
        typer.echo(f"maskdepth-bench {project_version()}")
        raise typer.Exit


@app.callback()
def bench(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Cross architectures with losses for mask and depth prediction, and compare them."""
