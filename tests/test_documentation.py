"""What the documentation shows is what there is."""

import doctest
import re

import pytest
from typer.main import get_command

import bench
from bench.cli import app
from bench.execution.verify import verify
from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.settings import grid_file
from bench.study.study import Study

GRIDS = {"quick": ["quick"], "cross-cpu": ["cross-cpu", "cross-cpu-new-backgrounds"]}


@pytest.fixture(params=GRIDS)
def published(request, repository):
    return repository / "results/published" / request.param


def test_a_published_leaderboard_is_what_its_records_give(published):
    results = Study(published).load()
    text = markdown.render(published.name, leaderboards(results), results.damaged)
    assert (published / "leaderboard.md").read_text() == text


def test_the_readme_shows_the_leaderboard_of_the_quick_grid(repository):
    board = (repository / "results/published/quick/leaderboard.md").read_text()
    first = board[board.index("| architecture") :].partition("\n\n")[0]
    assert first in (repository / "README.md").read_text()


def test_the_readme_quotes_what_the_study_of_two_cores_says(repository):
    readme = (repository / "README.md").read_text()
    report = (repository / "results/published/cross-cpu/leaderboard.md").read_text()
    sentences = [line for line in report.splitlines() if line.startswith("> ")]
    assert len(sentences) >= 4  # of two boards
    assert all(sentence in readme for sentence in sentences)


def test_a_published_study_answers_its_grids(repository, published):
    asked = [grid_file.load(repository / f"grids/{name}.yaml") for name in GRIDS[published.name]]
    stored = [one.grid for one in Study(published).load().grids]
    assert len(stored) == len(asked)
    assert all(grid in stored for grid in asked)


def test_a_published_study_is_in_order(published):
    assert list(verify(Study(published).load())) == []


def test_the_example_of_the_package_is_true(repository, monkeypatch):
    monkeypatch.chdir(repository)
    found = doctest.testmod(bench)
    assert (found.failed, found.attempted) == (0, 5)


def commands():
    """Every command line's words up to its first argument: ("bench", "data", "make")."""
    whole = get_command(app)
    for name, command in whole.commands.items():
        for sub in getattr(command, "commands", {None: None}):
            yield tuple(filter(None, ("bench", name, sub)))


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_command_is_in_the_readme_and_has_help(repository, command):
    assert " ".join(command) in (repository / "README.md").read_text()
    found = get_command(app)
    for word in command[1:]:
        found = found.commands[word]
    assert found.help
    assert all(parameter.help for parameter in found.params if parameter.name != "help")


def test_every_link_in_the_documentation_leads_somewhere(repository):
    for page in [*repository.glob("*.md"), *repository.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
