"""Several processes train a network as one does, but for the order in which they sum."""

import pytest
import torch
import torch.distributed as dist
from ranks import Case, difference, train, train_in_several
from torch import nn

from bench.machine.rank_processes import RankDiedError
from bench.study.record import FailureKind
from bench.training.sync_batch_norm import HostSyncBatchNorm, synchronised

CPU = torch.device("cpu")
# Sums in float32 differ by some 1e-7 of them, and a few steps of plain descent by no more than
# 1e-6 in all that was measured. A plain mean over unequal shares makes 5e-5 and more; so does one
# BatchNorm for each process.
BOUND = 1e-5
BOTH = {"mask": "bce + dice", "depth": "l1 + ssim"}
CASES = {
    "a head without a loss": Case(),
    "BatchNorm": Case(norm=True),
    "micro-batches": Case(norm=True, train={"accumulate": 2}),
    "shares of 4 and 3 images": Case(norm=True, images=7, train={"epochs": 4}),
    "micro-batches of 3, 2 and 2 images": Case(train={"accumulate": 3, "batch_size": 13}),
    "uncertainty": Case(loss=BOTH | {"balance": {"method": "uncertainty"}}),
    "equal scale": Case(norm=True, loss=BOTH | {"balance": {"method": "equal_scale"}}),
    "equal scale in micro-batches": Case(
        loss=BOTH | {"balance": {"method": "equal_scale"}}, train={"accumulate": 2}
    ),
    "gradients that are clipped": Case(norm=True, train={"gradient_clip": 0.01}),
    "parts that are frozen in one stage": Case(
        norm=True,
        train={"epochs": None, "stages": [{"epochs": 1, "freeze": ["b*"]}, {"epochs": 1}]},
    ),
}


@pytest.fixture(scope="module")
def in_two(rendered_archive, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKDEPTH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        found = train_in_several(list(CASES.values()), rendered_archive)
    assert isinstance(found, list), found
    return dict(zip(CASES, found, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_as_one_does(name, in_two, rendered_archive):
    one, two = train(CASES[name], rendered_archive), in_two[name]
    assert difference(one, two) < BOUND
    assert two.steps == one.steps
    assert two.training.samples_seen == one.training.samples_seen
    for mine, theirs in zip(one.training.curve, two.training.curve, strict=True):
        assert theirs.losses == pytest.approx(mine.losses, abs=BOUND)
        assert theirs.val == pytest.approx(mine.val, abs=BOUND)
        assert theirs.selected == mine.selected
    for mine, theirs in zip(one.training.terms, two.training.terms, strict=True):
        assert (theirs.start, theirs.end) == pytest.approx((mine.start, mine.end), abs=BOUND)


def test_the_record_tells_of_the_devices_and_of_batch_norm(in_two):
    def found(name):
        (execution,) = in_two[name].training.executions
        return execution.devices, execution.sync_batch_norm

    assert found("BatchNorm") == (2, True)
    assert found("a head without a loss") == (2, False)


def test_the_death_of_one_process_ends_all(rendered_archive):
    with pytest.raises(RankDiedError, match=r"ended by SIGKILL.*rank 1 of 2") as caught:
        train_in_several([Case(dies_at=2)], rendered_archive)
    assert caught.value.kind is FailureKind.KILLED


@pytest.mark.slow
def test_three_processes_train_as_one_does(rendered_archive):
    cases = [case for case in CASES.values() if "accumulate" not in case.train]
    found = train_in_several(cases, rendered_archive, size=3)
    assert isinstance(found, list), found
    for case, three in zip(cases, found, strict=True):
        assert difference(train(case, rendered_archive), three) < BOUND


@pytest.mark.slow
def test_a_stopped_training_ends_to_the_last_bit_as_an_uninterrupted_one(
    rendered_archive, tmp_path
):
    """Dropout included, of which each process has random numbers of its own."""
    settings = {"norm": True, "dropout": 0.3, "train": {"epochs": 3, "accumulate": 2}}
    (whole,) = train_in_several([Case(**settings)], rendered_archive)
    kept = {"checkpoint": tmp_path / "kept", **settings}
    for step in (1, 4):
        answer = train_in_several([Case(stop_after=(step,), **kept)], rendered_archive)
        assert answer == "stopped"
    (resumed,) = train_in_several([Case(**kept)], rendered_archive)
    assert resumed.steps == (5, 6)
    assert difference(whole, resumed) == 0
    assert whole.training.curve[-1].losses == resumed.training.curve[-1].losses


@pytest.mark.slow
def test_dropout_differs_between_processes_and_not_between_runs(rendered_archive):
    case = Case(dropout=0.5)
    (first,), (again,) = (train_in_several([case], rendered_archive) for _ in range(2))
    assert difference(first, again) == 0
    assert difference(first, train(case, rendered_archive)) > BOUND


@pytest.fixture
def alone():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize(
    "options", [{}, {"affine": False}, {"momentum": None}, {"track_running_stats": False}]
)
@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d])
def test_batch_norm_on_the_cpu_is_that_of_torch(kind, options, alone):
    shape = {
        nn.BatchNorm1d: (6, 3, 5),
        nn.BatchNorm2d: (6, 3, 5, 4),
        nn.BatchNorm3d: (4, 3, 2, 5, 4),
    }
    expected, found = kind(3, **options), synchronised(kind(3, **options), CPU)
    assert isinstance(found, HostSyncBatchNorm)
    for _ in range(3):
        values = [
            torch.randn(shape[kind], generator=torch.Generator().manual_seed(0)).requires_grad_()
            for _ in range(2)
        ]
        outputs = [norm(value) for norm, value in zip((expected, found), values, strict=True)]
        for output in outputs:
            output.pow(3).sum().backward()
        torch.testing.assert_close(*outputs)
        torch.testing.assert_close(*(value.grad for value in values), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(expected.state_dict(), found.state_dict())
    torch.testing.assert_close(*(norm.eval()(values[0]) for norm in (expected, found)))
