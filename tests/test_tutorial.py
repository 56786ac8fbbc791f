"""The tutorial works as it is written: from a folder of pictures to masks of pictures."""

import shlex

import documentation
import numpy as np
import pytest
from PIL import Image, ImageDraw

from bench.cli import main

COMMANDS = 5
pytestmark = pytest.mark.slow


def scene(random):
    """A picture of a place: coarse noise, 96 x 80 px."""
    coarse = Image.fromarray(random.integers(0, 256, (5, 6, 3), np.uint8))
    return coarse.resize((96, 80), Image.Resampling.BICUBIC)


def cutout(random):
    """An object: a disk of one color on a transparent ground."""
    image = Image.new("RGBA", (40, 40))
    color = (*map(int, random.integers(0, 256, 3)), 255)
    ImageDraw.Draw(image).ellipse((4, 4, 35, 35), fill=color)
    return image


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """The three folders that the tutorial asks for."""
    random = np.random.default_rng(0)
    for name in ("scenes", "cutouts", "photos"):
        (tmp_path / name).mkdir()
    for number in range(5):
        scene(random).save(tmp_path / f"scenes/place-{number}.jpg")
    for number in range(2):
        cutout(random).save(tmp_path / f"cutouts/object-{number}.png")
    for number in range(2):
        place, thing = scene(random), cutout(random)
        place.paste(thing, (20, 30), thing)
        place.save(tmp_path / f"photos/photo-{number}.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command line as it is written; gives its exit code and what it printed."""

    def run(line):
        monkeypatch.setattr("sys.argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().out

    return run


def test_five_commands_lead_from_a_folder_of_pictures_to_their_masks(repository, pictures, run):
    tutorial = repository / "docs/tutorial.md"
    (pictures / "mine.yaml").write_text(documentation.files(repository)["mine.yaml"])
    lines = [
        shlex.join(words) for words in documentation.command_lines(tutorial) if words[0] == "bench"
    ]
    printed = []
    for line in lines[:COMMANDS]:
        code, said = run(line)
        assert code == 0, f"{line}\n{said}"
        printed.append(said)
    assert "40 samples" in printed[0]  # 5 scenes x 2 cut-outs x 4 places
    assert "IoU" in printed[3]
    assert (pictures / "results/mine/leaderboard.md").exists()
    masks = sorted((pictures / "seen/mask").iterdir())
    assert [mask.name for mask in masks] == ["photo-0.png", "photo-1.png"]
    assert Image.open(masks[0]).size == (96, 80)
    for line in lines[COMMANDS:]:
        assert run(line)[0] == 0, line
