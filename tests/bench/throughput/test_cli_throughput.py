import json

import pytest
import yaml

from bench.cli import main
from bench.throughput import sampling


@pytest.fixture
def bench(tmp_path, hasty, monkeypatch):
    monkeypatch.setattr(sampling, "FULL", hasty)

    def bench(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr("sys.argv", ["bench", "throughput", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code

    return bench


def test_a_grid_is_measured_from_its_archive_on(
    bench, tmp_path, rendered_archive, tiny_network, capsys
):
    grid = {
        "architectures": [tiny_network],
        "losses": ["l1"],
        "data": {"archive": str(rendered_archive), "image_size": 48},
        "train": {"epochs": 1, "batch_size": 8, "precision": "float32"},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(grid))
    asked = ("--grid", "mine.yaml", "--variant", "channels_last", "--batch-size", 3)
    assert bench(*asked, "--out", "out/speed.json") == 0
    shown = " ".join(capsys.readouterr().out.split())
    for text in ("batch 3 of 48x48 px", "end to end", "in turn with the reference", "speed.json"):
        assert text in shown
    (result,) = json.loads((tmp_path / "out/speed.json").read_text())
    assert result["case"]["recipe"]["batch_size"] == 3
    assert [training["loss"]["mask"] for training in result["case"]["trainings"]] == ["l1"]
    assert result["timings"]["end to end"]["rounds"][0]["blocks"]
    assert bench(*asked, "--out", "out/speed.json") == 2
    assert capsys.readouterr().err == "bench: out/speed.json exists already\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "throughput: give an architecture, as in bench throughput unet, or --grid"),
        (["unett"], "unknown architecture 'unett'; did you mean 'unet'"),
        (["unet", "--variant", "fp16"], "--variant: unknown variant 'fp16'; did you mean 'bf16'?"),
        (["unet", "--variant", "cuda_graph"], "--variant cuda_graph needs a CUDA device, not cpu"),
        (["unet", "--option", "width"], "--option 'width' is no assignment such as width=0.25"),
        (["unet", "--option", "with=1"], "'unet' takes no option 'with'; did you mean 'width'?"),
        (["--grid", "nowhere.yaml"], "nowhere.yaml: no such grid file"),
        (["--grid", "lost.yaml"], "lost.zip: no such archive"),
        (["--grid", "lost.yaml", "--option", "width=1"], "--option goes with names"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_measured(
    bench, tmp_path, capsys, arguments, message
):
    (tmp_path / "lost.yaml").write_text(
        "{architectures: [unet], losses: [l1], data: {archive: lost.zip}, train: {epochs: 1}}"
    )
    assert bench(*arguments, "--device", "cpu") == 2
    told = capsys.readouterr().err
    assert told.startswith(f"bench: {message}")
    assert told.count("\n") == 1
    assert not (tmp_path / "results").exists()
