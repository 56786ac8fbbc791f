import json

import canonical_archive
import pytest
from PIL import Image

from bench.archives.convert import archive as conversion
from bench.cli import main
from bench.data.layouts import open_layouts
from bench.settings import Source


@pytest.fixture
def data(tmp_path, monkeypatch, capsys):
    """Run `bench data ...` in a folder that holds a.zip, 10 samples on 2 backgrounds."""
    canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries())
    monkeypatch.chdir(tmp_path)

    def data(*arguments):
        monkeypatch.setattr("sys.argv", ["bench", "data", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        return end.value.code, told.out, told.err

    return data


def write_grid(folder, **archive):
    """A grid whose data are a.zip, read as the keywords say."""
    content = {
        "architectures": ["unet"],
        "losses": ["bce"],
        "data": {"archive": {"files": "a.zip", **archive}, "exclude": "out.csv"},
        "train": {"epochs": 1},
    }
    (folder / "out.csv").write_text("key\ns1\ns2\n")
    (folder / "grid.yaml").write_text(json.dumps(content))


def test_stats_prints_the_figures_and_writes_what_is_asked_for(data, tmp_path):
    code, out, _ = data(
        "stats", "a.zip", "--json", "a.json", "--image", "a.png", "--sheet", "s.png"
    )
    assert code == 0
    figures = json.loads((tmp_path / "a.json").read_text())
    assert figures["samples"] == 10
    assert figures["coverage"]["mean"] == pytest.approx((12 / 32) ** 2)  # a square of 12 px
    assert figures["kinds"]["depth"]["channels"]["depth"]["mean"] == pytest.approx(0.45, abs=1e-5)
    mean = figures["kinds"]["composite"]["channels"]["red"]["mean"]
    assert f"10 composite  red      {mean:.4f}" in out
    assert "mean 0.1406" in out
    assert "a.zip: coded 0 to 58982, where 65535 m is 1, near: low" in out
    for name in ("a.png", "s.png"):
        assert f"written to {name}" in out
        assert Image.open(tmp_path / name).format == "PNG"
    assert len(list(tmp_path.iterdir())) == 4


def test_another_seed_draws_another_sheet(data, tmp_path):
    canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries(samples=30))
    for seed, name in (("0", "a.png"), ("0", "b.png"), ("1", "c.png")):
        assert data("stats", "a.zip", "--sheet", name, "--seed", seed)[0] == 0
    first, again, other = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png", "c.png"))
    assert first == again != other


def test_stats_of_excluded_samples_are_left_out(data, tmp_path):
    (tmp_path / "out.csv").write_text("key\ns0\n")
    assert data("stats", "a.zip", "--exclude", "out.csv")[1].strip().startswith("9 samples")


def test_convert_writes_an_archive_or_a_folder(data, tmp_path):
    assert data("convert", "a.zip", "b.zip") == (
        0,
        "b.zip: 10 samples; 32 files copied, 0 images re-encoded\n",
        "",
    )
    assert data("convert", "b.zip", "c")[0] == 0
    for name in ("b.zip", "c"):
        (layout,) = open_layouts(Source(files=(str(tmp_path / name),)))
        assert len(layout.samples) == 10


def test_convert_says_what_it_leaves_out(data, tmp_path):
    entries = canonical_archive.entries()
    found = {**entries, "readme.txt": b"?", "old/mask.png": entries["mask/s0.png"]}
    canonical_archive.write(tmp_path / "a.zip", found)
    code, _, err = data("convert", "a.zip", "b.zip")
    assert (code, err) == (0, "left out: 2 files that no sample names, such as readme.txt\n")


def test_interrupted_it_says_how_to_go_on(data, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "CHUNK", 8)

    def interrupt(image):
        if image.name == "mask/s5":
            raise KeyboardInterrupt
        return encoded(image)

    encoded = conversion.encode
    monkeypatch.setattr(conversion, "encode", interrupt)
    code, _, err = data("convert", "a.zip", "b.zip")
    assert (code, err) == (130, "stopped; the same command goes on from here\n")
    assert {file.name for file in tmp_path.iterdir()} == {"a.zip", "b.zip.partial"}
    monkeypatch.setattr(conversion, "encode", encoded)
    code, out, _ = data("convert", "a.zip", "b.zip")
    assert code == 0
    # 2 backgrounds, 5 samples of 3 and the sixth's composite were there
    assert out == "b.zip: 10 samples; 14 files copied, 0 images re-encoded, 18 already written\n"


def test_both_read_what_a_grid_reads(data, tmp_path):
    write_grid(tmp_path, mask_threshold=254)
    code, out, _ = data("convert", "--grid", "grid.yaml", "b.zip")
    assert (code, out) == (0, "b.zip: 8 samples; 18 files copied, 8 images re-encoded\n")
    write_grid(tmp_path, depth={"maximum": 60000, "near": "high"})
    code, out, _ = data("stats", "--grid", "grid.yaml")
    assert code == 0
    assert "8 samples" in out
    assert "where 60000 is 1, near: high" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stats",), "give the archives to read, or a --grid that names them"),
        (("stats", "none.zip"), "none.zip: no such archive"),
        (("stats", "a.zip", "--json", "a.zip"), "a.zip exists already"),
        (("stats", "a.zip", "--sheet", "no/s.png"), "no/s.png: there is no folder no"),
        (("stats", "a.zip", "--layout", "canonicl"), "layout: unknown name 'canonicl'; did you"),
        (("stats", "a.zip", "--grid", "g.yaml"), "--grid: says itself which archives are read"),
        (("stats", "--grid", "g.yaml"), "g.yaml: no such grid file"),
        (("convert", "b.zip"), "give the archives to read, or a --grid that names them"),
        (("convert", "a.zip", "a.zip"), "a.zip exists already"),
        (("convert", "broken.zip", "b.zip"), "broken.zip: 1 of 10 samples have no mask, the first"),
        (("convert", "a.zip", "b.zip", "--exclude", "x.csv"), "x.csv: no such file"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(data, tmp_path, arguments, message):
    broken = canonical_archive.entries()
    del broken["mask/s3.png"]
    canonical_archive.write(tmp_path / "broken.zip", broken)
    code, _, err = data(*arguments)
    assert code == 2
    assert err.startswith(f"bench: {message}")
    assert err.count("\n") == 1
    assert {file.name for file in tmp_path.iterdir()} == {"a.zip", "broken.zip"}


def test_a_dataset_without_heads_has_no_histograms_to_draw(data, tmp_path):
    entries = canonical_archive.entries(samples=2)
    there = {n: t for n, t in entries.items() if not n.startswith(("mask/", "depth/"))}
    canonical_archive.write(tmp_path / "a.zip", there)
    code, _, err = data("stats", "a.zip", "--image", "p.png")
    assert code == 2
    assert err.startswith("bench: p.png: not written, there is neither mask nor depth to draw")
