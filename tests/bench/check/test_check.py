import io
import math
import re
import time
from pathlib import Path

import pytest
import torch
from rich.console import Console

import architectures
from architectures import Prediction
from bench.check import Finding, Status, check, print_findings
from bench.check.finding import Fault
from bench.check.learning import bf16, overfitting
from bench.check.network_under_test import NetworkUnderTest
from bench.check.scenes import losses, losses_without_looking, render
from bench.cli.options import parse_options
from bench.errors import InputError

NAMES = [
    "heads",
    "sizes",
    "backward",
    "gradients",
    "determinism",
    "bf16",
    "compile",
    "export",
    "overfitting",
]
FAULTY_NETWORKS = Path(__file__).parents[2] / "faulty_networks.py"


def examine(network, **options):
    return {finding.check: finding for finding in check(f"{FAULTY_NETWORKS}:{network}", options)}


def with_status(findings, status):
    return [finding.check for finding in findings.values() if finding.status is status]


def test_a_sound_network_passes_every_check(tiny_network):
    findings = check(tiny_network)
    assert [finding.check for finding in findings] == NAMES
    assert [finding.text for finding in findings if finding.status is not Status.PASSED] == []
    assert findings[NAMES.index("export")].text.endswith("nodes, saved and loaded")


@pytest.mark.parametrize(
    ("network", "failing", "text", "fix"),
    [
        ("DeadHead", "overfitting", "dead head: depth_logits is the same", "connect the head"),
        (
            "WrongSize",
            "heads",
            "mask_logits is (2, 1, 32, 32) for images of 64 x 64 px; it has to be (2, 1, 64, 64)",
            "F.interpolate",
        ),
        (
            "InPlace",
            "backward",
            "an in-place operation changed what backward needs: the result computed at faulty_",
            "write x = x + y in place of x += y",
        ),
        (
            "RandomInEvaluation",
            "determinism",
            "in evaluation mode, the same images twice give another depth",
            "F.dropout takes training=self.training",
        ),
        ("NeedsFloat32", "bf16", "under bf16 autocast, RuntimeError: index_add", "x.new_zeros"),
        (
            "DetachedEncoder",
            "gradients",
            "no gradient reaches encoder (1,224 parameters)",
            "detach()",
        ),
        ("WrongOddSize", "sizes", "mask_logits is (1, 1, 32, 46) for images of 33 x 47", "crop"),
        ("CrashesAtOddSizes", "sizes", "crashed for one image of 33 x 47 px", "skip.shape"),
        ("UnseededWeights", "determinism", "these differ: mask_head.weight", "nn.init"),
        ("UnseededDropout", "determinism", "in training mode", "torch's global generator"),
        (
            "UnusedLayers",
            "gradients",
            "no gradient reaches scale, classifier (9,000 parameters)",
            "remove what forward does not use",
        ),
        ("DetachedHead", "backward", "the mask head depends on no parameter", "detach()"),
        ("NoDepth", "heads", "the depth head is missing", "tasks"),
        ("Pair", "heads", "forward returned a tuple", "return Prediction("),
        ("NotANumber", "heads", "mask_logits is not finite", "division by zero"),
        ("CannotLearn", "overfitting", "eight images were not learned", "logits"),
    ],
)
def test_a_planted_fault_is_named_by_its_check_alone(network, failing, text, fix):
    findings = examine(network)
    assert with_status(findings, Status.FAILED) == [failing]
    assert text in findings[failing].text
    assert fix in findings[failing].fix


def test_a_fault_without_which_others_make_no_sense_skips_them():
    findings = examine("InPlace")
    assert with_status(findings, Status.SKIPPED) == [
        "gradients",
        "determinism",
        "bf16",
        "compile",
        "overfitting",
    ]
    assert findings["gradients"].text == "needs the check 'backward' to pass"
    assert findings["sizes"].status is findings["export"].status is Status.PASSED


