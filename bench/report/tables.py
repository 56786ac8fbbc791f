"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], body: Sequence[Sequence[str]], *, numeric_from: int) -> str:
    """Return a padded table of Markdown texts; from column ``numeric_from`` on to the right."""
    rows = [list(row) for row in (header, *body)]
    widths = [max(3, *(len(row[place]) for row in rows)) for place in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            text.rjust(width) if place >= numeric_from else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = [
        "-" * (width - 1) + ":" if place >= numeric_from else "-" * width
        for place, width in enumerate(widths)
    ]
    return "\n".join([line(rows[0]), line(rule), *(line(row) for row in rows[1:])])
