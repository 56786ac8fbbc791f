"""Networks that raise what nobody expects."""

import threading

from planting import Faults

from bench.errors import InputError

FAULTS = Faults()
faulty = FAULTS.network


class NoTextError(Exception):
    def __str__(self):
        raise ValueError("there is none")

    __repr__ = __str__


class NotPicklableError(Exception):
    def __init__(self):
        super().__init__("holds a lock")
        self.lock = threading.Lock()

    def __reduce__(self):
        raise TypeError("cannot be pickled")


class OwnExit(SystemExit):
    pass


class OwnBase(BaseException):
    pass


@FAULTS.plant(ends="NoTextError")
def raises_without_a_text(network):
    raise NoTextError


@FAULTS.plant(ends="udead")
def raises_half_a_letter(network):
    raise ValueError("half a letter: \udead")


@FAULTS.plant(ends="a long story: xxx")
def raises_200_000_letters(network):
    raise ValueError("a long story: " + 200_000 * "x")


@FAULTS.plant(ends="holds a lock")
def raises_what_cannot_be_pickled(network):
    raise NotPicklableError


@FAULTS.plant(ends="x1b")
def raises_control_characters(network):
    raise ValueError("\x1b[2J\x1b]0;title\x07 [bold]\r\n\x00")


@FAULTS.plant(ends=r"\x1b[2J\n")
def raises_a_class_with_a_strange_name(network):
    raise type("\x1b[2J\n", (Exception,), {})


@FAULTS.plant(ends="KeyboardInterrupt")
def raises_an_interrupt(network):
    raise KeyboardInterrupt


@FAULTS.plant(ends="GeneratorExit")
def raises_a_generators_exit(network):
    raise GeneratorExit


@FAULTS.plant(ends="OwnExit")
def raises_its_own_exit(network):
    raise OwnExit(0)


@FAULTS.plant("init", "OwnBase")
def raises_its_own_base_exception(network):
    raise OwnBase


@FAULTS.plant(ends="StopIteration")
def raises_the_end_of_an_iteration(network):
    raise StopIteration


@FAULTS.plant(ends="RecursionError")
def calls_itself(network):
    calls_itself(network)


@FAULTS.plant(ends="no such setting")
def raises_a_users_mistake(network):
    raise InputError("no such setting")


@FAULTS.plant(ends="BrokenPipeError")
def raises_a_broken_pipe(network):
    raise BrokenPipeError


@FAULTS.plant(ends="EOFError")
def raises_the_end_of_a_file(network):
    raise EOFError


@FAULTS.plant()
def raises_that_memory_ran_out(network):
    raise MemoryError


@FAULTS.plant("state_dict", "ExceptionGroup")
def raises_a_group(network):
    raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])


@FAULTS.plant(ends="ValueError")
def raises_a_circle_of_causes(network):
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    raise first
