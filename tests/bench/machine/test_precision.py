import pytest
import torch
from torch import nn

import architectures
from architectures import Prediction
from bench.errors import InputError
from bench.machine.precision import (
    autocast,
    check_precision,
    guard_narrow_convolutions,
    number_format,
)

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Narrow(nn.Module):
    """Its last layer gets images of one pixel of those of 32."""

    def __init__(self, layer):
        super().__init__()
        self.pool, self.layer = nn.AvgPool2d(32), layer
        self.tasks = nn.Conv2d(8, 2, 1)

    def forward(self, background, composite):
        features = self.layer(self.pool(torch.cat([background, composite], 1)))
        return Prediction(*self.tasks(features.float().mean((2, 3), keepdim=True)).split(1, dim=1))


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


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(6, 8, 3, stride=2, padding=1),
        nn.ConvTranspose2d(6, 8, 3, stride=(2, 3), padding=1),
        nn.Conv2d(6, 8, 3, stride=2, padding=1),
    ],
    ids=str,
)
def test_narrow_convolutions_are_guarded_transposed_ones_too(layer):
    model = Narrow(layer)
    assert guard_narrow_convolutions(model, [(32, 32)])
    for size in range(100, 5000, 300):
        stale = [torch.full((size,), float("nan")) for _ in range(20)]
        del stale
        assert gradients(model, precision="bf16").isfinite().all()


def test_a_transposed_convolution_whose_output_is_wide_enough_is_left_alone():
    model = Narrow(nn.ConvTranspose2d(6, 8, 2, stride=2))
    assert not guard_narrow_convolutions(model, [(32, 32)])


def test_the_guard_finds_images_that_are_given_by_name():
    class Layer(nn.Conv2d):
        def forward(self, image):
            return torch.conv2d(input=image, weight=self.weight, bias=self.bias, stride=2)

    assert guard_narrow_convolutions(Narrow(Layer(6, 8, 1)), [(32, 32)])


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


def formats():
    return {
        "products": torch.backends.cuda.matmul.fp32_precision,
        "convolutions": torch.backends.cudnn.conv.fp32_precision,
        "old switches": (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32),
        "trials": torch.backends.cudnn.benchmark,
    }


@pytest.mark.parametrize(
    ("precision", "expected"), [("float32", "ieee"), ("bf16", "ieee"), ("tf32", "tf32")]
)
def test_float32_is_float32_on_cuda_and_tf32_only_where_it_is_asked_for(precision, expected):
    before = formats()
    torch.backends.cudnn.benchmark = True
    with number_format(precision):
        assert formats() == {
            "products": expected,
            "convolutions": expected,
            "old switches": (expected == "tf32",) * 2,
            "trials": False,
        }
        with number_format("float32"):
            assert formats()["convolutions"] == "ieee"
        assert formats()["convolutions"] == expected
    assert torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    assert formats() == before


def test_what_a_network_has_set_by_torchs_new_switches_does_not_matter():
    before = formats()
    with number_format("float32"):
        torch.backends.cudnn.conv.fp32_precision = "tf32"  # the old switch now says otherwise
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        with number_format("float32"):
            assert formats()["convolutions"] == formats()["products"] == "ieee"
    assert formats() == before


@pytest.mark.parametrize(("capability", "there"), [((9, 0), True), ((8, 0), True), ((7, 5), False)])
def test_tf32_needs_a_device_that_has_it(monkeypatch, capability, there):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    for precision in ("float32", "bf16"):
        check_precision(CPU, precision)
    with pytest.raises(InputError, match=r"precision: tf32 needs a CUDA device .* this is cpu"):
        check_precision(CPU, "tf32")
    if there:
        check_precision(CUDA, "tf32")
    else:
        with pytest.raises(InputError, match=r"precision: tf32 needs .* this is cuda"):
            check_precision(CUDA, "tf32")
