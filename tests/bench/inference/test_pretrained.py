"""An exported network comes back, and nobody's code is run unasked."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import huggingface_hub
import numpy as np
import pytest
import safetensors.torch
import scored_study
import study_maker
import trained_study

import architectures
import bench
from bench.errors import InputError
from bench.inference import pretrained
from bench.inference.description import Description
from bench.inference.load import weights
from bench.settings.tuning import Tune
from bench.study.study import Study


@pytest.fixture
def exported(study, cells, tmp_path):
    """The folder of the network that compares two images."""
    results = bench.load(study).results
    record = results.records[cells["unet(width=0.0625)"]]
    folder = tmp_path / "exported"
    folder.mkdir()
    pretrained.write(folder, Description.of(record.cell), weights(results, record))
    return folder


def edit(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def test_what_comes_back_predicts_the_same(study, cells, exported):
    images = np.random.default_rng(0).integers(0, 256, (2, 50, 70, 3), np.uint8)
    original = bench.load(study).predictor(cells["unet(width=0.0625)"])
    again = bench.from_pretrained(exported)
    for one, other in zip(original(*images), again(*images), strict=True):
        assert np.array_equal(one, other)


def test_architectures_reads_the_configuration_and_the_weights_back(exported):
    made = json.loads((exported / "config.json").read_text())["architecture"]
    network = architectures.create(made["name"], **made["options"])
    network.load_state_dict(safetensors.torch.load_file(exported / "model.safetensors"))


def test_a_teacher_comes_back_with_its_student(tmp_path, rendered_archive, tiny_network):
    teacher = {"architecture": {"name": "unet", "width": 0.0625, "inputs": "composite"}}
    train = trained_study.TRAIN | {"teacher": teacher | {"epochs": 1, "batch_size": 8}}
    losses = [{"mask": "0.1*sparsity", "depth": "l1"}]
    folder = trained_study.train(
        tmp_path / "study",
        rendered_archive,
        {"name": "unet", "width": 0.0625},
        image_size=32,
        losses=losses,
        train=train,
    )
    (record,) = trained_study.records(folder)
    results = bench.load(folder).results
    (tmp_path / "out").mkdir()
    pretrained.write(tmp_path / "out", Description.of(record.cell), weights(results, record))
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    again = bench.from_pretrained(tmp_path / "out")
    assert np.array_equal(again(*images).depth, bench.predict(folder, *images).depth)


@pytest.mark.parametrize("name", ["os:system", "mine.py:network"])
def test_code_of_others_is_run_only_if_that_is_said(exported, name, monkeypatch):
    monkeypatch.setattr("architectures.create", lambda *_, **__: pytest.fail("was run"))
    edit(exported, architecture={"name": name, "options": {}})
    with pytest.raises(InputError, match=f"{name} is code of the network's author.*own_code=True"):
        bench.from_pretrained(exported)


def test_a_teacher_of_others_is_no_way_round(exported):
    edit(exported, teacher={"name": "os:system", "options": {"command": "false"}})
    with pytest.raises(InputError, match="os:system is code of the network's author"):
        bench.from_pretrained(exported)


def test_own_code_is_found_in_its_place(exported, tmp_path, tiny_network):
    edit(exported, architecture={"name": tiny_network, "options": {}})
    with pytest.raises(InputError, match="the weights do not fit the code as it is now"):
        bench.from_pretrained(exported, own_code=True)  # it is another network's
    edit(exported, architecture={"name": "gone.py:network", "options": {}})
    with pytest.raises(InputError, match=r"there is no file gone\.py"):
        bench.from_pretrained(exported, own_code=True)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", b"{}", r"config\.json: architecture: Field required"),
        ("config.json", b"no json", r"config\.json: .*Invalid JSON"),
        ("model.safetensors", b"damage", "the weights cannot be read"),
        ("model.safetensors", None, r"model\.safetensors: cannot be read: No such file"),
    ],
)
def test_damage_is_one_line(exported, file, content, message):
    (exported / file).unlink()
    if content is not None:
        (exported / file).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        bench.from_pretrained(exported)
    assert "\n" not in str(caught.value)


class Hub(BaseHTTPRequestHandler):
    """A hub that takes every commit, and remembers it."""

    commits: list[bytes]

    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if "/preupload/" in self.path:
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(content)["files"]
            ]
            answer = {"files": files}
        elif "/commit/" in self.path:
            self.server.commits.append(content)
            answer = {"commitOid": "0" * 40, "commitUrl": f"{self.server.url}/me/mine/commit/0"}
        else:
            answer = {"url": f"{self.server.url}/me/mine"}
        self.send(answer)

    def do_GET(self):
        self.send({"sha": "0" * 40, "siblings": []})

    def send(self, answer):
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.commits, server.url = [], f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_folder_is_pushed_to_a_hub_as_one_commit(exported, hub):
    assert pretrained.push(exported, "me/mine").startswith(hub.url)
    (commit,) = hub.commits
    paths = {json.loads(line)["value"].get("path") for line in commit.splitlines()}
    assert {"config.json", "model.safetensors"} <= paths


def test_a_hub_that_cannot_be_reached_is_one_line(exported, hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"^--push me/mine: ConnectError: .*; `hf upload"):
        pretrained.push(exported, "me/mine")
    with pytest.raises(InputError, match="me/mine: no such folder, and the hub does not give it"):
        bench.from_pretrained("me/mine")


def test_a_trial_has_no_weights_and_says_so(tmp_path):
    """Another setting of `keep` would make no difference."""
    searched = Tune(trials=3, learning_rate="log(1e-4, 1e-2)")
    trial = next(iter(scored_study.grid(tune=searched).trials()))
    record = study_maker.record(trial, val_score=0.5)
    results = Study(tmp_path / "study").load_or_empty()
    with pytest.raises(InputError, match="is a trial of a search, of which no weights are kept"):
        weights(results, record)
