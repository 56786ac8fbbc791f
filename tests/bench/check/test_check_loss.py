"""`bench check` of a loss: a planted fault is named by the check that it is for."""

from pathlib import Path

import pytest

import losses
from bench.check import Status, check_loss, check_metric, kind_of
from bench.errors import InputError

FAULTY = Path(__file__).parents[2] / "faulty_losses.py"
NAMES = ["values", "minimum", "bounds", "images", "invalid pixels", "gradient"]

LOSS = """
from losses.loss import loss

@loss(takes="probabilities", bounds=(0, 1), requires={})
def soft_dice(probabilities, target, valid):
    ...
"""
METRIC = """
from bench.evaluation.metric import metric

@metric(label="share", task="mask", reads=("tp",), higher_is_better=True, decimals=3)
def share(sums):
    return sums["tp"]
"""


def examine(name, **options):
    return {finding.check: finding for finding in check_loss(f"{FAULTY}:{name}", options)}


def with_status(findings, status):
    return [finding.check for finding in findings.values() if finding.status is status]


def test_a_sound_loss_passes_every_check_with_its_options_too():
    for options in ({}, {"factor": 2}):
        findings = examine("sound", **options)
        assert with_status(findings, Status.PASSED) == NAMES
    assert findings["minimum"].text == "0 at a perfect prediction"


@pytest.mark.parametrize("name", losses.names())
def test_no_loss_of_the_project_fails(name):
    found = {finding.check: finding for finding in check_loss(name)}
    expected = NAMES if name != "sparsity" else [one for one in NAMES if one != "minimum"]
    assert with_status(found, Status.PASSED) == expected


@pytest.mark.parametrize(
    ("name", "failing", "text", "fix"),
    [
        (
            "one_for_the_batch",
            ["values"],
            "returned () for 3 images",
            "masked_mean(values, valid)",
        ),
        (
            "empty_mask",
            ["values"],
            "is not finite on an empty mask",
            "zero",
        ),
        (
            "plain_entropy",
            ["minimum"],
            # Of 4096 values in [0, 1], on average 0.5 in nats.
            "a perfect prediction of a grey target has 0.5",
            "subtract what a perfect prediction has",
        ),
        ("out_of_bounds", ["bounds"], "is not in (0, 0.1)", "mend bounds"),
        (
            "of_the_batch",
            ["images", "invalid pixels"],  # one without valid pixels has the others' mean
            "another value in a batch than alone",
            "never over the batch",
        ),
        (
            "ignores_valid",
            ["invalid pixels"],
            # |sigmoid(1) - 0.25| = 0.481059, and a quarter of it
            "a constant error has 0.481059 where every pixel is valid, and 0.120265 where a qua",
            "masked_mean",
        ),
        ("no_valid_pixel", ["invalid pixels"], "without valid pixels has nan", "no less than 1"),
        ("root_of_zero", ["gradient"], "the gradient is not finite on", "root"),
        (
            "detached",
            ["gradient"],
            "a small step against the gradient does not lower it",
            "detach()",
        ),
        (
            "crashes",
            ["values"],
            "RuntimeError: mat1 and mat2 shapes cannot be multiplied",
            "mend what the message names",
        ),
    ],
)
def test_a_planted_fault_is_named_by_its_checks(name, failing, text, fix):
    findings = examine(name)
    assert with_status(findings, Status.FAILED) == failing
    assert text in findings[failing[0]].text
    assert fix in findings[failing[0]].fix


def test_a_loss_that_does_not_look_at_the_target_is_a_warning():
    finding = examine("regulariser")["minimum"]
    assert finding.status is Status.WARNING
    assert finding.text == "does not depend on the target, as a regulariser"


def test_the_line_that_crashed_is_named_and_what_needs_a_value_is_skipped():
    source = FAULTY.read_text().splitlines()
    (number,) = [n for n, line in enumerate(source, 1) if "torch.ones(7)" in line]
    findings = examine("crashes")
    assert findings["values"].text.endswith(f"(faulty_losses.py:{number})")
    assert with_status(findings, Status.SKIPPED) == NAMES[1:]


def test_what_cannot_be_checked_is_an_input_error():
    with pytest.raises(InputError, match="no @loss is called 'soun'; did you mean 'sound'"):
        check_loss(f"{FAULTY}:soun")
    with pytest.raises(InputError, match=r"factor=-1 .*; factor is a number above 0"):
        check_loss(f"{FAULTY}:sound", {"factor": -1})


def test_a_name_is_of_the_kind_that_its_file_says(tiny_network, tmp_path):
    assert kind_of(f"{FAULTY}:sound") == kind_of("ssim") == kind_of("dice") == "loss"
    assert kind_of("iou") == "metric"
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0\n")
    for name in (
        "unet",
        tiny_network,
        f"{broken}:net",
        "lost.py:net",
        "smp:Unet/resnet34",
    ):
        assert kind_of(name) == "architecture"


@pytest.mark.parametrize(("wrong", "near"), [("unett", "unet"), ("bec", "bce"), ("iuo", "iou")])
def test_a_name_that_nothing_has_is_told_with_the_nearest_of_every_kind(wrong, near):
    with pytest.raises(InputError) as caught:
        kind_of(wrong)
    said = f"unknown architecture, loss or metric {wrong!r}; did you mean {near!r}? (choices: "
    assert str(caught.value).startswith(said)
    assert str(caught.value).count(" dice,") == 1  # a loss and a metric


def test_of_a_name_that_a_file_lacks_the_names_that_it_has_are_told(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(f"{LOSS}\n{METRIC}\ndef narrow_net(inputs='pair'):\n    ...\n")
    assert kind_of(f"{file}:soft_dise") == "loss"
    assert kind_of(f"{file}:shares") == "metric"
    assert kind_of(f"{file}:narow_net") == "architecture"
    for text, kind, name, check in (
        (LOSS, "loss", "soft_dice", check_loss),
        (METRIC, "metric", "share", check_metric),
    ):
        file = tmp_path / f"only_{kind}.py"
        file.write_text(text)
        assert kind_of(f"{file}:nope") == kind
        with pytest.raises(InputError, match=rf"no @{kind} is called 'nope' \(choices: {name}\)$"):
            check(f"{file}:nope")
