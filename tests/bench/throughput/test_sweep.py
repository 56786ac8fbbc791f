import torch

from bench.errors import TrainingError
from bench.throughput.sweep import sweep


def timed(images_per_s):
    return lambda size: size / images_per_s(size)


def test_the_sweep_ends_when_two_larger_batches_do_not_pay():
    found = sweep(timed(lambda size: min(size, 8) * 100))
    assert [point.batch_size for point in found.points] == [1, 2, 4, 8, 16, 32]
    assert found.ended == "no longer pays at batch 32"
    assert found.saturation.batch_size == 8


def test_one_batch_that_does_not_pay_may_be_chance():
    speeds = {1: 10, 2: 10, 4: 30, 8: 30, 16: 30}
    found = sweep(timed(speeds.__getitem__))
    assert [point.batch_size for point in found.points] == [1, 2, 4, 8, 16]


def test_the_sweep_ends_where_memory_does_and_keeps_what_fitted():
    def measure(size):
        if size > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return timed(lambda size: size)(size)

    found = sweep(measure)
    assert [point.batch_size for point in found.points] == [1, 2, 4]
    assert found.ended == "out of memory at batch 8"


def test_another_failure_is_not_taken_for_lack_of_memory():
    def measure(size):
        if size > 1:
            raise ValueError("one at a time")
        return timed(lambda size: size)(size)

    assert sweep(measure).ended == "failed at batch 2: ValueError: one at a time"


def test_a_batch_that_other_programs_disturbed_ends_it_with_that_reason():
    def measure(size):
        if size > 2:
            raise TrainingError("disturbed: 3 of 10 blocks clean")
        return timed(lambda size: size)(size)

    assert sweep(measure).ended == "failed at batch 4: disturbed: 3 of 10 blocks clean"


def test_without_a_single_image_there_is_no_sweep():
    def measure(size):
        raise MemoryError

    assert sweep(measure) is None