def test_the_line_of_an_in_place_fault_is_that_of_the_result_that_was_overwritten():
    source = FAULTY_NETWORKS.read_text(encoding="utf-8").splitlines()
    place = examine("InPlace")["backward"].text.rpartition(":")[2]
    assert source[int(place) - 1].strip() == "gate = features.sigmoid()"


def test_a_network_that_crashes_is_a_finding(tiny_network):
    findings = {finding.check: finding for finding in check(tiny_network, {"crashes": True})}
    assert "OutOfMemoryError: tried to allocate (tiny_network.py:" in findings["heads"].text
    assert with_status(findings, Status.SKIPPED) == NAMES[1:]


def test_weights_that_start_at_zero_are_not_dead():
    assert with_status(examine("ZeroAtTheStart"), Status.PASSED) == NAMES


def test_a_frozen_part_is_a_warning():
    finding = examine("FrozenEncoder")["gradients"]
    assert finding.status is Status.WARNING
    assert "encoder.0 (1,208 parameters)" in finding.text


def test_what_cannot_be_captured_is_a_warning_with_the_reason_and_the_line(capfd):
    findings = examine("BranchesOnValues")
    assert with_status(findings, Status.WARNING) == ["compile", "export"]
    assert with_status(findings, Status.FAILED) == []
    source = FAULTY_NETWORKS.read_text(encoding="utf-8").splitlines()
    branch = source.index("        if features.mean() > 0:") + 1
    assert "data-dependent" in findings["compile"].text
    assert findings["compile"].fix == "Use `torch.cond` to express dynamic control flow"
    for name in ("compile", "export"):
        assert findings[name].text.count(f"faulty_networks.py:{branch}") == 1
    assert capfd.readouterr() == ("", "")


def test_a_head_that_was_not_asked_for_is_a_fault_and_one_alone_is_none():
    one = {finding.check: finding for finding in check("unet", {"width": 0.125, "tasks": "mask"})}
    assert with_status(one, Status.PASSED) == NAMES
    assert one["heads"].text == "mask: full size, finite"


def test_torch_is_left_as_it_was(tiny_network):
    torch.set_num_threads(2)
    try:
        state = torch.get_rng_state()
        check(tiny_network)
        assert torch.equal(torch.get_rng_state(), state)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_no_check_begins_when_the_time_is_up(tiny_network):
    started = time.monotonic()
    findings = check(tiny_network, longest_s=0)
    assert {finding.status for finding in findings} == {Status.SKIPPED}
    assert findings[0].text == "the time was up"
    assert time.monotonic() - started < 5


@pytest.fixture
def overfit():
    def overfit(network, seconds):
        deadline = time.monotonic() + seconds
        spec = f"{FAULTY_NETWORKS}:{network}"
        return overfitting(NetworkUnderTest(spec, {}, seed=0, deadline=deadline))

    return overfit


@pytest.mark.parametrize("network", ["OfFewParameters", "OfTwoChannels"])
def test_a_correct_network_of_few_parameters_passes(overfit, network):
    assert "of the loss without looking" in overfit(network, 60)


@pytest.mark.parametrize("network", ["LearnsPlacesOnly", "ReturnsProbabilities"])
def test_a_network_that_does_not_learn_from_what_it_sees_fails(overfit, network):
    with pytest.raises(Fault, match="eight images were not learned"):
        overfit(network, 60)


def test_a_slow_network_only_has_to_fall_well_below_the_loss_at_the_start(overfit):
    assert re.fullmatch(
        r"the loss fell to \d+% in \d+ steps; there was no time for more", overfit("Slow", 1.5)
    )


def test_a_slow_head_that_is_dead_is_told_all_the_same(overfit):
    with pytest.raises(Fault, match="dead head: depth_logits"):
        overfit("SlowDeadHead", 1.5)


def test_a_network_too_slow_for_a_single_step_is_not_judged(overfit):
    with pytest.raises(Fault, match="time for 0 steps only") as caught:
        overfit("Slow", 0)
    assert caught.value.status is Status.WARNING


def test_what_cannot_be_built_is_an_input_error():
    with pytest.raises(InputError, match="unknown architecture 'unett'; did you mean 'unet'"):
        check("unett")
    with pytest.raises(InputError, match="takes no option 'widht'"):
        check("unet", {"widht": 1})


