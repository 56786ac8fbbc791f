"""Which networks a run times, beside what, and when again."""

import pytest
from watched_run import CPU

from bench.execution.run import run
from bench.machine import environment
from bench.study.record import FailureKind
from bench.study.study import Study
from bench.study.timing import Block, Round, Timing

pytestmark = pytest.mark.usefixtures("timed")


def test_each_network_that_trains_is_timed_once_with_each_loss_it_trains_with(
    tmp_path, asked, tiny_network, timed
):
    question = asked(
        architectures=[
            {"name": tiny_network, "learns_nan": True},
            tiny_network,
            {"name": tiny_network, "channels": 9},
        ],
        seeds=[0, 1],
        train={"stages": [{"epochs": 1}, {"epochs": 1, "batch_size": 7}], "precision": "float32"},
    )
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    assert [case.architecture for case, _ in timed] == list(question.architectures[1:])
    first, reference = timed[0]
    assert first == reference
    assert [training.loss for training in first.trainings] == list(question.losses)
    assert first.recipe.batch_size == 7
    assert (first.image_size, first.precision) == ((32, 32), "float32")
    measured = study.load().measurements.values()
    assert {m.case.id for m in measured} == {case.id for case, _ in timed}


def test_only_what_is_missing_is_timed_beside_the_same_reference(
    tmp_path, asked, tiny_network, timed
):
    study = Study(tmp_path / "study")
    run(asked(), study, device=CPU)
    run(asked(), study, device=CPU)
    assert len(timed) == 1
    wide = {"name": tiny_network, "channels": 9}
    run(asked(architectures=[tiny_network, wide]), study, device=CPU)
    assert len(timed) == 2
    assert timed[1][0].architecture.options == {"channels": 9}
    assert timed[1][1] == timed[0][0]


def test_on_another_machine_it_is_timed_again_and_both_are_kept(
    tmp_path, asked, timed, monkeypatch
):
    study = Study(tmp_path / "study")
    run(asked(), study, device=CPU)
    here = environment.describe(CPU)
    elsewhere = here.model_copy(update={"device_name": "another processor"})
    monkeypatch.setattr(environment, "describe", lambda _: elsewhere)
    run(asked(), study, device=CPU)
    assert len(timed) == 2
    machines = {m.environment.device_name for m in study.load().measurements.values()}
    assert machines == {here.device_name, "another processor"}


def test_a_failed_measurement_is_made_again_when_it_is_asked_for(
    tmp_path, asked, tiny_network, timed
):
    question = asked(architectures=[tiny_network, {"name": tiny_network, "channels": 9}])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    timed.clear()
    run(question, study, device=CPU)
    assert timed == []
    run(question, study, device=CPU, retry=FailureKind)
    assert [case.architecture.options for case, _ in timed] == [{"channels": 9}]


def test_changed_code_is_timed_again(tmp_path, asked, users_network, timed):
    question = asked(architectures=[f"{users_network}/mine.py:tiny_network"], losses=["bce"])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    (measured,) = study.load().measurements.values()
    assert set(measured.sources["mine.py:tiny_network"]) == {"mine.py", "networks.py"}
    helper = users_network / "networks.py"
    helper.write_text(helper.read_text() + "# changed\n")
    run(question, study, device=CPU)
    assert len(timed) == 2
    run(question, study, device=CPU)
    assert len(timed) == 2


def test_withheld_timings_are_made_again_when_it_is_asked_for(tmp_path, asked, timed):
    study = Study(tmp_path / "study")
    run(asked(), study, device=CPU)
    (measured,) = study.load().measurements.values()
    disturbed = Timing(rounds=(Round(number=1, blocks=(Block(runs_s=(1.0,), waited_share=0.5),)),))
    study.write_measurement(measured.model_copy(update={"timings": {"inference": disturbed}}))
    run(asked(), study, device=CPU)
    assert len(timed) == 1
    run(asked(), study, device=CPU, retry=FailureKind)
    assert len(timed) == 2


def test_a_network_has_two_minutes_to_be_timed_however_short_its_cells_have_to_be(
    tmp_path, asked, monkeypatch
):
    limits = []
    monkeypatch.setattr(
        "bench.throughput.rounds.measure", lambda *_, limit_s, **__: limits.append(limit_s)
    )
    for seconds in (60, 600):
        question = asked(losses=["bce"], limits={"seconds": seconds})
        run(question, Study(tmp_path / "study"), device=CPU)
    assert limits == [120, 600]
