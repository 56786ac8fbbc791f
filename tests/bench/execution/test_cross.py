"""Every registered network with a loss of pixels and one of windows, and every reference recipe."""

import math

import pytest
import torch
import yaml

import architectures
from bench.execution.run import run
from bench.settings import grid_file
from bench.study.study import Study

CPU = torch.device("cpu")
LOSSES = ["bce", "ssim"]


@pytest.fixture(autouse=True)
def no_timing(monkeypatch):
    monkeypatch.setattr("bench.throughput.rounds.measure", lambda *_, **__: None)


def records(path, out):
    question = grid_file.load(path)
    study = Study(out)
    run(question, study, device=CPU)
    kept = study.load().records
    return [kept[cell.id] for cell in question.cells() if cell.loss is not None]


def test_every_network_trains(tmp_path, rendered_archive):
    path = tmp_path / "cross.yaml"
    networks = [{"name": name, "width": 0.125} for name in architectures.names()]
    path.write_text(
        yaml.safe_dump(
            {
                "architectures": networks,
                "losses": LOSSES,
                "data": {"archive": str(rendered_archive), "image_size": 32},
                "train": {"steps": 3, "batch_size": 4},
            }
        )
    )
    found = records(path, tmp_path / "study")
    assert len(found) == 7 * 2
    for record in found:
        assert record.failure is None, record.cell.label
        assert math.isfinite(record.summary["iou"])
        assert math.isfinite(record.summary["rmse"])
        assert all(map(math.isfinite, record.training.curve[-1].losses.values()))


REFERENCES = {
    "densedepth": ["depth"],
    "dilated_twin": ["mask", "depth"],
    "unet_additive": ["mask", "depth"],
    "unet_shared": ["mask"],
    "upproj_teacher": ["mask", "depth"],
}


@pytest.mark.parametrize("name", REFERENCES)
def test_every_reference_recipe_trains_small(tmp_path, rendered_archive, repository, name):
    content = yaml.safe_load((repository / f"grids/reference/{name}.yaml").read_text())
    content["data"] |= {"archive": str(rendered_archive), "image_size": 32}
    train = content["train"]
    networks = content["architectures"] = [
        network if isinstance(network, dict) else {"name": network}
        for network in content["architectures"]
    ]
    recipes = [train, *train.get("stages", [])]
    if "teacher" in train:
        recipes.append(train["teacher"])
        networks = [*networks, train["teacher"]["architecture"]]
    small = {"epochs": 1, "image_size": 32, "batch_size": 4}
    for recipe in recipes:
        recipe.update({key: value for key, value in small.items() if key in recipe})
    for network in networks:
        network["width"] = 0.125
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content))
    (record,) = records(path, tmp_path / "study")
    assert record.failure is None
    assert list(record.training.curve[-1].losses) == REFERENCES[name]
    assert (record.consistency is not None) == (name == "upproj_teacher")


def test_the_reference_recipes_are_all_tried(repository):
    paths = (repository / "grids/reference").glob("*.yaml")
    assert sorted(path.stem for path in paths) == sorted(REFERENCES)
