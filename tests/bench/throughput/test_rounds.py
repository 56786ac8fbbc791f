import multiprocessing
from pathlib import Path

import pytest
import torch

from bench.events import TimingDone, TimingProgress
from bench.settings import Architecture
from bench.study.measurement import Measurement
from bench.study.timing_case import INFERENCE, LATENCY, training_figure
from bench.throughput import rounds
from bench.throughput.worker import Worker, WorkerError

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

    def listen(event):
        if isinstance(event, TimingProgress):
            turns.append(event.label)
        if isinstance(event, TimingDone):
            results[event.measurement.case.id] = event.measurement

    rounds.measure([case, dying, wide], case, hasty, CPU, threads=2, limit_s=None, listen=listen)
    a, x, b = (each.label for each in (case, dying, wide))
    assert turns[:5] == [a, x, b, a, b]  # then as often as the machine is quiet
    assert results[dying.id].failure == "its process was ended by SIGKILL (out of memory?)"
    reference = results[case.id]
    for sound in (reference, results[wide.id]):
        assert sound.failure is None
        assert sound.is_complete
        assert sound.environment.threads == 2
        (loss,) = (training.loss for training in sound.case.trainings)
        assert list(sound.timings) == [INFERENCE, training_figure(loss), LATENCY]
        assert all(timing.rounds for timing in sound.timings.values())
        assert Measurement.model_validate_json(sound.model_dump_json()) == sound
    assert results[wide.id].reference.label == case.label
    assert multiprocessing.active_children() == []


@pytest.fixture
def worker(hasty):
    workers = []

    def worker(case, limit_s):
        workers.append(Worker(case, hasty, CPU, 1, limit_s))
        workers[0].ask("meet", [])  # it is ready
        return workers[0]

    yield worker
    workers[0].end()


def test_a_process_answers_an_exception_with_its_reason(another, tiny_network, worker):
    crashing = worker(another(tiny_network, crashes=True), limit_s=60)
    with pytest.raises(WorkerError, match=r"^out of memory: tried to allocate 20\.00 GiB$"):
        crashing.ask("prepare")


def test_a_process_that_hangs_is_not_waited_for_beyond_the_limit(another, worker):
    hanging = worker(another(f"{Path(__file__).parent / 'hanging_network.py'}:hanging_network"), 60)
    hanging._limit_s = 0.5
    with pytest.raises(WorkerError, match=r"^did not answer within 0\.5 s$"):
        hanging.ask("prepare")


class StubWorker:
    """Answers at once, and is among the living until it is ended."""

    pid = 1

    def __init__(self, case, *_):
        self.case = case
        living.append(self)

    def ask(self, task, *arguments):
        return None

    def end(self):
        living.remove(self)


living = []


def test_an_interrupt_ends_every_process(case, another, tiny_network, hasty, monkeypatch):
    monkeypatch.setattr(rounds, "Worker", StubWorker)

    def listen(event):
        if isinstance(event, TimingProgress) and event.done == 3:
            assert len(living) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rounds.measure(
            [case, another(tiny_network, channels=9)],
            case,
            hasty,
            CPU,
            threads=1,
            limit_s=None,
            listen=listen,
        )
    assert living == []
