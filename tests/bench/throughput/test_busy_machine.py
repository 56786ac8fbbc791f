"""Networks in turn on a simulated machine, alone and beside a program that computes in bursts."""

import itertools

import pytest
import study_maker
import torch
from fake_machine import FakeMachine, Noise, bursts

from bench.events import TimingDone, TimingProgress
from bench.settings import Architecture
from bench.study.measurement import Measurement
from bench.study.timing_case import INFERENCE, LATENCY
from bench.throughput import rounds
from bench.throughput.sampling import Effort, Sampling
from bench.throughput.worker import WorkerError

CPU = torch.device("cpu")
PLAN = Effort(3, blocks=6, cap_s=1.0, patience_s=4, warm_up_cap_s=1.5, thorough=False)
SECONDS = {  # of a batch, of a training step, of one image
    "unet": (0.014, 0.060, 0.0037),
    "resnet50_upproj": (0.030, 0.107, 0.0097),
    "autoencoder": (0.022, 0.084, 0.0049),
    "densenet": (0.019, 0.079, 0.0149),
}
FIGURES = (INFERENCE, "training", LATENCY)


@pytest.fixture
def cases(case):
    return [case.model_copy(update={"architecture": Architecture(name=name)}) for name in SECONDS]


@pytest.fixture
def measure(monkeypatch, cases):
    """Measures the networks on a machine; gives the last of each, and every event."""

    def measure(machine, on_visit=lambda name, number: None, asked=cases, reference=cases[0]):
        class SimulatedWorker:
            pid = 1

            def __init__(self, case, plan, device, threads, limit_s):
                self.case, self.name = case, case.architecture.name
                self.figures = {
                    figure: Sampling(
                        lambda seconds=seconds: machine.run(seconds),
                        machine.timer,
                        plan,
                        one_by_one=figure == LATENCY,
                    )
                    for figure, seconds in zip(FIGURES, SECONDS[self.name], strict=True)
                }

            def ask(self, task, *arguments):
                if task != "visit":
                    return None
                on_visit(self.name, *arguments)
                for sampling in self.figures.values():
                    sampling.visit(*arguments)
                return Measurement(
                    case=self.case,
                    environment=study_maker.ENVIRONMENT,
                    measured_utc=study_maker.NOW,
                    timings={name: found.timing() for name, found in self.figures.items()},
                )

            def end(self):
                pass

        monkeypatch.setattr(rounds, "Worker", SimulatedWorker)
        events = []
        rounds.measure(asked, reference, PLAN, CPU, threads=2, limit_s=60, listen=events.append)
        found = [event.measurement for event in events if isinstance(event, TimingDone)]
        return {m.case.architecture.name: m for m in found}, events

    return measure


def visited(events):
    return [event.label for event in events if isinstance(event, TimingProgress)]


def test_on_a_quiet_machine_every_round_is_measured_once(measure):
    found, events = measure(FakeMachine())
    assert visited(events) == [*SECONDS] * 4  # prepared, and three rounds
    for name, seconds in SECONDS.items():
        for figure, expected in zip(FIGURES, seconds, strict=True):
            assert found[name].seconds(figure).value == pytest.approx(expected)
            assert found[name].counts == (54, 54)
    assert found["unet"].reference is None
    assert found["densenet"].times_as_fast(INFERENCE).value == pytest.approx(14 / 19)


def test_beside_a_program_that_computes_in_bursts_figures_are_right_or_withheld(measure):
    wrong_figures, wrong_ratios, withheld = [], [], 0
    for seed in range(20):
        noise = Noise(seed, bursts=bursts(seed, until_s=2000))
        found, _ = measure(noise.machine)
        for (name, seconds), (number, figure) in itertools.product(
            SECONDS.items(), enumerate(FIGURES)
        ):
            measured = found[name].seconds(figure)
            if measured is None:
                withheld += 1
                continue
            if not 0.9 < measured.value / seconds[number] < 1.1:
                wrong_figures.append((seed, name, figure, measured))
            ratio = found[name].times_as_fast(figure)
            expected = SECONDS["unet"][number] / seconds[number]
            if ratio is not None and not 0.95 < ratio.value / expected < 1.05:
                wrong_ratios.append((seed, name, figure, ratio))
    assert wrong_figures == []
    assert wrong_ratios == []
    assert withheld <= 20 * len(SECONDS) * len(FIGURES) / 3


