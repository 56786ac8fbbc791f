"""What a loss of a user's own file is to a grid and to the ids of its cells."""

from pathlib import Path

import own_loss
import pytest
import yaml

from bench.errors import InputError
from bench.settings import LossPair, grid_file

SOURCE = Path(own_loss.__file__).read_text()


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Read a grid with these losses; the files `here/mine.py` and `there/mine.py` are the same."""
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)

    def load(*losses, **sections):
        content = {
            "architectures": [{"name": "unet", "width": 0.25}],
            "losses": list(losses),
            "data": {"archive": "data/quick.zip"},
            "train": {"epochs": 4},
        }
        (tmp_path / "grid.yaml").write_text(yaml.safe_dump(content | sections))
        return grid_file.load(Path("grid.yaml"))

    return load


def trained_ids(grid):
    return [cell.id for cell in grid.cells() if cell.loss is not None]


def test_it_may_be_a_loss_a_part_of_a_mixture_and_the_loss_of_one_task(load):
    found = load(
        "here/mine.py:own_l1",
        "bce + 0.1*here/mine.py:own_l1",
        {"mask": "bce", "depth": "here/mine.py:own_l1(share=0.5)"},
    ).losses
    assert found == (
        LossPair(mask="here/mine.py:own_l1", depth="here/mine.py:own_l1"),
        LossPair(mask="bce + 0.1*here/mine.py:own_l1", depth="bce + 0.1*here/mine.py:own_l1"),
        LossPair(mask="bce", depth="here/mine.py:own_l1(share=0.5)"),
    )


def test_the_folder_of_its_file_changes_no_id(load, tmp_path):
    losses = ["{}:own_l1", "0.5*{}:own_bce + bce", {"mask": "bce", "depth": "{}:own_l1(share=2)"}]

    def at(file):
        return [
            {task: text.format(file) for task, text in loss.items()}
            if isinstance(loss, dict)
            else loss.format(file)
            for loss in losses
        ]

    ids = trained_ids(load(*at("here/mine.py")))
    assert len(set(ids)) == 3
    assert trained_ids(load(*at("there/mine.py"))) == ids
    assert trained_ids(load(*at(tmp_path / "here" / "mine.py"))) == ids


def test_the_folder_of_a_stages_loss_changes_no_id(load):
    def ids(folder):
        stages = [{"losses": {"depth": f"{folder}/mine.py:own_l1"}}, {}]
        return trained_ids(load("bce", train={"epochs": 1, "stages": stages}))

    assert ids("here") == ids("there")


def test_another_name_another_option_and_another_file_are_other_losses(load, tmp_path):
    (tmp_path / "here" / "other.py").write_text(SOURCE)
    texts = ["mine.py:own_l1", "mine.py:own_bce", "mine.py:own_l1(share=0.5)", "other.py:own_l1"]
    assert len({*trained_ids(load(*(f"here/{text}" for text in texts)))}) == 4


@pytest.mark.parametrize(
    ("losses", "train"),
    [
        (["here/mine.py:own_l1", "there/mine.py:own_l1"], {}),
        (["here/mine.py:own_l1 + there/mine.py:own_l1"], {}),
        (["here/mine.py:own_l1"], {"stages": [{"losses": "there/mine.py:own_l1"}, {}]}),
    ],
)
def test_two_that_only_their_folders_tell_apart_are_refused(load, losses, train):
    with pytest.raises(InputError, match=r"differ in the folders of their files only; give one"):
        load(*losses, train={"epochs": 1} | train)


def test_its_bounds_decide_whether_a_balance_can_weigh_it(load, tmp_path):
    (tmp_path / "here" / "low.py").write_text(SOURCE.replace("bounds=(0, 1)", "bounds=(-1, 1)"))
    loss = {"mask": "bce", "depth": "here/low.py:own_l1", "balance": "uncertainty"}
    with pytest.raises(InputError, match="own_l1, which can be negative"):
        load(loss)
    load(loss | {"depth": "here/mine.py:own_l1"})


@pytest.mark.parametrize(
    ("loss", "line"),
    [
        ("lost.py:own_l1", "grid.yaml: losses.0.mask: lost.py:own_l1: there is no file lost.py ("),
        (
            {"depth": "here/mine.py:own_l2"},
            "grid.yaml: losses.0.depth: here/mine.py:own_l2: no @loss is called 'own_l2'; did you",
        ),
    ],
)
def test_a_loss_that_there_is_not_is_one_line_that_names_the_place(load, loss, line):
    with pytest.raises(InputError) as caught:
        load(loss)
    assert str(caught.value).startswith(line)
