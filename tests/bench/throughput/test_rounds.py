import multiprocessing
import threading
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from bench.settings import Architecture
from bench.study.measurement import Measurement
from bench.throughput import rounds

CPU = torch.device("cpu")
DYING_NETWORK = f"{Path(__file__).parent / 'dying_network.py'}:dying_network"


@pytest.fixture
def another(case):
    def another(name, **options):
        architecture = Architecture(name=name, options=options)
        return case.model_copy(update={"architecture": architecture})

    return another


def test_networks_take_turns_and_one_that_dies_harms_no_other(case, another, tiny_network, hasty):
    dying, wide = another(DYING_NETWORK), another(tiny_network, channels=9)
    turns, results = [], {}

    def on_result(result):
        results[result.case.id] = result

    rounds.measure(
        [case, dying, wide],
        case,
        hasty,
        CPU,
        on_result=on_result,
        on_turn=lambda case, turn: turns.append((turn, case.id)),
    )
    a, x, b = (each.id for each in (case, dying, wide))
    assert turns == [(0, a), (0, x), (0, b), (1, a), (1, b), (2, a), (2, b)]
    assert list(results) == [x, a, b]
    assert results[x].failure == "its process was ended by SIGKILL (out of memory?)"
    for sound in (results[a], results[b]):
        assert sound.failure is None
        assert sound.environment.threads == torch.get_num_threads()
        assert sound.reference.inference.median_s == results[a].inference.median_s
        assert sound.reference.inference.samples_s == ()
        assert Measurement.model_validate_json(sound.model_dump_json()) == sound
    assert multiprocessing.active_children() == []


def test_a_process_answers_an_exception_with_its_reason_and_ends_when_it_is_left(
    another, tiny_network, hasty
):
    ours, theirs = multiprocessing.Pipe()
    crashing = another(tiny_network, crashes=True)
    threads = torch.get_num_threads()
    thread = threading.Thread(target=rounds._work, args=(theirs, crashing, hasty, CPU, threads))
    thread.start()
    ours.send(("prepare", ()))
    assert ours.recv().reason == "out of memory: tried to allocate 20.00 GiB"
    ours.close()
    thread.join(timeout=10)
    assert not thread.is_alive()


class StubWorker:
    """Answers at once, and is among the living until it is ended."""

    pid = 1
    living: ClassVar = []

    def __init__(self, case, plan, device):
        self.case = case
        self.living.append(self)

    def ask(self, task, *arguments):
        if task == "visit":
            return rounds._failed(self.case, "a stub", CPU)
        return None

    def end(self):
        self.living.remove(self)


@pytest.fixture
def stub_workers(monkeypatch):
    monkeypatch.setattr(rounds, "Worker", StubWorker)
    return StubWorker.living


def test_an_interrupt_keeps_what_is_finished_and_ends_every_process(
    case, another, tiny_network, hasty, stub_workers
):
    results = []

    def on_turn(turning, turn):
        if turn == hasty.rounds and turning != case:
            assert len(stub_workers) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rounds.measure(
            [case, another(tiny_network, channels=9)],
            case,
            hasty,
            CPU,
            on_result=results.append,
            on_turn=on_turn,
        )
    assert [result.case for result in results] == [case]
    assert stub_workers == []


def test_many_networks_go_in_groups_each_with_the_reference(case, another, hasty, stub_workers):
    others = [another("unet", width=width) for width in range(1, 8)]
    turns, results = [], []
    rounds.measure(
        others,
        case,
        hasty,
        CPU,
        on_result=results.append,
        on_turn=lambda case, turn: turns.append(case.id),
    )
    assert [result.case for result in results] == others  # the reference was not asked for
    sizes = [6, 6, 6, 3, 3, 3]  # two groups, each prepared and then visited twice
    starts = [place for place, identity in enumerate(turns) if identity == case.id]
    assert starts == [sum(sizes[:number]) for number in range(6)]
    assert len(turns) == sum(sizes) == rounds.turns(len(others) + 1, hasty)
    assert stub_workers == []