def test_a_machine_that_is_never_quiet_is_given_up(measure):
    machine = FakeMachine(bursts=[(0, 1e9)])
    found, events = measure(machine)
    assert len(visited(events)) == 4 * 2  # prepared, and one round, which says enough
    for measured in found.values():
        assert measured.is_complete
        assert measured.failure is None
        assert all("disturbed: 0 of" in problem for problem in measured.problems)


def test_a_round_in_which_the_reference_was_slower_is_measured_again(measure):
    machine = FakeMachine()

    def on_visit(name, number):
        machine.factor = lambda: 1.2 if number == 2 else 1.0

    found, events = measure(machine, on_visit)
    assert visited(events) == [*SECONDS] * 5
    for name, seconds in SECONDS.items():
        inference = found[name].timings[INFERENCE]
        assert [visit.drifted for visit in inference.rounds] == [False, True, False, False]
        assert inference.seconds.value == pytest.approx(seconds[0])


def test_only_who_was_disturbed_is_visited_again_and_the_reference(measure):
    machine = FakeMachine()

    def on_visit(name, number):
        machine.bursts = [(0, 1e9)] if (name, number) == ("autoencoder", 3) else []

    found, events = measure(machine, on_visit)
    assert visited(events) == [*SECONDS] * 4 + ["unet", "autoencoder"]
    assert found["autoencoder"].timings[INFERENCE].good_rounds() == 3
    assert found["autoencoder"].problems == ()
    assert found["densenet"].counts == (54, 54)


def test_what_is_known_is_told_after_every_round(measure):
    _, events = measure(FakeMachine())
    told = [event.measurement for event in events if isinstance(event, TimingDone)]
    assert [(m.case.architecture.name, m.rounds_left) for m in told] == [
        (name, left) for left in (2, 1, 0) for name in SECONDS
    ]
    assert [len(m.timings[INFERENCE].rounds) for m in told[::4]] == [1, 2, 3]
    assert [m.is_complete for m in told[::4]] == [False, False, True]
    assert told[1].problems == ("interrupted with 2 rounds to go",)


def test_one_that_fails_keeps_what_was_known_and_harms_no_other(measure):
    def on_visit(name, number):
        if (name, number) == ("autoencoder", 2):
            raise WorkerError("did not answer within 60 s")

    found, events = measure(FakeMachine(), on_visit)
    failed = found["autoencoder"]
    assert failed.failure == "did not answer within 60 s"
    assert failed.is_complete
    assert failed.seconds(INFERENCE).value == pytest.approx(0.022)
    assert visited(events).count("autoencoder") == 3
    assert found["densenet"].counts == (54, 54)


def test_without_its_reference_a_group_goes_on(measure):
    def on_visit(name, number):
        if name == "unet":
            raise WorkerError("out of memory")

    found, _ = measure(FakeMachine(), on_visit)
    assert found["unet"].timings == {}
    assert found["densenet"].seconds(INFERENCE).value == pytest.approx(0.019)
    assert found["densenet"].times_as_fast(INFERENCE) is None
    assert found["densenet"].reference.label == "unet"  # or it would seem to be itself


def test_many_networks_go_in_groups_each_with_the_reference(measure, cases, case):
    others = [
        case.model_copy(
            update={"architecture": Architecture(name="densenet", options={"width": width})}
        )
        for width in range(1, 8)
    ]
    _, events = measure(FakeMachine(), asked=others)
    told = [e.measurement for e in events if isinstance(e, TimingDone) if e.measurement.is_complete]
    assert [measured.case for measured in told] == others  # the reference was not asked for
    sizes = [6, 6, 6, 6, 3, 3, 3, 3]  # two groups, each prepared and then visited three times
    places = [place for place, label in enumerate(visited(events)) if label == "unet"]
    assert places == [sum(sizes[:number]) for number in range(8)]
    assert events[0] == TimingProgress("unet", 0, sum(sizes))
