"""Where a training stands, kept on disk every so often, so that one that is ended goes on.

The file holds tensors and JSON, nothing that is run when it is read. A training that goes on from
it on the CPU ends as an uninterrupted one does, to the last bit.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from bench.files import atomic_folder
from bench.study import checksums
from bench.text import printable, shortened

FILE = "state.safetensors"
MAX_SHARE = 0.005  # of the time of training, that writing may take: else it is done less often
SHOWN = 200  # characters of what is wrong with one
_TENSOR = "$tensor"  # in the JSON, in place of a tensor: its name


class Interrupted(BaseException):
    """The training was asked to stop, and has done so; no failure of the network."""


class Checkpoints:
    """Keeps where one training stands, in place of where it stood before.

    Args:
        folder: for it alone.
        identity: of all that the training depends on; what was kept by another one is not taken.
        interval_s: between two of them, at least; None: none is written.
        must_stop: tells whether the training has been asked to stop.
        remark: told in a line why none can be written or taken up.
    """

    def __init__(
        self,
        folder: Path,
        identity: str,
        *,
        interval_s: float | None,
        must_stop: Callable[[], bool] = lambda: False,
        remark: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._folder, self._identity = folder, identity
        self._interval_s = self._pause_s = interval_s
        self._must_stop, self._remark = must_stop, remark
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Return whether it is time for the next one."""
        if self._must_stop():
            return True
        return self._pause_s is not None and time.monotonic() - self._last >= self._pause_s

    def write(self, state: dict[str, Any]) -> None:
        """Keep a state: dictionaries and lists of tensors and of what JSON has.

        Where it cannot be kept, that is said once and the training goes on.

        Raises:
            Interrupted: the training has been asked to stop.
        """
        started = time.monotonic()
        if self._interval_s is not None:
            try:
                self._write(state)
            except (OSError, SafetensorError, TypeError, ValueError) as error:
                self.give_up(" ".join(str(error).split()))
        if self._must_stop():
            raise Interrupted
        self._last = time.monotonic()
        if self._interval_s is not None:
            self._pause_s = max(self._interval_s, (self._last - started) / MAX_SHARE)

    def give_up(self, why: str) -> None:
        """Write no more, and say why.

        Raises:
            Interrupted: the training has been asked to stop.
        """
        self._remark(f"no checkpoints: {why}")
        self._interval_s = self._pause_s = None
        if self._must_stop():
            raise Interrupted

    def _write(self, state: dict[str, Any]) -> None:
        tensors: dict[str, Tensor] = {}
        values = json.dumps(_without_tensors(state, tensors))
        metadata = {"identity": self._identity, "values": values}
        with atomic_folder(self._folder) as partial:
            safetensors.torch.save_file(tensors, partial / FILE, metadata)
            checksums.write(partial)

    def read(self, device: torch.device) -> dict[str, Any] | None:
        """Return the state that was kept, its tensors on a device; None if there is none to take.

        One of another training is as if it were not there; a damaged one is refused.
        """
        if not self._folder.exists():
            return None
        try:
            problem = checksums.problem(self._folder, [FILE])
            if problem is not None:
                raise ValueError(problem)  # noqa: TRY301 - as whatever else is wrong with it
            with safetensors.safe_open(self._folder / FILE, "pt", device=str(device)) as file:
                metadata = file.metadata()
                if metadata["identity"] != self._identity:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                state: dict[str, Any] = _with_tensors(json.loads(metadata["values"]), tensors)
        except Exception as error:  # noqa: BLE001 - whatever stands in it
            self.refuse(error)
            return None
        return state

    def refuse(self, why: Exception) -> None:
        """Remove what was kept, of which no training can go on, and say why."""
        reason = shortened(printable(str(why) or type(why).__name__), SHOWN)
        self._remark(f"starts anew: its checkpoint cannot be taken up ({reason})")
        self.remove()

    def remove(self) -> None:
        """Remove what was kept."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _without_tensors(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """The tree with each tensor replaced by its name, under which it is added to ``tensors``."""
    if isinstance(tree, Tensor):
        name = str(len(tensors))
        # Of its own: the file takes no two that share memory.
        tensors[name] = tree.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        return {_TENSOR: name}
    if isinstance(tree, dict):
        if not all(isinstance(key, str) for key in tree):
            raise TypeError("a state has keys that are no text")
        return {key: _without_tensors(value, tensors) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_without_tensors(value, tensors) for value in tree]
    return tree


def _with_tensors(tree: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(tree, dict):
        if tree.keys() == {_TENSOR}:
            return tensors[tree[_TENSOR]]
        return {key: _with_tensors(value, tensors) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_with_tensors(value, tensors) for value in tree]
    return tree
