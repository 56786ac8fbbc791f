"""`bench check` of a metric: a planted fault is named by the check that it is for."""

import pytest

from bench.check import Status, check_metric, kind_of
from bench.errors import InputError
from bench.evaluation import metrics

NAMES = ["columns", "bounds", "best", "order"]
SOUND = """
import numpy as np
from bench.evaluation.metric import metric

@metric(label="misses", task="mask", reads=("tp", "fn"), higher_is_better=False, decimals=3,
        minimum=0, maximum=1)
def misses(sums):
    return sums["fn"] / (sums["tp"] + sums["fn"]).replace(0, np.nan)
"""


@pytest.fixture
def examine(tmp_path):
    def examine(*change):
        path = tmp_path / "mine.py"
        path.write_text(SOUND.replace(*change) if change else SOUND)
        spec = f"{path}:misses"
        assert kind_of(spec) == "metric"
        return {finding.check: finding for finding in check_metric(spec)}

    return examine


def failed(findings):
    return [finding.check for finding in findings.values() if finding.status is Status.FAILED]


@pytest.mark.parametrize("name", metrics.names())
def test_every_metric_of_the_project_passes(name):
    findings = check_metric(name)
    assert [finding.check for finding in findings] == NAMES
    assert [finding.text for finding in findings if finding.status is not Status.PASSED] == []


def test_a_sound_metric_of_a_users_file_passes(examine):
    findings = examine()
    assert failed(findings) == []
    assert findings["columns"].text == "reads tp, fn; one value an image"
    assert findings["bounds"].text == "between 0 and 1"
    assert findings["best"].text == "0 for a perfect prediction, and no other is better"


@pytest.mark.parametrize(
    ("change", "failing", "text", "fix"),
    [
        (('"tp", "fn")', '"tp", "fns")'), "columns", "reads the unknown column 'fns'", "sums.py"),
        # An empty mask misses all: 1 in the mean over the images with an object.
        (("maximum=1", "maximum=0.9"), "bounds", "an empty mask and the nearest depth: ", "mend"),
        (
            ("higher_is_better=False", "higher_is_better=True"),
            "best",
            "better than the 0.0",
            "turn",
        ),
        (
            ('return sums["fn"]', 'return sums["fn"].cumsum() / 5000'),
            "order",
            "depends on the order of the images",
            "each row",
        ),
    ],
)
def test_a_planted_fault_is_named_by_its_check(examine, change, failing, text, fix):
    findings = examine(*change)
    assert failing in failed(findings)
    assert text in findings[failing].text
    assert fix in findings[failing].fix


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ("minimum=0, maximum=1", "between 0 and 1"),
        ("minimum=0.0", "finite and at least 0"),
        ("maximum=1.5", "finite and at most 1.5"),
        ("", "finite"),
    ],
)
def test_the_range_of_a_metric_is_told_in_words(examine, limits, words):
    assert examine("minimum=0, maximum=1", limits)["bounds"].text == words


def test_an_image_with_nothing_to_measure_may_not_be_worth_infinity(examine):
    division = '["fn"] / (sums["tp"] + sums["fn"]).replace(0, np.nan)'
    findings = examine(f"return sums{division}", 'return 1 / (sums["tp"] + sums["fn"])')
    assert "inf is not between 0" in findings["bounds"].text
    assert "counts nowhere" in findings["bounds"].fix


def test_what_cannot_be_imported_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="there is no Python file lost"):
        check_metric("lost.py:misses")
