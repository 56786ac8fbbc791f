"""Plant faults into the smallest network, one at a time, by name."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tiny_network import TinyNetwork

COMPLETE = "complete"
EITHER = "complete or failed"

PRIVATE_TEMPORARY = "planted-temporary"  # the name of the temporary folder that may be deleted
GUARD = "PLANTED_BY"  # names, in the environment, the process whose descendants may be harmed


class Fault(NamedTuple):
    """What a network does besides its work.

    Attributes:
        place: where: ``init``, ``forward`` (of training), ``scoring``, ``backward``,
            ``state_dict``, or ``output``, whose fault is called with the prediction, too, and
            returns another.
        strike: called with the network.
        ends: how its cell has to end: `COMPLETE`, `EITHER`, or failed with this in its reason.
    """

    place: str
    strike: Callable
    ends: str

    @property
    def file(self):
        """Where it is."""
        return self.strike.__code__.co_filename


class Faults(dict):
    """Faults by the name of their function."""

    def plant(self, place="forward", ends=EITHER):
        """Decorate a function that is a fault."""

        def add(strike):
            self[strike.__name__] = Fault(place, strike, ends)
            return strike

        return add

    def network(self, *, fault):
        """Return a network with one of them."""
        return Planted(self[fault])


GUARD_PID = int(os.environ.get(GUARD, "0"))


def ancestors():
    """The ids of the processes that led to this one, the parent first."""
    found = []
    pid = os.getppid()
    while pid > 1:
        found.append(pid)
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        pid = int(status.rpartition(")")[2].split()[1])
    return found


class Planted(TinyNetwork):
    """A small network with a fault, which strikes once; one in its output strikes always."""

    def __init__(self, fault):
        super().__init__()
        self.fault = fault
        self.has_struck = False
        self.strike_at("init")

    def strike_at(self, place):
        """Do harm, if this is the place for it."""
        if self.fault.place == place and not self.has_struck:
            if GUARD_PID not in ancestors()[1:]:
                raise AssertionError("only a process that a cell's server has started is harmed")
            self.has_struck = True
            self.fault.strike(self)

    def forward(self, background, composite):
        self.strike_at("forward" if self.training else "scoring")
        prediction = super().forward(background, composite)
        if prediction.mask_logits.requires_grad:
            prediction.mask_logits.register_hook(lambda _: self.strike_at("backward"))
        if self.fault.place == "output":
            prediction = self.fault.strike(self, prediction)
        return prediction

    def state_dict(self, *arguments, **options):
        self.strike_at("state_dict")
        return super().state_dict(*arguments, **options)


def sound(*, after="nothing"):
    """The network without a fault; what it comes after makes no difference."""
    return TinyNetwork()
