"""The wish to stop: Ctrl-C; SIGTERM, as schedulers send it; SIGHUP, when a terminal is closed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

WISHES = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Stop:
    """Notes the first wish to stop where work can be ended in good order.

    Elsewhere, and at the second wish, KeyboardInterrupt is raised at once.

    Attributes:
        asked: whether there was a wish that has been noted.
        wakes: a file descriptor that can be read from then on, to wait for.
    """

    def __init__(self) -> None:
        self.asked = False
        self._waits = False
        self.wakes, self._writer = os.pipe()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to the signals inside the block; only a main thread hears any."""
        is_heard = threading.current_thread() is threading.main_thread()
        wished = [n for n in WISHES if signal.getsignal(n) is not signal.SIG_IGN]  # as by nohup
        before = {n: signal.signal(n, self._note) for n in wished if is_heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self.wakes)
            os.close(self._writer)

    @contextmanager
    def in_good_order(self) -> Iterator[None]:
        """Note a wish inside the block, which ends its work when one is `asked`.

        Raises:
            KeyboardInterrupt: at the end of the block, if there was one.
        """
        self._waits = True
        try:
            yield
        finally:
            self._waits = False
        if self.asked:
            raise KeyboardInterrupt

    def ask(self) -> None:
        """Note a wish that comes in another way than by a signal."""
        if not self.asked:
            self.asked = True
            os.write(self._writer, b"s")

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked or not self._waits:
            raise KeyboardInterrupt
        self.ask()
