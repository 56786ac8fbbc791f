"""What every loss promises; a new loss is tested by being there."""

import math
import pickle

import pytest
import torch

import losses

SHAPE = (3, 2, 12, 14)


@pytest.fixture(params=losses.names())
def loss(request):
    return losses.load(request.param)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def logits(generator):
    return torch.randn(SHAPE, generator=generator)


@pytest.fixture
def target(generator):
    return torch.rand(SHAPE, generator=generator)


@pytest.fixture
def valid(generator):
    """Holes in every image, the same in both channels."""
    return (torch.rand(3, 1, 12, 14, generator=generator) > 0.1).float()


def gradient(loss, logits, target, valid=None):
    logits = logits.clone().requires_grad_()
    loss(logits, target, valid).sum().backward()
    return logits.grad


def test_describes_itself(loss):
    assert loss.takes in {"logits", "probabilities"}
    assert loss.bounds[0] < loss.bounds[1]
    assert loss.summary.endswith(".")
    assert set(loss.requires) <= set(loss.defaults)
    assert all(loss.accepts(option, default) for option, default in loss.defaults.items())


@pytest.mark.parametrize("kind", ["grey", "hard", "empty", "full"])
def test_minimum_is_reached_by_a_perfect_prediction(loss, target, kind):
    if loss.name == "sparsity":
        kind = "empty"  # It ignores the target; what it asks for is the empty image.
    target = {
        "grey": target,
        "hard": target.round(),
        "empty": torch.zeros(SHAPE),
        "full": torch.ones(SHAPE),
    }[kind]
    perfect = target.logit().clamp(-100, 100)
    assert loss(perfect, target) == pytest.approx(loss.minimum, abs=1e-5)
    assert gradient(loss, perfect, target).isfinite().all()


def test_any_other_prediction_is_worse(loss, logits, target):
    assert (loss(logits, target) > loss.minimum + 1e-3).all()


@pytest.mark.parametrize("scale", [0.1, 1, 10, 100])
def test_bounds_hold(loss, logits, target, valid, scale):
    for image in (target, target.round()):
        value = loss(logits * scale, image, valid)
        assert (value >= loss.bounds[0] - 1e-6).all()
        assert (value <= loss.bounds[1] + 1e-6).all()


def test_each_image_has_its_own_value(loss, logits, target, valid):
    together = loss(logits, target, valid)
    assert together.shape == (3,)
    for i in range(3):
        alone = loss(logits[i : i + 1], target[i : i + 1], valid[i : i + 1])
        assert alone.item() == pytest.approx(together[i].item(), rel=1e-5)


def test_a_mask_of_ones_changes_nothing(loss, logits, target):
    assert loss(logits, target, torch.ones(3, 1, 12, 14)).equal(loss(logits, target))


def test_a_mask_may_have_the_channels_of_the_target(loss, logits, target, valid):
    assert loss(logits, target, valid.expand(SHAPE)).equal(loss(logits, target, valid))


@pytest.mark.parametrize("junk", [0.0, 1.0, 1e30, math.inf, math.nan])
def test_an_invalid_pixel_counts_for_nothing(loss, logits, target, valid, junk):
    hole = valid.expand(SHAPE) == 0
    value, slope = loss(logits, target, valid), gradient(loss, logits, target, valid)
    logits, target = logits.masked_fill(hole, junk), target.masked_fill(hole, junk)
    assert loss(logits, target, valid).equal(value)
    assert gradient(loss, logits, target, valid).equal(slope)
    assert (slope[hole] == 0).all()


def test_valid_pixels_do_count(loss, logits, target, valid):
    slope = gradient(loss, logits, target, valid)
    # Not all: a gradient needs valid neighbours, and signs may cancel.
    assert (slope[valid.expand(SHAPE) == 1] != 0).float().mean() > 0.5


def test_an_image_without_valid_pixels_is_0(loss, logits, target, valid):
    valid[1] = 0
    slope = gradient(loss, logits, target, valid)
    assert loss(logits, target, valid)[1] == 0
    assert (slope[1] == 0).all()
    assert slope.isfinite().all()
    assert (slope[0] != 0).any()


def test_gradient_is_the_derivative(loss, generator):
    # One pixel keeps the largest error of its image and is not moved, because the threshold of
    # berhu, a share of that error, is meant to be a constant of the step.
    shape = (1, 1, 6, 7)
    logits = torch.randn(shape, dtype=torch.float64, generator=generator)
    target = torch.rand(shape, dtype=torch.float64, generator=generator)
    valid = torch.rand(shape, generator=generator) > 0.2
    worst = torch.zeros(shape, dtype=torch.bool)
    worst[:, :, 3, 3] = True
    target[worst], valid[worst] = 0.0, True

    def of_the_other_pixels(free):
        return loss(free.where(~worst, 10.0), target, valid)

    assert torch.autograd.gradcheck(of_the_other_pixels, logits.requires_grad_())


def test_autocast_does_not_lower_the_precision(loss, logits, target, valid):
    logits = logits.bfloat16()
    expected = loss(logits.float(), target, valid)
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(logits, target, valid)
        slope = gradient(loss, logits, target, valid)
    assert value.dtype == torch.float32
    assert value.equal(expected)
    assert slope.isfinite().all()


def test_float64_stays_float64(loss, logits, target):
    assert loss(logits.double(), target.double()).dtype == torch.float64


def test_channels_last_has_the_same_value(loss, logits, target, valid):
    tensors = (logits, target, valid)
    channels_last = (tensor.to(memory_format=torch.channels_last) for tensor in tensors)
    torch.testing.assert_close(loss(*channels_last), loss(*tensors))


def test_shapes_must_agree(loss, logits, target):
    with pytest.raises(ValueError, match=rf"{loss.name} .*\(3, 2, 12, 14\) and \(3, 1, 12, 14\)"):
        loss(logits, target[:, :1])


def test_pickles_by_name(loss):
    assert pickle.loads(pickle.dumps(loss)) is loss  # noqa: S301 - our own pickle


def test_all_losses_compile_into_one_graph(logits, target, valid):
    objective = losses.parse(" + ".join(losses.names()))
    expected = objective(logits, target, valid)
    compiled = torch.compile(objective, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(logits, target, valid), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_has_the_same_value(loss, logits, target, valid):
    with torch.autocast("cuda", torch.bfloat16):
        value = loss(logits.cuda(), target.cuda(), valid.cuda())
    torch.testing.assert_close(value.cpu(), loss(logits, target, valid), rtol=1e-4, atol=1e-5)
