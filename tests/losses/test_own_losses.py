"""A loss of a user's own file in an expression: what it means, and what is said of a mistake."""

import pickle
import subprocess
import sys
from pathlib import Path

import own_loss
import pytest
import torch

import losses
from losses.own import PATHS
from user_code import forget_changed

FILE = own_loss.__file__
OWN = f"{FILE}:own_l1"
ZERO, ONE = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)  # logits of 0 are probabilities of 1/2

WITH_A_NEIGHBOUR = """
from neighbour_of_loss import FACTOR
from losses.loss import loss
from losses.masked_mean import masked_mean

@loss(takes="probabilities", bounds=(0, 9))
def scaled(probabilities, target, valid):
    return FACTOR * masked_mean((probabilities - target).abs(), valid)
"""


def error_of(text):
    with pytest.raises(losses.LossError) as caught:
        losses.parse(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (OWN, 0.5),  # |1/2 - 1|
        (f"3*{OWN}", 1.5),
        (f"{OWN}(share=0.25)", 0.125),
        (f"l1 + 0.1*{OWN}", 0.55),
        (f"2*({OWN} + mse)", 1.5),  # 2 * (1/2 + 1/4)
        (f"{OWN}*2 + {OWN}(share=0.5)+l1", 1.75),  # 1 + 1/4 + 1/2
    ],
)
def test_it_stands_in_an_expression_as_any_other_loss(text, value):
    objective = losses.parse(text)
    assert objective(ZERO, ONE).item() == pytest.approx(value)
    assert losses.parse(str(objective)) == objective


def test_spellings_of_one_objective_print_the_same():
    assert str(losses.parse(f"ssim + {OWN}(share=1) + {OWN} + bce")) == f"bce + 2*{OWN} + ssim"


def test_the_order_of_terms_does_not_depend_on_the_folders_of_the_files(tmp_path):
    texts = []
    for folders in (("a", "z"), ("z", "a")):
        specs = []
        for folder, name in zip(folders, ("one.py", "two.py"), strict=True):
            place = tmp_path / "_".join(folders) / folder
            place.mkdir(parents=True)
            (place / name).write_text(Path(FILE).read_text())
            specs.append(f"{place / name}:own_l1")
        texts.append(losses.without_folders(str(losses.parse(" + ".join(specs)))))
    assert texts == ["one.py:own_l1 + two.py:own_l1"] * 2


def test_the_path_starts_from_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "my-losses.py").write_text(Path(FILE).read_text())
    monkeypatch.chdir(tmp_path)
    assert losses.parse("bce+parts/my-losses.py:own_l1").terms == (
        losses.Term(1.0, "bce"),
        losses.Term(1.0, "parts/my-losses.py:own_l1"),
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    assert losses.source_of("~/parts/my-losses.py:own_l1") == tmp_path / "parts" / "my-losses.py"


def test_pixels_that_do_not_count_reach_it():
    valid = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    target = torch.tensor([[[[0.75, 1.0], [1.0, 1.0]]]])
    assert losses.parse(OWN)(ZERO, target, valid).item() == pytest.approx(0.25)


def test_it_pickles_by_its_name():
    objective = losses.parse(f"bce + {OWN}(share=0.5)")
    objective(ZERO, ONE)
    again = pickle.loads(pickle.dumps(objective))  # noqa: S301 - our own pickle
    assert again == objective
    assert again(ZERO, ONE).equal(objective(ZERO, ONE))


def test_it_may_import_its_neighbours_and_a_changed_one_is_loaded_when_it_is_forgotten(tmp_path):
    (tmp_path / "mine.py").write_text(WITH_A_NEIGHBOUR)
    found = []
    for factor in (2, 4):
        (tmp_path / "neighbour_of_loss.py").write_text(f"FACTOR = {factor}\n")
        forget_changed()
        found.append(losses.parse(f"{tmp_path / 'mine.py'}:scaled")(ZERO, ONE).item())
    assert found == [1.0, 2.0]  # times |1/2 - 1|
    assert "neighbour_of_loss" not in sys.modules


def test_the_names_in_an_expression_are_told_without_running_anything(tmp_path):
    (tmp_path / "fails.py").write_text("1 / 0\n")
    spec = f"{tmp_path / 'fails.py'}:some"
    assert losses.names_in(f"2*bce + ssim(window=7) + 0.5*{spec}(share=2)") == {"bce", "ssim", spec}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "bce + lost/mine.py:some",
            "lost/mine.py:some: there is no file lost/mine.py (looked in {folder})",
        ),
        (
            f"{FILE}:own_l2",
            f"{FILE}:own_l2: no @loss is called 'own_l2'; did you mean 'own_l1'? (choices: own_bce",
        ),
        (
            f"{FILE}:not_a_loss",
            f"{FILE}:not_a_loss: no @loss is called 'not_a_loss' (choices: own_bce, own_l1)",
        ),
        (
            f"bce + {OWN}(shar=2)",
            f"{OWN} has no option 'shar' at column {len(OWN) + 8}; did you mean 'share'?",
        ),
        (f"bce + {OWN} + bec", "unknown loss 'bec' at column {after}; did you mean 'bce'? "),
        (f"{OWN} / 2", f"'{OWN} / 2' is no sum of losses at column 1; write for example"),
        (f"bce - {OWN}", "negative weight at column 7; it would reward error"),
        ("my folder/mine.py:some", f"syntax error at column 4: invalid syntax{PATHS}"),
        ("bce + ______", "unknown loss '______' at column 7"),  # as what stands for a path
    ],
)
def test_a_mistake_is_one_line_that_says_where_and_what_would_be_right(
    text, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    expected = message.format(folder=tmp_path, after=len(OWN) + 10)
    found = error_of(text)
    assert found.startswith(expected)
    assert "\n" not in found


def test_a_file_that_fails_says_why_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fails.py").write_text(
        "import os\nos.chdir('/')\nraise ValueError('first\\nsecond')"
    )
    assert error_of("fails.py:some") == "fails.py:some: cannot be imported: ValueError: first"
    assert Path.cwd() == tmp_path


def test_a_file_that_hides_the_package_that_it_imports_is_told_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "losses.py").write_text(Path(FILE).read_text())
    assert error_of("losses.py:own_l1") == (
        "losses.py:own_l1: cannot be imported: ImportError: the file hides the package losses, "
        "which it imports; give it another name"
    )


def test_expressions_of_built_in_losses_still_need_no_torch():
    program = "import sys, losses; losses.parse('bce + l1'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
