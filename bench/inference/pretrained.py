"""A trained network in a folder, or on a hub: its weights, and how it is built.

| file | what |
|---|---|
| ``config.json`` | a `Description` |
| ``model.safetensors`` | the weights |
| ``model.pt2`` | the same network for `torch.export.load`, if it was asked for |
| ``model.onnx`` | the same for ONNX, likewise |
| ``README.md`` | the model card |
| ``.eval_results/maskdepth-bench.yaml`` | the scores, if the images are a dataset on the hub |
"""

from __future__ import annotations

from pathlib import Path

import torch
from huggingface_hub import HfApi
from pydantic import ValidationError

from architectures import is_own_code
from architectures.errors import in_one_line
from bench.errors import InputError
from bench.inference.description import Description
from bench.inference.predictor import Predictor

CONFIG, WEIGHTS, TORCH, ONNX, CARD, EVAL_RESULTS = (
    "config.json",
    "model.safetensors",
    "model.pt2",
    "model.onnx",
    "README.md",
    ".eval_results/maskdepth-bench.yaml",
)


def write(folder: Path, description: Description, weights: bytes) -> None:
    """Write what `load` reads into a folder that is there."""
    (folder / CONFIG).write_text(description.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / WEIGHTS).write_bytes(weights)


def load(source: str | Path, device: torch.device, *, own_code: bool = False) -> Predictor:
    """Return the network that `bench export` wrote.

    Args:
        source: the folder, or the name of a repository on the Hugging Face hub.
        device: where to compute.
        own_code: whether to run the file or module that the folder names where the network is no
            entry of this project: only if you know whose it is.

    Raises:
        InputError: there is no such folder or repository, something in it is damaged, or its code
            is not there or not to be run.
    """
    folder = Path(source) if Path(source).is_dir() else _download(str(source))
    try:
        config = (folder / CONFIG).read_bytes()
        description = Description.model_validate_json(config)
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{folder / CONFIG}: {place}: {first['msg']}") from None
    for network in description.networks:
        if is_own_code(network.name) and not own_code:
            raise InputError(
                f"{folder}: {network.name} is code of the network's author; have it in the working "
                "folder or installed, and say own_code=True to run it"
            )
    try:
        return Predictor(description.build(weights), description, device)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None


def push(folder: Path, repository: str) -> str:
    """Upload a folder to a repository on the Hugging Face hub, which is made if it is not there.

    Returns:
        Where it can be seen.

    Raises:
        InputError: the hub cannot be reached, or refuses it.
    """
    try:
        hub = HfApi()
        hub.create_repo(repository, exist_ok=True)
        return str(hub.upload_folder(repo_id=repository, folder_path=folder))
    except Exception as error:  # noqa: BLE001 - of several libraries: names, tokens, connections
        raise InputError(
            f"--push {repository}: {in_one_line(error)}; `hf upload {repository} {folder}` tries "
            "again"
        ) from None


def _download(repository: str) -> Path:
    try:
        found = HfApi().snapshot_download(repository, allow_patterns=[CONFIG, WEIGHTS])
    except Exception as error:  # noqa: BLE001 - as above
        raise InputError(
            f"{repository}: no such folder, and the hub does not give it: {in_one_line(error)}"
        ) from None
    return Path(found)
