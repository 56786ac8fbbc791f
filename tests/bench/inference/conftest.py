"""A study whose networks are used."""

import pytest
import trained_study


@pytest.fixture(scope="session")
def study(tmp_path_factory, rendered_archive):
    """Of a network that compares two images, and of one that sees the composite alone."""
    folder = tmp_path_factory.mktemp("inference")
    networks = [
        {"name": "unet", "width": 0.0625},
        {"name": "unet", "width": 0.0625, "inputs": "composite"},
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKDEPTH_CACHE", str(folder / "cache"))
        return trained_study.train(folder / "study", rendered_archive, *networks)


@pytest.fixture(scope="session")
def cells(study):
    """The ids of its trained cells by the network's label."""
    return {r.cell.architecture.label: r.cell.id for r in trained_study.records(study)}
