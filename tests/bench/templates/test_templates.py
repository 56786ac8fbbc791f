"""Every template works as it is, under any name, and takes the place of nothing."""

import re
import time
import zipfile
from pathlib import Path

import canonical_archive
import pandas as pd
import pytest
import torch

import architectures
import losses
from bench.check import Status, check, check_loss, check_metric, kind_of
from bench.check.learning import overfitting
from bench.check.network_under_test import NetworkUnderTest
from bench.cli.data.check import check as check_data
from bench.cli.new import new
from bench.data.layouts import open_layouts
from bench.errors import InputError
from bench.evaluation import metrics
from bench.settings import grid_file
from bench.templates import NAME, Kind, write


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def not_passed(findings):
    return {f.check: f.text for f in findings if f.status is not Status.PASSED}


def test_the_network_passes_every_check():
    spec = f"{write(Kind.ARCHITECTURE, 'fresh_network')}:fresh_network"
    assert kind_of(spec) == "architecture"
    assert not_passed(check(spec, longest_s=600)) == {}
    images = torch.rand(2, 2, 3, 33, 47)
    prediction = architectures.create(spec, inputs="composite", tasks=["depth"])(*images)
    assert prediction.mask_logits is None
    assert prediction.depth_logits.shape == (2, 1, 33, 47)


def test_the_network_learns_in_a_fraction_of_the_steps_that_it_may_take():
    spec = f"{write(Kind.ARCHITECTURE, 'quick_to_learn')}:quick_to_learn"
    for seed in (1, 2, 3):
        found = overfitting(NetworkUnderTest(spec, {}, seed=seed, deadline=time.monotonic() + 600))
        steps = re.search(r"^below 70% of .* after (\d+) of 200 steps", found)
        assert int(steps[1]) < 100


def test_the_loss_passes_every_check_and_is_what_it_says():
    spec = f"{write(Kind.LOSS, 'fresh_loss')}:fresh_loss"
    assert kind_of(spec) == "loss"
    assert not_passed(check_loss(spec)) == not_passed(check_loss(spec, {"softness": 0.3})) == {}
    objective = losses.parse(f"2*{spec}(softness=0.75)")
    # p = 1/2, t = 1: twice sqrt(1 + 9/4) / 2 - 3/4.
    value = objective(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).item()
    assert value == pytest.approx(2 * (3.25**0.5 / 2 - 0.75))


def test_the_metric_passes_every_check_and_is_what_it_says():
    spec = f"{write(Kind.METRIC, 'fresh_metric')}:fresh_metric"
    assert kind_of(spec) == "metric"
    assert not_passed(check_metric(spec)) == {}
    metric = metrics.load(spec)
    assert metric.name == "fresh_metric.py:fresh_metric"
    assert metric.value(pd.DataFrame({"tp": [3, 0, 0], "fn": [1, 2, 0]})) == (0.25 + 1) / 2


def test_the_layout_reads_an_archive_that_is_named_so(capsys):
    path = write(Kind.LAYOUT, "fresh")
    found = canonical_archive.entries(samples=8)
    with zipfile.ZipFile("fresh.zip", "w") as archive:
        for name, content in found.items():
            place, _, file = name.rpartition("/")
            if place == "background":
                archive.writestr(f"background/{file.replace('.png', '.jpg')}", content)
            elif place:
                number = int(file.removeprefix("s").removesuffix(".png"))
                ending = "jpg" if place == "composite" else "png"
                archive.writestr(f"{place}/b{number % 2}_{number}.{ending}", content)
    (layout,) = open_layouts(grid_file.load(path).data.sources()[0])
    layout.require_partners()
    assert layout.name == "patterns"
    assert layout.kinds() == ("background", "composite", "mask", "depth")
    assert sorted(zip(layout.samples["key"], layout.samples["background"], strict=True)) == sorted(
        (f"b{number % 2}_{number}", f"b{number % 2}") for number in range(8)
    )
    check_data(grid=path)
    assert "8 samples" in capsys.readouterr().out


@pytest.mark.parametrize("kind", Kind)
def test_the_name_is_put_in_everywhere_and_nothing_is_overwritten(kind):
    path = write(kind, "chosen_name")
    text = path.read_text()
    assert path.stem == "chosen_name"
    assert "chosen_name" in text
    assert NAME not in text
    path.write_text("mine\n")
    with pytest.raises(InputError, match=r"^chosen_name\..* exists already; give another name, or"):
        write(kind, "chosen_name")
    assert path.read_text() == "mine\n"


def test_the_command_prints_what_to_type_next(capsys, folder):
    new(Kind.LOSS, "soft", Path("parts/mine.py"))
    assert capsys.readouterr().out.splitlines() == [
        "wrote parts/mine.py; next:",
        "  bench check parts/mine.py:soft",
        "  in a grid: losses: [parts/mine.py:soft]",
    ]
    assert kind_of("parts/mine.py:soft") == "loss"
    new(Kind.LAYOUT, "photos", None)
    assert "  bench data check --grid photos.yaml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "name", "file", "line"),
    [
        (Kind.LOSS, "two words", None, "'two words': a name has letters, digits and underscores"),
        (Kind.LOSS, "lambda", None, "'lambda': a name has letters"),
        (Kind.LOSS, "mine", "mine.txt", "--out mine.txt: the file of a new loss ends in .py"),
        (Kind.METRIC, "torch", None, "torch.py: would hide the module torch, which it may import"),
        (Kind.LAYOUT, "mine", "mine.py", "--out mine.py: the file of a new layout ends in .yaml"),
    ],
)
def test_a_name_or_a_file_that_would_not_do_is_one_line(kind, name, file, line, folder):
    with pytest.raises(InputError) as caught:
        write(kind, name, None if file is None else Path(file))
    assert str(caught.value).startswith(line)
    assert list(folder.iterdir()) == []
