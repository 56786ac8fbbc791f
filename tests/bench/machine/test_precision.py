import pytest
import torch

import architectures
from bench.machine.precision import autocast, guard_narrow_convolutions

CPU = torch.device("cpu")


def gradients(model, *, precision):
    image = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    model.zero_grad(set_to_none=True)
    with autocast(CPU, precision):
        prediction = model(image, image)
    (prediction.mask_logits.float().mean() + prediction.depth_logits.float().mean()).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def test_bf16_gradients_of_narrow_images_do_not_depend_on_what_memory_held_before():
    # At 32 px the deepest strided convolution of this network sees images of one pixel.
    model = architectures.create("unet_additive", width=0.125)
    assert guard_narrow_convolutions(model, [(32, 32)])
    first = gradients(model, precision="bf16")
    assert first.isfinite().all()
    for size in range(1000, 20000, 1000):
        stale = [torch.full((size,), float("nan")) for _ in range(20)]
        del stale  # memory that is read without having been written now holds NaN
        assert torch.equal(gradients(model, precision="bf16"), first)


def test_a_network_that_never_gets_narrow_is_left_alone(tiny_network):
    model = architectures.create(tiny_network)
    assert not guard_narrow_convolutions(model, [(32, 32), (64, 64)])
    assert "forward" not in vars(model)
    assert model.training


@pytest.mark.parametrize("precision", ["bf16", "float32"])
def test_the_guard_changes_no_result_in_the_forward_pass(precision):
    images = torch.rand(2, 3, 32, 32)
    plain = architectures.create("unet_additive", width=0.125).eval()
    guarded = architectures.create("unet_additive", width=0.125).eval()
    guard_narrow_convolutions(guarded, [(32, 32)])
    with torch.no_grad(), autocast(CPU, precision):
        expected, found = plain(images, images), guarded(images, images)
    for task in ("mask_logits", "depth_logits"):
        one, other = getattr(expected, task), getattr(found, task)
        assert other.float() == pytest.approx(one.float(), abs=0.02)
