"""Which columns and rows of a leaderboard a report shows, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from bench.errors import InputError, suggestion
from bench.report.columns import COST_COLUMNS, Column
from bench.report.compare import names_of
from bench.report.leaderboard import Leaderboard, sort_key
from bench.report.row import Row, short

MAX_COLUMNS = 8  # of a table: what the page of a code host shows side by side


@dataclass(frozen=True)
class ShownBoard:
    """What a table shows of a board; ranks, letters and the best figures are of the whole board.

    Attributes:
        board: the whole one.
        columns: in their order.
        rows: the trained ones, in their order.
        baselines: the trivial ones.
        cross_entropy_columns: what stands in a table of its own where columns are not chosen.
    """

    board: Leaderboard
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    baselines: tuple[Row, ...]
    cross_entropy_columns: tuple[Column, ...]

    @property
    def all_rows(self) -> tuple[Row, ...]:
        """The trained rows, and the trivial ones below them."""
        return *self.rows, *self.baselines

    @property
    def note(self) -> str | None:
        """How many of the rows are shown, unless all are."""
        shown, there = len(self.all_rows), len(self.board.rows) + len(self.board.baselines)
        if shown == there:
            return None
        return f"{shown} of {there} rows shown: ranks, letters and bold are those of all rows"

    def with_figures_in(self, columns: Sequence[Column]) -> ShownBoard:
        """Return the rows that have a figure in any of some columns."""

        def has_any(row: Row) -> bool:
            return any(column.key in row.figures for column in columns)

        return replace(
            self,
            rows=tuple(filter(has_any, self.rows)),
            baselines=tuple(filter(has_any, self.baselines)),
        )

    def tables(
        self, most: int = MAX_COLUMNS, *, with_ranks: bool = True
    ) -> list[tuple[Column, ...]]:
        """Return the columns, divided among tables that are not too wide.

        Args:
            most: columns of a table: architecture, loss and, in the first one, the seeds count.
            with_ranks: whether ranks stand in a column of their own, which counts too.
        """
        tables: list[tuple[Column, ...]] = [()]
        room = most - len(("architecture", "loss", "seeds"))
        for column in self.columns:
            width = 2 if with_ranks and self.board.is_ranked_by(column) else 1
            if width > room:
                tables.append(())
                room = most - len(("architecture", "loss"))
            tables[-1] += (column,)
            room -= width
        return tables


@dataclass(frozen=True)
class Selection:
    """What a user asked to see; by default a board as it is.

    Attributes:
        columns: their keys, in the order in which they are to stand; all of the board if none. A
            cost that no row has a figure of may be among them.
        sort: the key of the column by which the trained rows stand, the best first.
        rows: patterns (``*``, ``?``, ``[...]``) of an architecture, of a loss, or of both as
            ``architecture/loss``; all rows if none. A name that is written out is meant as it is;
            where no row has it, ``unet`` is every ``unet(...)``.
    """

    columns: tuple[str, ...] = ()
    sort: str | None = None
    rows: tuple[str, ...] = ()

    def of(self, boards: Sequence[Leaderboard]) -> list[ShownBoard]:
        """Return what is shown of some boards.

        Raises:
            InputError: no board has a column or a row that is asked for.
        """
        shown = dict.fromkeys(column.key for board in boards for column in _columns(board))
        known = dict.fromkeys([*shown, *(column.key for column in COST_COLUMNS)])
        for option, keys in (("--columns", self.columns), ("--sort", filter(None, [self.sort]))):
            for key in keys:
                if key not in known:
                    raise InputError(f"{option}: unknown column {key!r}{suggestion(key, known)}")
        if self.sort is not None and self.sort not in shown:
            raise InputError(f"--sort: no row has a figure in {self.sort}{suggestion('', shown)}")
        rows = [row for board in boards for row in (*board.rows, *board.baselines)]
        titles = {row.title for row in rows}
        if self.rows:
            baselines = [row.architecture for row in rows if row.loss is None]
            names = dict.fromkeys([*names_of(boards), *baselines])
            titles = set().union(*(_matching(rows, pattern, names) for pattern in self.rows))
        return [self._of(board, titles) for board in boards]

    def _of(self, board: Leaderboard, titles: set[str]) -> ShownBoard:
        shown = {column.key: column for column in _columns(board)}
        known = {column.key: column for column in COST_COLUMNS} | shown
        chosen = [known[key] for key in dict.fromkeys(self.columns) if key in known]
        rows = [row for row in board.rows if row.title in titles]
        if self.sort in shown:
            by = shown[self.sort]
            rows.sort(key=lambda row: sort_key(row, [by]))
        return ShownBoard(
            board=board,
            columns=tuple(chosen) if self.columns else board.columns,
            rows=tuple(rows),
            baselines=tuple(row for row in board.baselines if row.title in titles),
            cross_entropy_columns=() if self.columns else board.cross_entropy_columns,
        )


EVERYTHING = Selection()


def _columns(board: Leaderboard) -> tuple[Column, ...]:
    return *board.columns, *board.cross_entropy_columns


def _matching(rows: Sequence[Row], pattern: str, known: Iterable[str]) -> set[str]:
    """The titles of the rows that a pattern is of, by whole names or else by short ones.

    Raises:
        InputError: it is of none; the line names what is known.
    """
    for networks in ([row.architecture for row in rows], [short(row.architecture) for row in rows]):
        found = {
            row.title
            for row, network in zip(rows, networks, strict=True)
            if _is_of(network, row.loss, pattern)
        }
        if found:
            return found
    raise InputError(f"--select: no row is {pattern!r}{suggestion(pattern, known)}")


def _is_of(network: str, loss: str | None, pattern: str) -> bool:
    names = [network, *([loss, f"{network}/{loss}"] if loss else [])]
    return pattern in names or any(fnmatchcase(name, pattern) for name in names)