def test_a_head_that_does_not_look_gains_nothing_on_its_own_scenes():
    scenes = render(8, 32, 32)
    same_for_all = Prediction(
        *(t.mean(0, keepdim=True).expand_as(t).logit(eps=0.01) for t in (scenes.mask, scenes.depth))
    )
    without = losses_without_looking(same_for_all, scenes)
    assert without == pytest.approx({h: v.item() for h, v in losses(same_for_all, scenes).items()})


def test_without_looking_no_head_loses_more_than_by_one_value_for_all_pixels():
    scenes = render(8, 32, 32)
    confident = 50 * (2 * scenes.mask - 1)  # right for its own scene, and far off for the others
    without = losses_without_looking(Prediction(confident, confident), scenes)
    p = scenes.mask.mean().item()
    assert without["mask"] == pytest.approx(-p * math.log(p) - (1 - p) * math.log(1 - p), rel=1e-4)
    assert without["depth"] == pytest.approx(scenes.depth.var(correction=0).item(), rel=1e-4)


def test_what_one_prediction_for_all_scenes_can_lose_is_a_bound():
    # Whoever is below 70 % of the loss of the mean scene is below 70 % of what is asked, too.
    scenes = render(8, 32, 32)
    generator = torch.Generator().manual_seed(0)
    mean = scenes.depth.mean(0, keepdim=True)
    best = (scenes.depth - mean).square().mean().item()
    for scale in (0.1, 1, 10):
        random = scale * torch.randn(8, 1, 32, 32, generator=generator)
        assert losses_without_looking(Prediction(None, random), scenes)["depth"] >= best


@pytest.mark.parametrize(
    ("assignments", "options"),
    [
        ([], {}),
        (["width=0.25", "tasks=[mask]"], {"width": 0.25, "tasks": ["mask"]}),
        (["encoder_weights=a=b.pt"], {"encoder_weights": "a=b.pt"}),
    ],
)
def test_options_are_read_as_in_a_grid(assignments, options):
    assert parse_options(assignments) == options


@pytest.mark.parametrize("assignment", ["width", "=1", "width=[1"])
def test_an_option_that_is_no_assignment_is_an_input_error(assignment):
    with pytest.raises(InputError, match="--option"):
        parse_options([assignment])


def test_the_table_says_what_failed_and_how_to_fix_it():
    console = Console(width=60, file=io.StringIO())
    findings = [
        Finding("heads", Status.PASSED, "mask [and] depth"),
        Finding("bf16", Status.FAILED, "crashed in [b]", "cast to x.dtype"),
    ]
    print_findings(console, "mine.py:net", findings)
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]
    assert "Check: mine.py:net" in lines
    assert "heads passed mask [and] depth" in lines
    assert lines[lines.index("bf16 failed crashed in [b]") + 1] == "fix: cast to x.dtype"
    assert lines[-1] == "failed: bf16"


@pytest.mark.parametrize(
    "name",
    [
        name if name in {"unet", "dilated_twin"} else pytest.param(name, marks=pytest.mark.slow)
        for name in architectures.names()
    ],
)
def test_every_registered_network_passes(name):
    # However busy the machine is.
    found = check(name, {"width": 0.125}, longest_s=600)
    findings = {finding.check: finding for finding in found}
    assert with_status(findings, Status.PASSED) == NAMES


def test_bf16_is_tried_as_it_is_trained_whatever_memory_held_before():
    # Of narrow images torch's bf16 convolutions read what nothing wrote: here it is no number.
    counts = [10**2, 10**3, 10**4, 10**5, 10**6, 3 * 10**6] * 3
    for seed in range(1, 5):
        subject = NetworkUnderTest(
            "unet_additive", {"width": 0.125}, seed=seed, deadline=time.monotonic() + 600
        )
        taken = [torch.full((count,), math.nan) for count in counts]
        del taken
        assert bf16(subject) == "forward and backward under autocast"
