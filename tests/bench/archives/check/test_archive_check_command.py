import hashlib
import json

import canonical_archive
import filmed_archive
import numpy as np
import pytest

from bench.cli import main


@pytest.fixture
def check(tmp_path, monkeypatch, capfd):
    """Run `bench data check` in an empty folder: its exit code, stdout and stderr."""

    def check(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "160")
        monkeypatch.setattr("sys.argv", ["bench", "data", "check", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, *capfd.readouterr()

    return check


def test_a_sound_archive_passes(check, tmp_path, entries):
    canonical_archive.write(tmp_path / "sound.zip", entries)
    code, stdout, stderr = check("sound.zip")
    assert (code, stderr) == (0, "")
    assert "layout: canonical, by the names of its entries" in stdout
    assert "15 samples; tasks: mask, depth" in stdout
    assert "64 x 64" in stdout
    assert "I;16" in stdout
    assert "training can go on: 0 errors, 0 warnings, 0 notes" in stdout


def test_a_broken_archive_fails_lists_what_is_wrong_and_is_left_alone(check, tmp_path, entries):
    for number in range(12):
        entries[f"mask/s{number}.png"] = entries["mask/s12.png"][:60]
    path = canonical_archive.write(tmp_path / "broken.zip", entries)
    before = hashlib.sha256(path.read_bytes()).digest()
    code, stdout, stderr = check("broken.zip", "--quarantine", "out.csv")
    assert (code, stderr) == (1, "")
    assert "truncated mask" in stdout
    assert "s9 and 2 more" in stdout
    assert "training cannot go on: 1 error, 0 warnings, 0 notes" in stdout
    assert "12 samples to leave out, written to out.csv" in stdout
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.zip", "out.csv"]


def test_a_warning_does_not_fail(check, tmp_path, entries):
    entries["mask/s3.png"] = entries["mask/s13.png"]
    canonical_archive.write(tmp_path / "odd.zip", entries)
    code, stdout, stderr = check("odd.zip")
    assert (code, stderr) == (0, "")
    assert "mask beside the change" in stdout


def test_backgrounds_that_a_split_by_sample_shares_are_told(check, tmp_path, entries):
    canonical_archive.write(tmp_path / "shared.zip", entries)
    _, stdout, _ = check("shared.zip")
    # 5 samples a background: none of the other 4 trains with a probability of 0.4^4 = 2.6 %
    assert (
        "a split by sample, the default, trains on the backgrounds of 97% of the test samples; "
        "data: {split: {by: background}} tests on new ones"
    ) in stdout.replace("\n", "")


def test_backgrounds_of_one_sample_each_are_not_told(check, tmp_path):
    canonical_archive.write(tmp_path / "film.zip", filmed_archive.entries(scenes=20, frames=1))
    _, stdout, _ = check("film.zip")
    assert "trains on the backgrounds" not in stdout


def test_a_grid_says_how_the_archives_are_read_and_what_is_left_out(check, tmp_path, entries):
    del entries["mask/s3.png"], entries["mask/s4.png"]
    canonical_archive.write(tmp_path / "a.zip", entries)
    (tmp_path / "old.csv").write_text("key\ns4\n")
    data = {"archive": {"files": "a.zip", "depth": {"maximum": 60000}}, "exclude": "old.csv"}
    grid = {"architectures": ["unet"], "losses": ["bce"], "data": data, "train": {"epochs": 1}}
    (tmp_path / "grid.yaml").write_text(json.dumps(grid))
    code, stdout, _ = check("--grid", "grid.yaml", "--quarantine", "new.csv")
    assert code == 1
    assert "14 samples; tasks: mask, depth" in stdout
    assert "depth 0 to 60000" in stdout
    listed = (tmp_path / "new.csv").read_text().splitlines()
    assert listed == ["key,reason", "s4,left out before", "s3,missing mask"]


MISTAKES = {
    "nothing": ([], "give the archives to read, or a --grid that names them"),
    "no samples": (["any.zip", "--exclude", "all.csv"], "any.zip: no samples"),
    "no archive": (["absent.zip"], "absent.zip: no such archive"),
    "a file that exists": (["any.zip", "--quarantine", "there.csv"], "there.csv exists already"),
    "no folder": (["any.zip", "--quarantine", "no/out.csv"], "there is no folder no"),
    "a truncated zip": (["half.zip"], "half.zip: not a zip archive, or truncated"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line(name, check, tmp_path, entries):
    arguments, line = MISTAKES[name]
    (tmp_path / "there.csv").write_text("mine")
    (tmp_path / "all.csv").write_text("\n".join(["key", *(f"s{n}" for n in range(15)), ""]))
    whole = canonical_archive.write(tmp_path / "any.zip", entries).read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    code, _, stderr = check(*arguments)
    assert code == 2
    assert line in stderr
    assert stderr.count("\n") == 1
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_damage_anywhere_in_an_entry_is_a_finding_and_no_traceback(check, tmp_path, entries):
    random = np.random.default_rng(0)
    for number in range(12):
        content = bytearray(entries[f"composite/s{number}.png"])
        for place in random.integers(0, 200, 3):
            content[place] ^= 1 << number % 8
        entries[f"composite/s{number}.png"] = bytes(content)
    path = canonical_archive.write(tmp_path / "noisy.zip", entries)
    content = bytearray(path.read_bytes())
    content[200] ^= 255  # in the first entry's data: its checksum is wrong
    path.write_bytes(bytes(content))
    code, stdout, stderr = check("noisy.zip")
    assert (code, stderr) == (1, "")
    assert "unreadable" in stdout
