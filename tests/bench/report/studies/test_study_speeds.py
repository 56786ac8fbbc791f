"""How fast the networks of two studies are, on one machine or on two."""

import numpy as np
import pytest
import scored_study
import small_board
import study_maker
from scipy import stats

from bench.report.studies.comparison import compare_studies
from bench.settings import LossPair, Train
from bench.study.plan import timing_cases
from bench.study.study import Study

ROUNDS = {"A": (0.100, 0.102, 0.104), "B": (0.125, 0.126, 0.130)}  # seconds of a batch


@pytest.fixture
def compare(tmp_path):
    """Compare the speeds of two studies whose networks took so many seconds, on such machines."""

    def compare(rounds=ROUNDS, machines=("a processor", "a processor"), batches=(32, 32)):
        for (name, seconds), machine, batch in zip(rounds.items(), machines, batches, strict=True):
            train = Train(epochs=1, batch_size=batch)
            grid = scored_study.grid(("unet",), ("bce", "l1"), (0,), train=train)
            study = scored_study.keep(tmp_path / name, grid)
            cells = [cell for cell in grid.cells() if cell.loss is not None]
            ((case, _),) = timing_cases(cells, study.load().records.values())
            figures = [f for f in ("inference", "latency") if seconds]
            measured = study_maker.measurement(case).model_copy(
                update={
                    "environment": study_maker.ENVIRONMENT.model_copy(
                        update={"device_name": machine}
                    ),
                    "timings": {f: study_maker.timing(*([s] for s in seconds)) for f in figures},
                }
            )
            study.write_measurement(measured)
        (found,) = compare_studies(tuple(Study(tmp_path / name).load() for name in "AB"))
        return found.speeds

    return compare


def test_the_change_is_that_of_the_medians_with_welchs_interval(compare):
    (speed,) = compare()["inference_images_per_s"]
    (latency,) = compare()["latency_ms"]
    assert speed.title == "unet"
    assert speed.figures == pytest.approx((32 / 0.102, 32 / 0.126))
    assert speed.ratio.value == pytest.approx(0.102 / 0.126)
    logs = [np.log(ROUNDS[name]) for name in "AB"]
    ends = stats.ttest_ind(*logs, equal_var=False).confidence_interval(0.95)
    wider = 1.01 ** np.sqrt(2)
    expected = np.exp(ends.low) / wider - 1, np.exp(ends.high) * wider - 1
    assert speed.span == pytest.approx(expected, rel=1e-5)
    assert latency.ratio.value == pytest.approx(0.126 / 0.102)
    assert latency.span[0] == pytest.approx(1 / (1 + expected[1]) - 1, rel=1e-5)


def test_another_machine_is_not_comparable(compare):
    (speed,) = compare(machines=("one", "two"))["inference_images_per_s"]
    assert speed.ratio is None
    assert speed.problem == (
        "not comparable: timed on one (cpu, 2 threads) and two (cpu, 2 threads)"
    )


def test_another_batch_size_is_not_comparable(compare):
    speeds = compare(batches=(8, 16))
    (speed,) = speeds["inference_images_per_s"]
    assert "timed at batch 8 of 64x64 px" in speed.problem
    assert "and batch 16 of 64x64 px" in speed.problem


def test_a_figure_that_b_lacks_is_a_problem_and_one_that_a_lacks_is_none(compare):
    (speed,) = compare({"A": ROUNDS["A"], "B": ()})["inference_images_per_s"]
    assert speed.problem == "B has no figure"
    (speed,) = compare({"A": (), "B": ROUNDS["A"]})["inference_images_per_s"]
    assert (speed.problem, speed.note) == ("", "A has no figure")


def test_a_network_is_compared_though_b_has_it_with_other_losses_only(tmp_path):
    """Inference does not depend on the loss; a training of the first row's loss is B's to lack."""
    for name, losses in (("A", ("bce", "l1")), ("B", ("l1",))):
        small_board.keep(
            tmp_path / name,
            small_board.GRID.model_copy(
                update={
                    "architectures": small_board.GRID.architectures[:1],
                    "losses": tuple(LossPair(mask=loss, depth=loss) for loss in losses),
                }
            ),
        )
    (found,) = compare_studies(tuple(Study(tmp_path / name).load() for name in "AB"))
    (speed,) = found.speeds["inference_images_per_s"]
    assert (speed.title, speed.problem) == ("unet", "")
    assert speed.ratio.value == pytest.approx(1)


def test_what_neither_study_was_timed_by_is_left_out(compare):
    assert "training_images_per_s" not in compare()
