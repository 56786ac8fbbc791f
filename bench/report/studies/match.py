"""Which boards and rows of two studies answer the same question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.leaderboard import Leaderboard
from bench.report.row import Row
from bench.settings import identity


@dataclass(frozen=True, eq=False)
class BoardPair:
    """A board of study A, and the one of study B that it is compared with.

    Attributes:
        one: of A.
        other: of B; None where B has none with the same setting.
        rows: each row of A with that of B with the same network and loss; None where B has none.
        added: the rows that only B has.
    """

    one: Leaderboard
    other: Leaderboard | None
    rows: tuple[tuple[Row, Row | None], ...]
    added: tuple[Row, ...]


def match(boards: Sequence[Leaderboard], others: Sequence[Leaderboard]) -> list[BoardPair]:
    """Set the boards of A beside those of B with the same setting.

    If no two have the same setting, the latest board of each is compared in spite of that.

    Args:
        boards: of A, the latest first.
        others: of B, likewise.
    """
    by_setting = {_setting(other): other for other in others}
    partners = [by_setting.get(_setting(board)) for board in boards]
    if boards and others and not any(partners):
        partners[0] = others[0]
    return [_pair(board, other) for board, other in zip(boards, partners, strict=True)]


def _pair(board: Leaderboard, other: Leaderboard | None) -> BoardPair:
    rows = {_key(row): row for row in board.rows}
    theirs = {_key(row): row for row in other.rows} if other else {}
    return BoardPair(
        one=board,
        other=other,
        rows=tuple((row, theirs.get(key)) for key, row in rows.items()),
        added=tuple(row for key, row in theirs.items() if key not in rows),
    )


def _setting(board: Leaderboard) -> str:
    cell = next(cell for cell in board.grid.cells() if cell.loss is not None)
    return identity.digest(cell.setting)


def _key(row: Row) -> str:
    return identity.digest(row.cells[0].row)
