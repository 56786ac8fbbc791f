"""Whatever stands in a checkpoint: training goes on from it, or says so and starts anew."""

import gc
import json
import math
import os
import struct

import pytest
import torch
from harmless import only_reads
from hypothesis import given, settings
from hypothesis import strategies as st
from mutation import BRIEF, FRAGMENTS, LONG, edited, promptly, restructured
from tiny_network import TinyNetwork

from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.split import split_rows
from bench.events import StepDone
from bench.machine.memory import PeakMemory
from bench.settings import LossPair, Split, Train
from bench.study import checksums
from bench.training import checkpoint
from bench.training.checkpoint import FILE, Checkpoints, Interrupted
from bench.training.fit import Trainer

CPU = torch.device("cpu")
IDENTITY = "one training"
STOPPED_AT = 4  # steps of six, three an epoch
PAIR = LossPair.model_validate({"mask": "bce", "depth": "l1"})
RECIPES = Train(epochs=2, batch_size=4, precision="float32", optimizer="adamw").recipes()
STRANGE = ["a link outside", "a link to a device", "a link to itself", "a pipe", "a folder", "gone"]


class Kept(Checkpoints):
    """A checkpoint that is read and neither written nor removed."""

    def __init__(self, folder):
        self.said, self.refused = [], False
        super().__init__(folder, IDENTITY, interval_s=None, remark=self.said.append)

    def remove(self):
        self.refused = True


class Bench:
    """A training, what it comes to if it is left alone, and its checkpoint after some steps.

    Args:
        dataset, split: to train on.
        folder: for the checkpoint.
    """

    def __init__(self, dataset, split, folder):
        self._dataset, self._split, self.folder = dataset, split, folder
        self.expected, done = self._train(None), []

        def listen(event):
            if isinstance(event, StepDone):
                done.append(event.step)

        made = Checkpoints(
            folder, IDENTITY, interval_s=0, must_stop=lambda: bool(done and done[-1] >= STOPPED_AT)
        )
        with pytest.raises(Interrupted):
            self._train(made, listen=listen)
        self.sound = {name: (folder / name).read_bytes() for name in (FILE, checksums.FILE)}

    def go_on(self):
        """Train from the checkpoint, reading alone, and make it sound again.

        Returns: all that has to be the same to the last bit, or the error; and the checkpoint.
        """
        kept = Kept(self.folder)
        try:
            with only_reads():
                return self._train(kept), kept
        except Exception as error:  # noqa: BLE001 - it becomes the failure of a cell
            return error, kept
        finally:
            self._make_sound()

    def _train(self, checkpoints, **more):
        torch.manual_seed(0)
        model, size = TinyNetwork(), self._dataset.size
        loaders = {size: BatchLoader(self._dataset, CPU)}
        more |= {"tasks": ("mask", "depth"), "checkpoints": checkpoints}
        trainer = Trainer(loaders, size, self._split, 0, CPU, memory=PeakMemory(CPU), **more)
        training = trainer.fit(model, PAIR, RECIPES)
        curve = [epoch.model_dump(exclude={"train_s"}) for epoch in training.curve]
        weights = {name: value.tolist() for name, value in model.state_dict().items()}
        return curve, training.terms, training.samples_seen, weights

    def _make_sound(self):
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        for name, content in self.sound.items():
            (self.folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def bench(tmp_path_factory, rendered_archive):
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKDEPTH_CACHE", str(folder / "cache"))
        patch.setattr(checkpoint, "MAX_SHARE", math.inf)  # however long writing takes
        dataset = open_dataset([rendered_archive], (32, 32))
        split = Split(train=0.4, val=0.1, test=0.5)
        split = split_rows(dataset.samples, split, dataset.fingerprint)
        made = Bench(dataset, split, folder / "checkpoint")
    gc.freeze()  # each training looks for garbage, here among what it has imported besides
    return made


def divided(content):
    """The header of a file of safetensors, as JSON, and the tensors behind it."""
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header, tensors, length=None):
    return struct.pack("<Q", len(header) if length is None else length) + header + tensors


@st.composite
def mutated(draw, content):
    """A file of safetensors with its header, the JSON in there, or any bytes changed."""
    header, tensors = divided(content)
    metadata = header["__metadata__"]
    match draw(st.sampled_from(["values", "header", "length", "tensors", "bytes", "cut"])):
        case "values":
            values = draw(restructured([json.loads(metadata["values"])], FRAGMENTS))
            metadata["values"] = values.decode(errors="replace")
            return joined(json.dumps(header).encode(), tensors)
        case "header":
            return joined(draw(restructured([header], FRAGMENTS)), tensors)
        case "length":
            length = draw(st.sampled_from([0, 1, 2**31, 2**63, 2**64 - 1]) | st.integers(0, 9999))
            return joined(json.dumps(header).encode(), tensors, length)
        case "tensors":
            return joined(json.dumps(header).encode(), draw(edited([tensors])))
        case "bytes":
            return draw(edited([content]))
        case _:
            return content[: draw(st.integers(0, len(content)))]


def put(path, strange):
    """Put something in the place of a file."""
    path.unlink()
    match strange:
        case "a link outside":
            path.symlink_to(path.parents[1] / "outside")
        case "a link to a device":
            path.symlink_to("/dev/zero")
        case "a link to itself":
            path.symlink_to(path)
        case "a pipe":
            os.mkfifo(path)
        case "a folder":
            path.mkdir()


def _mutated(bench, data):
    with_checksum = data.draw(st.booleans())
    content = data.draw(mutated(bench.sound[FILE]))
    (bench.folder / FILE).write_bytes(content)
    if with_checksum:
        (bench.folder / checksums.FILE).unlink()
        checksums.write(bench.folder)
    with promptly():
        found, kept = bench.go_on()
    assert not isinstance(found, AssertionError), found
    if not with_checksum and content != bench.sound[FILE]:
        assert kept.refused
    if kept.refused:
        (line,) = kept.said
        assert line.startswith("starts anew: its checkpoint cannot be taken up (")
        assert line.isprintable()
        assert len(line) < 300
        assert found == bench.expected


def test_the_checkpoint_is_taken_up_before_it_is_mutated(bench):
    found, kept = bench.go_on()
    assert found == bench.expected
    assert kept.said == []


@pytest.mark.parametrize("strange", STRANGE)
def test_something_else_in_the_place_of_a_file_is_told(bench, strange):
    for name in bench.sound:
        (bench.folder.parent / "outside").write_bytes(b"outside")
        put(bench.folder / name, strange)
        found, kept = bench.go_on()
        assert kept.refused
        assert found == bench.expected
        assert (bench.folder.parent / "outside").read_bytes() == b"outside"


def test_files_beside_it_are_nothing_to_it(bench):
    (bench.folder / "more.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    found, kept = bench.go_on()
    assert (found == bench.expected, kept.refused) == (True, False)


@settings(BRIEF, max_examples=40)  # each trains a network
@given(data=st.data())
def test_a_mutated_checkpoint_is_taken_up_or_told(bench, data):
    _mutated(bench, data)


@pytest.mark.slow
@LONG
@given(data=st.data())
def test_ten_thousand_mutated_checkpoints_are_taken_up_or_told(bench, data):
    _mutated(bench, data)
