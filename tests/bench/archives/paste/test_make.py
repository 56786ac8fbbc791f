"""`bench data make` as a user calls it."""

import subprocess
import sys
import time

import pytest

from bench.archives import render
from bench.archives.paste import archive
from bench.cli import main

SCENES, OBJECTS = ("--backgrounds", "scenes"), ("--foregrounds", "objects")


@pytest.fixture
def make(tmp_path, monkeypatch, capsys):
    """Run the command in the folder that holds scenes/ and objects/; give code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def make(*arguments):
        monkeypatch.setattr("sys.argv", ["bench", "data", "make", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return (end.value.code, *capsys.readouterr())

    return make


def test_images_become_an_archive(make, images, tmp_path, rows):
    code, told, _ = make("a.zip", *SCENES, *OBJECTS, "--size", "48")
    assert not code
    assert told == "a.zip: 80 samples, masks only\n"
    assert len(rows(tmp_path / "a.zip")) == 80


def test_every_option_reaches_the_samples(make, images, tmp_path, rows):
    options = "--recipe perspective --mirror both --scale 0.4 0.5 --placements 2 --seed 3"
    code, *_ = make("a.zip", *SCENES, *OBJECTS, *options.split(), "--size", "40")
    assert not code
    samples = rows(tmp_path / "a.zip")
    assert len(samples) == 16
    assert {row["mirrored"] for row in samples} == {"none", "both"}
    assert all(0.4 <= float(row["scale"]) <= 0.5 for row in samples)
    make("b.zip", *SCENES, *OBJECTS, *options.replace("--seed 3", "").split(), "--size", "40")
    other = rows(tmp_path / "b.zip")
    assert [row["left"] for row in samples] != [row["left"] for row in other]


def test_what_did_not_fit_is_told(make, images, save, disc):
    save(images[1] / "elephant.png", disc(80, 100))
    _, told, _ = make("a.zip", *SCENES, *OBJECTS, "--size", "48", "--placements", "1")
    assert told.startswith("larger than the frame, scaled down to fit: elephant\n")


def test_what_was_skipped_is_listed_at_the_end(make, images):
    (images[0] / "lake.jpg").write_text("no image")
    code, told, _ = make("a.zip", *SCENES, *OBJECTS, "--size", "48", "--placements", "1")
    assert not code
    assert told.splitlines()[:2] == [
        "a.zip: 4 samples, masks only",
        "skipped, as they are of no use: 1 image",
    ]
    assert told.splitlines()[2].startswith("  scenes/lake.jpg: no readable image (")


def test_numbers_render_the_bytes_that_they_always_did(make, tmp_path):
    numbers = "--backgrounds 2 --foregrounds 2 --placements 1 --size 32 --seed 5"
    code, told, _ = make("a.zip", *numbers.split())
    assert not code
    assert told == "a.zip: 4 samples\n"
    render.make(tmp_path / "b.zip", backgrounds=2, foregrounds=2, placements=1, size=32, seed=5)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


MISTAKES = {
    "one folder": (
        [*SCENES],
        "--backgrounds and --foregrounds: give both a number, to render, or both a folder of ima",
    ),
    "no folder": (["--backgrounds", "here", *OBJECTS], "here: no readable folder (No such file"),
    "no alpha": (
        [*SCENES, "--foregrounds", "scenes"],
        "scenes: none of its 2 images is of use; the first: scenes/beach.png: has no alpha channel",
    ),
    "recipe": (
        [*SCENES, *OBJECTS, "--recipe", "perspectiv"],
        "--recipe: unknown recipe 'perspectiv'; did you mean 'perspective'?",
    ),
    "no count": (["--backgrounds", "0"], "backgrounds must be at least 1, not 0"),
    "rendered": (["--mirror", "both"], "--mirror: is for images of your own; give --backgrounds"),
    "no model": (
        [*SCENES, *OBJECTS, "--batch-size", "4"],
        "--depth-near and --batch-size: are for a --depth-model; name one",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_nothing_is_written(make, images, tmp_path, mistake):
    arguments, message = MISTAKES[mistake]
    code, _, told = make("a.zip", *arguments)
    assert code == 2
    assert told.startswith(f"bench: {message}")
    assert told.count("\n") == 1
    assert list(tmp_path.glob("*.zip*")) == []


def test_killed_it_goes_on_with_the_same_command_to_the_same_bytes(make, images, tmp_path):
    command = [*SCENES, *OBJECTS, "--placements", "400", "--size", "64"]
    start = "from bench.cli import main; main()"
    run = subprocess.Popen([sys.executable, "-c", start, "data", "make", "a.zip", *command])
    partial = tmp_path / "a.zip.partial"
    while not partial.exists() or partial.stat().st_size < 200_000:
        assert run.poll() is None
        time.sleep(0.01)
    run.kill()
    run.wait()
    assert not (tmp_path / "a.zip").exists()
    kept = partial.stat().st_size
    assert not make("a.zip", *command)[0]
    assert not make("b.zip", *command)[0]
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert (tmp_path / "a.zip").stat().st_size > kept
    assert not partial.exists()


def test_ctrl_c_says_that_the_same_command_goes_on(make, images, tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archive, "_table", interrupt)
        code, _, told = make("a.zip", *SCENES, *OBJECTS, "--size", "48")
    assert code == 130
    assert told == "stopped; the same command goes on from here\n"
    assert (tmp_path / "a.zip.partial").exists()
    assert not make("a.zip", *SCENES, *OBJECTS, "--size", "48")[0]
