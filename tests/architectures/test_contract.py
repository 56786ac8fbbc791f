"""Every architecture by name keeps the contract; a new one is tested by being there."""

import io
import subprocess
import sys

import pytest
import torch

import architectures
from architectures.contract import normalize_options

WIDTH = 0.25


def images(height, width, batch=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, batch, 3, height, width, generator=generator).unbind()


@pytest.fixture(scope="module", params=architectures.names())
def name(request):
    return request.param


@pytest.fixture(scope="module")
def network(name):
    return architectures.create(name, width=WIDTH)


def full_size(prediction):
    return prediction.mask_logits, prediction.depth_logits


def test_at_an_odd_size_both_heads_are_full_size_and_gradients_reach_every_parameter(network):
    prediction = network(*images(33, 47))
    assert [tuple(logits.shape) for logits in full_size(prediction)] == [(2, 1, 33, 47)] * 2
    sum(logits.square().mean() for logits in full_size(prediction)).backward()
    dead = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    network.zero_grad()
    assert not dead


def test_the_smallest_size_is_32_px_in_bf16_and_channels_last(network):
    background, composite = (
        x.to(memory_format=torch.channels_last) for x in images(32, 32, batch=3)
    )
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        prediction = network(background, composite)
    assert isinstance(prediction, architectures.Prediction)
    for logits in full_size(prediction):
        assert logits.shape == (3, 1, 32, 32)
        assert logits.isfinite().all()


@pytest.mark.parametrize("task", architectures.TASKS)
def test_a_network_of_one_task_that_sees_the_composite_alone(name, task):
    one = architectures.create(name, width=WIDTH, inputs="composite", tasks=[task]).eval()
    background, composite = images(32, 40, batch=1)
    with torch.no_grad():
        prediction = one(background, composite)
        elsewhere = one(torch.zeros_like(background), composite)
    other = architectures.TASKS[1 - architectures.TASKS.index(task)]
    assert getattr(prediction, f"{other}_logits") is None
    logits = getattr(prediction, f"{task}_logits")
    assert logits.shape == (1, 1, 32, 40)
    assert torch.equal(logits, getattr(elsewhere, f"{task}_logits"))


def test_a_pair_network_sees_both_images(network):
    background, composite = images(32, 32)
    other_background, other_composite = images(32, 32, seed=1)
    with torch.no_grad():
        here = full_size(network(background, composite))
        for pair in ((other_background, composite), (background, other_composite)):
            for logits, others in zip(here, full_size(network(*pair)), strict=True):
                assert not torch.allclose(logits, others)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_state_alone(name, network):
    before = torch.get_rng_state()
    same = architectures.create(name, width=WIDTH, seed=0).state_dict()
    other = architectures.create(name, width=WIDTH, seed=1).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    initial = {n: p for n, p in network.named_parameters() if p.ndim > 1}
    assert all(torch.equal(same[n], p) for n, p in initial.items())
    assert not any(torch.equal(other[n], p) for n, p in initial.items())


def test_width_scales_the_whole_network(name):
    with torch.device("meta"):
        full, half = (
            sum(p.numel() for p in architectures.create(name, width=w).parameters())
            for w in (1, 0.5)
        )
    assert full / 4.4 < half < full / 3.6  # parameters go with the square of the channels


def test_a_prediction_survives_compilation_without_a_graph_break():
    torch._dynamo.reset()
    network = architectures.create("dilated_twin", width=0.125).eval()
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    with torch.no_grad():
        expected, found = network(*images(32, 32)), compiled(*images(32, 32))
    assert isinstance(found, architectures.Prediction)
    assert torch.allclose(found.mask_logits, expected.mask_logits)


@pytest.mark.parametrize(
    "name",
    [
        name if name == "unet" else pytest.param(name, marks=pytest.mark.slow)
        for name in architectures.names()
    ],
)
def test_a_network_is_exported_saved_and_loaded(name):
    network = architectures.create(name, width=0.0625).eval()
    file = io.BytesIO()
    with torch.no_grad():
        torch.export.save(torch.export.export(network, images(32, 64)), file)
        file.seek(0)
        found = torch.export.load(file).module()(*images(32, 64, seed=1))
        expected = network(*images(32, 64, seed=1))
    assert isinstance(found, architectures.Prediction)
    for logits, others in zip(full_size(found), full_size(expected), strict=True):
        assert torch.allclose(logits, others, atol=1e-5)


@pytest.mark.slow
def test_a_saved_program_is_loaded_where_no_network_was_created(tmp_path):
    network = architectures.create("unet", width=0.0625).eval()
    program = torch.export.export(network, images(32, 64))
    torch.export.save(program, tmp_path / "network.pt2")
    code = (
        "import torch, architectures.exporting; "
        f"torch.export.load({str(tmp_path / 'network.pt2')!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_are_listed_without_importing_torch():
    code = (
        "import architectures, sys; print(*architectures.names()); "
        "sys.exit('torch' in sys.modules or 'timm' in sys.modules)"
    )
    listed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert listed.stdout.split() == architectures.names()
    assert "unet" in architectures.names()


def test_options_are_brought_to_one_spelling():
    options = {"tasks": ["depth", "mask"], "width": 1, "encoder_weights": "none", "own": 3}
    assert normalize_options(options) == {
        "tasks": ("mask", "depth"),
        "width": 1.0,
        "encoder_weights": None,
        "own": 3,
    }
    assert normalize_options({"tasks": "depth"}) == {"tasks": ("depth",)}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            {"inputs": "pairs"},
            "inputs='pairs' is none of 'pair', 'composite'; did you mean 'pair'?",
        ),
        ({"tasks": "masks"}, "tasks='masks': there is no task 'masks'; give one or both of"),
        (
            {"tasks": ["mask", "flow"]},
            "there is no task 'flow'; give one or both of 'mask', 'depth'",
        ),
        ({"tasks": []}, "tasks=[] is no list of tasks; give one or both of 'mask', 'depth'"),
        ({"tasks": ["mask", "mask"]}, "tasks=['mask', 'mask'] is no list of tasks"),
        ({"tasks": 3}, "tasks=3 is no list of tasks"),
        ({"width": 0}, "width=0 is no number above 0"),
        ({"width": -1.0}, "width=-1.0 is no number above 0"),
        ({"width": "half"}, "width='half' is no number above 0"),
        ({"width": True}, "width=True is no number above 0"),
        ({"width": float("nan")}, "width=nan is no number above 0"),
        (
            {"encoder_weights": "imagnet"},
            "encoder_weights='imagnet' is neither 'imagenet', 'none' nor an existing file",
        ),
        (
            {"encoder_weights": "imagenet", "width": 0.5},
            "encoder_weights='imagenet' fit the published network only: leave width at 1 (not 0.5)",
        ),
    ],
)
def test_a_value_that_an_option_cannot_take_is_told_before_anything_is_built(options, line):
    with pytest.raises(architectures.ArchitectureError) as caught:
        architectures.check_options("resnet50_upproj", options)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
