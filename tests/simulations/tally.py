"""What has been seen of each kind of fault."""

from __future__ import annotations

from collections import Counter, defaultdict

from rich.console import Console
from rich.table import Table


class Tally:
    """What has been seen of each kind of fault."""

    def __init__(self) -> None:
        self._seen: dict[str, Counter[str]] = defaultdict(Counter)
        self._problems: dict[str, list[str]] = defaultdict(list)

    def add(self, kind: str, seen: str, problem: str | None = None) -> None:
        """Add one fault: its kind, what became of it, and what does not hold."""
        self._seen[kind][seen] += 1
        if problem is not None:
            self._problems[kind].append(problem)

    @property
    def holds(self) -> bool:
        """Whether everything holds."""
        return not self._problems

    def show(self, console: Console) -> None:
        """Print a line for each kind."""
        table = Table("kind of fault", "how many", "seen", "held")
        for kind, seen in self._seen.items():
            outcomes = ", ".join(f"{count} {what}" for what, count in seen.most_common())
            held = "; ".join(self._problems[kind]) if kind in self._problems else "yes"
            table.add_row(kind, str(seen.total()), outcomes, held)
        console.print(table)
        total = sum(seen.total() for seen in self._seen.values())
        console.print(f"{total} faults of {len(self._seen)} kinds")
