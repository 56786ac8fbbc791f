import canonical_archive
import numpy as np
import pandas as pd
import pytest

from bench.archives.check import Finding, Severity, inspect, select_quarantined, write_quarantine
from bench.data.cache import open_dataset
from bench.data.layouts import open_layouts
from bench.errors import InputError
from bench.settings import Source


def finding(severity, keys, name="f"):
    return Finding(name, severity, tuple(keys), "", leave_out=tuple(keys))


def test_a_sample_stands_once_with_all_its_reasons():
    listed = select_quarantined(
        [finding(Severity.ERROR, ["a", "b"], "x"), finding(Severity.WARNING, ["b"], "y")], 10
    )
    assert listed.to_dict("list") == {"key": ["a", "b"], "reason": ["x", "x; y"]}


def test_a_warning_about_most_samples_leaves_none_out():
    keys = [f"s{number}" for number in range(6)]
    assert list(select_quarantined([finding(Severity.WARNING, keys)], 10)["key"]) == []
    assert list(select_quarantined([finding(Severity.ERROR, keys)], 10)["key"]) == keys
    assert list(select_quarantined([finding(Severity.WARNING, keys[:5])], 10)["key"]) == keys[:5]


def inspected(tmp_path, entries, name="one.zip"):
    path = canonical_archive.write(tmp_path / name, entries)
    return inspect(open_layouts(Source(files=(str(path),))), on_progress=lambda done, total: None)


def test_what_is_left_can_be_trained_on(tmp_path, entries):
    entries["composite/s1.png"] = b"damage"
    del entries["depth/s2.png"]
    entries["mask/s3.png"] = canonical_archive.png(np.zeros((32, 64), np.uint8))
    inspection = inspected(tmp_path, entries)
    assert write_quarantine(tmp_path / "out.csv", inspection) == 3
    listed = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert dict(zip(listed["key"], listed["reason"], strict=True)) == {
        "s1": "unreadable composite",
        "s2": "missing depth",
        "s3": "sizes that differ; empty mask",
    }
    dataset = open_dataset([tmp_path / "one.zip"], (32, 32), exclude=tmp_path / "out.csv")
    assert set(dataset.keys) == {f"s{number}" for number in range(15)} - {"s1", "s2", "s3"}


def test_a_sound_archive_gives_an_empty_list(tmp_path, entries):
    assert write_quarantine(tmp_path / "out.csv", inspected(tmp_path, entries)) == 0
    assert (tmp_path / "out.csv").read_text() == "key,reason\n"


def test_an_interruption_leaves_nothing_half_written(tmp_path, entries, monkeypatch):
    inspection = inspected(tmp_path, entries)

    def interrupted(table, path, **options):
        path.write_text("key,rea")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_quarantine(tmp_path / "out.csv", inspection)
    assert [path.name for path in tmp_path.iterdir()] == ["one.zip"]


def test_where_nothing_would_be_left_nothing_is_written(tmp_path, entries):
    for number in range(15):
        entries[f"composite/s{number}.png"] = b"damage"
    inspection = inspected(tmp_path, entries)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"out\.csv: not written, .*no samples"):
        write_quarantine(tmp_path / "out.csv", inspection)
    assert sorted(tmp_path.iterdir()) == before
