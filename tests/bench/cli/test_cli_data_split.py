import re

import pytest

from bench.cli import main
from bench.data.cache import open_dataset
from bench.data.split import split_rows
from bench.settings import Split


@pytest.fixture
def split(tmp_path, rendered_archive, monkeypatch, capsys):
    """Run `bench data split` on 3 backgrounds x 4 foregrounds x 3 samples, in an empty folder."""

    def split(*options):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["bench", "data", "split", str(rendered_archive), *options])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        return end.value.code, told.out, told.err

    return split


def figures(out):
    """The audit's rows: column to the three figures."""
    rows = re.findall(r"^ *(\S.*?)  +(\d+) +(\d+) +([\d.]+)% *$", out, re.MULTILINE)
    return {name: (int(groups), int(spread), float(share)) for name, groups, spread, share in rows}


def test_a_written_split_has_the_printed_digest_when_a_grid_reads_it(
    split, tmp_path, rendered_archive
):
    code, out, _ = split("--by", "both", "--out", "lists/mine.csv")
    assert code == 0
    # 1 of 3 backgrounds and 2, 1, 1 of 4 foregrounds in the subsets, 3 samples of each pair
    told = re.search(r"6 train, 3 val, 3 test, 24 left out \((.*), digest (\w+)\)", out)
    assert told[1] == "shuffle by background and foreground, seed 0"
    assert out.endswith("written to lists/mine.csv\n")
    assert [path.name for path in (tmp_path / "lists").iterdir()] == ["mine.csv"]
    dataset = open_dataset([rendered_archive], (64, 64))
    listed = Split(file=str(tmp_path / "lists/mine.csv"))
    assert split_rows(dataset.samples, listed, dataset.fingerprint).digest == told[2]


def test_a_single_background_to_test_on_is_told_before_anything_is_trained(split):
    code, out, _ = split("--by", "background", "--out", "mine.csv")
    assert code == 0
    assert "where 60%, 10% and 30% were asked for: it draws whole backgrounds" in out
    assert "all test images are of 1 of 3 backgrounds, so that no interval and no rank" in out


def test_an_audit_tells_groups_that_leak_from_groups_that_do_not(split, tmp_path):
    code, out, _ = split("--by", "background", "--out", "mine.csv", "--audit")
    assert code == 0
    drawn = figures(out)
    assert drawn["background"] == (3, 0, 0.0)
    assert drawn["foreground"] == (4, 4, 100.0)
    assert drawn["near-duplicate images"][0] == 36
    assert {"mirrored", "placement", "scene"} <= set(drawn)
    _, out, _ = split("--file", "mine.csv", "--audit")
    assert figures(out) == drawn
    _, out, _ = split("--audit")
    assert figures(out)["background"] == (3, 3, 100.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give --out FILE to write the split, --audit to examine it, or both"),
        (("--out", "here.csv"), "here.csv exists already"),
        (("--out", "a.csv", "--by", "scen"), "data.split.by: the samples have no column 'scen'"),
        (("--out", "a.csv", "--method", "shufle"), "--method: input should be 'shuffle'"),
        (("--out", "a.csv", "--train", "1.5"), "--train: input should be less than 1, not 1.5"),
        (
            ("--out", "a.csv", "--train", "0.7"),
            (
                "train + val + test must be 1, not 0.7 + 0.1 + 0.3 = 1.1; where it is not given, "
                "val is 0.1 and test is 0.3"
            ),
        ),
        (("--audit", "--file", "none.csv"), "data.split.file: none.csv: no such file"),
        (("--audit", "--file", "a.csv", "--by", "scene"), "file says itself which sample is in"),
        (("--out", "here.csv/a.csv"), "here.csv/a.csv: cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(split, tmp_path, options, message):
    (tmp_path / "here.csv").write_text("precious")
    code, _, told = split(*options)
    assert code == 2
    assert told.startswith(f"bench: {message}")
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["here.csv"]
    assert (tmp_path / "here.csv").read_text() == "precious"
