import pytest

from bench.settings import Architecture, Recipe
from bench.study.measurement import Point, Sweep
from bench.study.timing_case import TimedTraining, TimingCase


def test_saturation_is_the_smallest_batch_within_five_percent_of_the_most():
    speeds = {1: 10, 2: 18, 4: 96, 8: 100, 16: 99}
    points = tuple(Point(batch_size=size, images_per_s=speed) for size, speed in speeds.items())
    assert Sweep(points=points, ended="").saturation.batch_size == 4


def test_a_case_keeps_its_id_when_it_is_written_and_read(case):
    assert TimingCase.model_validate_json(case.model_dump_json()).id == case.id


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": Recipe(epochs=1, batch_size=5)},
        {"variant": "compiled"},
        {"image_size": (32, 64)},
        {"teacher": Architecture(name="unet")},
        {"trainings": (TimedTraining(loss="ssim"),)},
        {"trainings": (TimedTraining(loss={"mask": "bce", "depth": "l1"}, compiled=True),)},
    ],
)
def test_what_is_timed_otherwise_is_another_case(case, change):
    assert case.model_copy(update=change).id != case.id


def test_the_losses_of_a_stage_are_part_of_what_is_timed(case):
    by_loss = {
        case.model_copy(update={"recipe": Recipe(epochs=1, losses=loss)}).id
        for loss in (None, "l1", "ssim")
    }
    assert len(by_loss) == 3
