"""The code that README and docs show does what they say, beside a small study."""

import shutil
import zipfile
from pathlib import Path

import documentation
import pytest
import trained_study
import yaml

from bench.cli import main
from bench.evaluation import metrics
from bench.settings import grid_file

REPOSITORY = Path(__file__).parent.parent
PAGES = {str(page.relative_to(REPOSITORY)): page for page in documentation.pages(REPOSITORY)}
IN_PYTHON = [
    pytest.param(name, marks=pytest.mark.slow if "bench.run(" in "".join(blocks) else ())
    for name, page in PAGES.items()
    if (blocks := documentation.blocks(page, "python"))
]
IN_YAML = [name for name, page in PAGES.items() if documentation.blocks(page, "yaml")]
A_GRID = {  # over which a block that shows a part of a grid is laid
    "architectures": "unet",
    "losses": "bce",
    "data": {"archive": "data/quick.zip"},
    "train": {"epochs": 1},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, rendered_archive, repository, tiny_network):
    """A reader's folder: an archive, two pictures, the files of the pages, a study, an export."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "data").mkdir()
    (folder / "data/quick.zip").symlink_to(rendered_archive)
    (folder / "results").mkdir()
    (folder / "results/published").symlink_to(repository / "results/published")
    with zipfile.ZipFile(rendered_archive) as archive:
        for name, kind in (("c.jpg", "composite/"), ("b.jpg", "background/")):
            entry = next(entry for entry in archive.namelist() if entry.startswith(kind))
            (folder / name).write_bytes(archive.read(entry))
    for name, text in documentation.files(repository).items():
        (folder / name).write_text(text)
    grid = A_GRID | {"architectures": tiny_network}
    (folder / "grid.yaml").write_text(yaml.safe_dump(grid))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKDEPTH_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        network = {"name": "unet", "width": 0.0625}
        trained_study.train(folder / "results/quick", folder / "data/quick.zip", network)
        patch.setattr("sys.argv", ["bench", "export", "results/quick", "best", "exported"])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0
    return folder


@pytest.fixture
def here(place, tmp_path, monkeypatch):
    """A copy of that folder, in which the example works."""
    folder = shutil.copytree(place, tmp_path / "reader", symlinks=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("page", IN_PYTHON)
def test_the_python_of_a_page_runs(here, page):
    examples = list(documentation.python_examples(PAGES[page]))
    assert examples
    for example in examples:
        example.evaluate()


@pytest.mark.parametrize("page", IN_YAML)
def test_the_yaml_of_a_page_is_a_grid_or_a_part_of_one(here, page):
    for block in documentation.blocks(PAGES[page], "yaml"):
        shown = here / "shown.yaml"
        shown.write_text(yaml.safe_dump(A_GRID | yaml.safe_load(block)))
        for name in grid_file.load(shown).metrics:
            metrics.load(name)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("my_network.py:my_network", marks=pytest.mark.slow),
        "my_loss.py:area",
        "my_metric.py:area_error",
    ],
)
def test_what_a_page_adds_passes_its_check(here, monkeypatch, name):
    shown = [words for page in PAGES.values() for words in documentation.command_lines(page)]
    assert ["bench", "check", name] in shown
    monkeypatch.setattr("sys.argv", ["bench", "check", name])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
