"""What a study has trained is used on the command line."""

import shutil
import sys
import zipfile
from pathlib import Path

import huggingface_hub
import numpy as np
import onnxruntime
import own_loss
import pytest
import trained_study
import yaml
from canonical_archive import entries, png, write
from PIL import Image

import bench as package
from bench.cli import main
from bench.errors import InputError


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_network):
    """A study of a user's own network at 32 px, and of one that needs no background."""
    folder = tmp_path_factory.mktemp("used")
    archive = write(folder / "a.zip", entries())
    alone = {"name": "unet", "width": 0.0625, "inputs": "composite"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKDEPTH_CACHE", str(folder / "cache"))
        trained_study.train(folder / "study", archive, tiny_network, alone, image_size=32)
    return folder


@pytest.fixture
def bench(tmp_path, trained, monkeypatch, capsys):
    """Run the command line beside the study and its archive; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study").symlink_to(trained / "study")
    (tmp_path / "a.zip").symlink_to(trained / "a.zip")
    with zipfile.ZipFile(trained / "a.zip") as archive:
        archive.extractall(tmp_path / "files")

    def bench(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    return bench


@pytest.fixture
def pair(trained):
    """The id of the cell that compares two images."""
    return next(
        r.cell.id for r in trained_study.records(trained / "study") if ".py" in r.cell.label
    )


@pytest.fixture
def alone(trained):
    """The id of the cell that sees the composite alone."""
    found = trained_study.records(trained / "study")
    return next(r.cell.id for r in found if "composite" in r.cell.label)


def test_every_sample_of_a_zip_is_predicted(bench, pair, tmp_path):
    code, said, told = bench("predict", "study", pair[:6], "--composite", "a.zip", "--out", "out")
    assert (code, told) == (0, "")
    assert said.splitlines()[0].endswith(f"tiny_network · bce · seed 0 ({pair})")
    assert said.splitlines()[1] == "10 of 10 predicted; see out/side_by_side"
    names = {f"s{number}.png" for number in range(10)}
    for kind in ("mask", "depth", "depth_colored", "side_by_side"):
        assert {path.name for path in (tmp_path / "out" / kind).iterdir()} == names
    predictor = package.load("study").predictor(pair)
    maps = predictor("files/composite/s3.png", "files/background/b1.png")
    depth = np.asarray(Image.open("out/depth/s3.png"))
    assert np.array_equal(depth, np.rint(maps.depth * 65535).astype(np.uint16))


def test_a_network_of_the_composite_needs_no_background(bench, alone, tmp_path):
    Image.fromarray(np.zeros((50, 41), np.uint8)).save("one.png")
    said = bench("predict", "study", alone, "--composite", "one.png", "--out", "out")
    assert said[0] == 0
    assert Image.open("out/mask/one.png").size == (41, 50)


def test_best_says_which_cell_it_took(bench, pair, alone):
    arguments = ["--composite", "a.zip", "--out", "out"]
    code, said, _ = bench("predict", "study", "best", *arguments)
    assert code == 0
    board = package.load("study").leaderboard
    is_alone = "composite" in board.iloc[0].architecture
    assert said.splitlines()[0].endswith(f"({alone if is_alone else pair})")


def test_of_many_what_cannot_be_read_is_skipped_listed_and_in_the_exit_code(bench, pair, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    shutil.copy("files/composite/s0.png", folder / "good.png")
    (folder / "damaged.png").write_bytes(b"no image")
    (folder / "small.png").write_bytes(png(np.zeros((16, 32, 3), np.uint8)))
    code, said, told = bench(
        "predict", "study", pair, "--composite", folder, "--out", "out",
        "--background", "files/background/b0.png",
    )  # fmt: skip
    assert code == 3
    assert said.splitlines()[1] == "1 of 3 predicted; see out/side_by_side"
    damaged, small = told.splitlines()
    assert damaged.startswith("skipped: damaged: ")
    assert "damaged.png: no readable image" in damaged
    assert small.startswith("skipped: small: the composite is 32x16 px, but the background 32x32")
    assert [path.name for path in (tmp_path / "out/mask").iterdir()] == ["good.png"]


def test_folders_whose_names_do_not_fit_are_one_line_that_points_to_the_zip(bench, pair):
    code, said, told = bench(
        "predict", "study", pair, "--out", "out",
        "--composite", "files/composite", "--background", "files/background",
    )  # fmt: skip
    assert code == 3
    assert said.splitlines()[1] == "0 of 10 predicted"
    assert told.startswith("skipped: 10 pictures (s0, s1, s2, ...): has no background: ")
    assert told.endswith("and a dataset's zip tells which belong together\n")
    assert told.count("\n") == 1


def test_what_is_there_is_replaced_only_if_that_is_said(bench, alone, tmp_path):
    arguments = ["predict", "study", alone, "--composite", "files/composite", "--out", "out"]
    assert bench(*arguments)[0] == 0
    (tmp_path / "out/mask/s7.png").write_bytes(b"mine")
    for kind in ("mask", "depth", "depth_colored", "side_by_side"):
        (tmp_path / f"out/{kind}/s0.png").unlink()
    code, _, told = bench(*arguments)
    assert code == 2
    assert told == ("bench: out/mask/s1.png exists already; give another folder, or --overwrite\n")
    assert (tmp_path / "out/mask/s7.png").read_bytes() == b"mine"
    assert not (tmp_path / "out/mask/s0.png").exists()
    assert bench(*arguments, "--overwrite")[0] == 0
    assert Image.open("out/mask/s7.png").size == (32, 32)


def test_a_key_that_leads_out_of_the_folder_is_skipped(bench, alone, tmp_path):
    found = entries(samples=3)
    found["samples.csv"] = found["samples.csv"].replace(b"\ns0,", b"\n../s0,")
    found["composite/../s0.png"] = found["composite/s0.png"]
    write(tmp_path / "bad.zip", found)
    code, _, told = bench("predict", "study", alone, "--composite", "bad.zip", "--out", "here/out")
    assert code == 3
    assert told == "skipped: ../s0: is no name that a file can have\n"
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--composite", "nowhere.png"], "nowhere.png: no such picture, folder or zip"),
        (["--composite", "files/composite/s0.png"], "s0: has no background: "),
        (["--composite", "files/dataset.json"], "dataset: "),
        (["--composite", "a.zip", "--device", "gpu"], "--device: unknown device 'gpu'"),
        (["--composite", "a.zip", "--out", "files/dataset.json"], "files/dataset.json: cannot be "),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(bench, pair, arguments, message):
    code, _, told = bench("predict", "study", pair, "--out", "out", *arguments)
    assert code == 2
    assert told.startswith(f"bench: {message}")
    assert told.count("\n") == 1


def test_a_network_is_exported_with_all_that_it_takes_to_use_it(
    bench, pair, tmp_path, tiny_network
):
    said = bench("export", "study", pair, "out", "--format", "torch", "--format", "onnx")
    assert said[0] == 0, said
    assert said[1].splitlines()[1].startswith("model.pt2: as the network, to within ")
    assert said[1].splitlines()[2].startswith("model.onnx: as the network, to within ")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "README.md", "config.json", "model.safetensors", "model.pt2", "model.onnx",
    }  # fmt: skip
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    predicted = package.predict("study", *images, cell=pair).mask
    # As the card tells another program to feed it.
    composite, background = images.transpose(0, 3, 1, 2)[:, None].astype(np.float32) / 255
    session = onnxruntime.InferenceSession("out/model.onnx")
    mask, _ = session.run(["mask", "depth"], {"composite": composite, "background": background})
    assert np.abs(mask[0, 0] - predicted).max() < 1e-4
    card = (tmp_path / "out/README.md").read_text()
    assert "`model.pt2` is for `torch.export.load`: " in card
    assert "`model.onnx` is for ONNX runtimes: " in card
    # A user's own code is not copied, which is said, and not run unasked.
    file, name = tiny_network.rsplit(":", 1)
    own = f"{Path(file).name}:{name}"
    assert said[2] == f"{own} is not copied: who loads the weights has to have it\n"
    assert "own_code=True" in card
    with pytest.raises(InputError, match=f"^out: '{own}': there is no file .* \\(looked in "):
        package.from_pretrained("out", own_code=True)
    shutil.copy(file, tmp_path)
    assert np.array_equal(package.from_pretrained("out", own_code=True)(*images).mask, predicted)


def test_nothing_that_is_exported_tells_where_files_lie_on_this_machine(
    bench, pair, tmp_path, tiny_network
):
    formats = ("--format", "torch", "--format", "onnx", "--dataset", "me/rooms")
    assert bench("export", "study", pair, "out", *formats)[0] == 0
    (tmp_path / "program").mkdir()
    shutil.unpack_archive("out/model.pt2", "program", "zip")
    folders = {Path(tiny_network).parent, Path(package.__file__).parent, Path(sys.prefix)}
    files = [path for top in ("out", "program") for path in Path(top).rglob("*") if path.is_file()]
    assert len(files) > 6
    for file in files:
        assert not any(str(folder).encode() in file.read_bytes() for folder in folders), file


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["best", "files"], "files exists already; give a new folder"),
        (["zzz", "out"], "zzz: is the id of no finished cell"),
    ],
)
def test_nothing_is_exported_where_something_is_or_of_what_is_not(bench, arguments, message):
    code, _, told = bench("export", "study", *arguments)
    assert code == 2
    assert told.startswith(f"bench: {message}")


def test_a_program_that_is_refused_leaves_nothing(bench, pair, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.inference.program.TOLERANCE", -1.0)
    code, _, told = bench("export", "study", pair, "out", "--format", "torch")
    assert code == 2
    assert told.startswith("bench: the torch.export program predicts another mask than the network")
    assert not (tmp_path / "out").exists()


def test_a_hub_that_cannot_be_reached_leaves_the_folder_and_says_so(
    bench, alone, tmp_path, monkeypatch
):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    code, said, told = bench("export", "study", alone, "out", "--push", "me/mine")
    assert code == 2
    assert said.endswith("written to out\n")
    assert told.startswith("bench: --push me/mine: ConnectError: ")
    assert (tmp_path / "out/README.md").exists()


def test_changed_code_is_told(bench, tmp_path, tiny_network):
    copy = tmp_path / "mine.py"
    shutil.copy(tiny_network.rpartition(":")[0], copy)
    trained_study.train(tmp_path / "own", "a.zip", f"{copy}:tiny_network", image_size=32)
    with copy.open("a") as code:
        code.write("# edited")
    told = bench("predict", "own", "best", "--composite", "a.zip", "--out", "out")[2]
    assert told.endswith("may predict otherwise: mine.py changed\n")
    assert told.count("\n") == 1


def test_the_file_of_a_loss_is_not_needed_to_predict(bench, tmp_path):
    loss = tmp_path / "mine.py"
    shutil.copy(own_loss.__file__, loss)
    network = {"name": "unet", "width": 0.0625, "inputs": "composite"}
    losses = [f"{loss}:own_l1"]
    trained_study.train(tmp_path / "own", "a.zip", network, losses=losses, image_size=32)
    loss.unlink()
    code, _, told = bench("predict", "own", "best", "--composite", "a.zip", "--out", "out")
    assert (code, told) == (0, "")


def test_predictions_are_not_written_among_the_pictures(bench, alone, tmp_path):
    """Where the next prediction would take them for pictures."""
    out = tmp_path / "files/composite/out"
    code, _, told = bench("predict", "study", alone, "--composite", "files/composite", "--out", out)
    assert code == 2
    assert "lies in files/composite, so that what is written there" in told
    assert not out.exists()


def test_an_export_for_the_hub_has_its_scores(bench, alone, tmp_path):
    assert bench("export", "study", alone, "out", "--dataset", "me/rooms")[0] == 0
    text = (tmp_path / "out/.eval_results/maskdepth-bench.yaml").read_text()
    scores = huggingface_hub.parse_eval_result_entries(yaml.safe_load(text))
    assert [one.task_id for one in scores] == ["iou", "rmse"]
    in_header = huggingface_hub.ModelCard.load(tmp_path / "out/README.md").data.eval_results
    assert [one.metric_value for one in in_header] == [one.value for one in scores]
    code, _, told = bench("export", "study", alone, "again", "--dataset", "rooms")
    assert code == 2
    assert "--dataset rooms: give the dataset's id" in told
    assert not (tmp_path / "again").exists()
