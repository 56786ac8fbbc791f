"""How much of the machine a cell may use."""

from __future__ import annotations

from pydantic import Field

from bench.settings.base import Number, Settings


class Limits(Settings):
    """What a cell may use before it is ended and recorded as failed; by default, all there is.

    No limit is part of a cell's identity: it changes no figure.

    Attributes:
        seconds: wall time of the whole cell; and, if more than two minutes, of one visit to a
            network that is timed, which otherwise has two minutes.
        memory_gib: of the host's memory, beyond what a cell's process starts with, and with all of
            the processes that it starts; on Linux.
    """

    seconds: Number | None = Field(None, gt=0)
    memory_gib: Number | None = Field(None, gt=0)
