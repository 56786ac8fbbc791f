"""What the documentation shows is what there is."""

import doctest
import re
import tomllib
from pathlib import Path

import documentation
import pytest

import bench
from bench.execution.verify import verify
from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.settings import grid_file
from bench.settings.keep import Keep
from bench.study.study import Study

GRIDS = {"quick": ["quick"], "cross-cpu": ["cross-cpu", "cross-cpu-new-backgrounds"]}
REPOSITORY = Path(__file__).parent.parent
PAGES = [str(page.relative_to(REPOSITORY)) for page in documentation.pages(REPOSITORY)]
QUOTED_ROWS = 6
INLINE = re.compile(r"`([^`\n]+)`")


@pytest.fixture(params=GRIDS)
def published(request, repository):
    return repository / "results/published" / request.param


@pytest.fixture
def readme(repository):
    return (repository / "README.md").read_text()


def test_a_published_leaderboard_is_what_its_records_give(published):
    results = Study(published).load()
    text = markdown.render(published.name, leaderboards(results), results.damaged)
    assert (published / "leaderboard.md").read_text() == text


def test_the_readme_shows_the_leaderboard_of_the_quick_grid(repository, readme):
    board = (repository / "results/published/quick/leaderboard.md").read_text()
    table = [line for line in board.splitlines() if line.startswith("|")]
    wanted = "\n".join(table[: 2 + QUOTED_ROWS])  # below its heading and a line
    shown = readme.partition("leaderboard.md -->\n")[2].partition("\n<!-- end of board -->")[0]
    assert shown == wanted, f"README.md: put between the two comments of the board:\n{wanted}"


def test_the_readme_quotes_what_the_study_of_two_cores_says(repository, readme):
    report = (repository / "results/published/cross-cpu/leaderboard.md").read_text()
    sentences = [line for line in report.splitlines() if line.startswith("> ")]
    assert len(sentences) >= 4  # of two boards
    missing = [sentence for sentence in sentences if sentence not in readme]
    assert not missing, "README.md: quote under An answer:\n" + "\n".join(missing)


def test_a_published_study_answers_its_grids(repository, published):
    asked = [grid_file.load(repository / f"grids/{name}.yaml") for name in GRIDS[published.name]]
    stored = [one.grid for one in Study(published).load().grids]
    assert len(stored) == len(asked)
    light = Keep(weights="none")  # a published study has no weights, which changes no figure
    assert all(
        grid in stored or grid.model_copy(update={"keep": light}) in stored for grid in asked
    )


def test_a_published_study_is_in_order(published):
    assert list(verify(Study(published).load())) == []


def test_the_example_of_the_package_is_true(repository, monkeypatch):
    monkeypatch.chdir(repository)
    found = doctest.testmod(bench)
    assert (found.failed, found.attempted) == (0, 5)


@pytest.mark.parametrize(
    ("words", "command"),
    [pytest.param(*each, id=" ".join(each[0])) for each in documentation.commands()],
)
def test_every_command_is_in_the_readme_and_has_help(readme, words, command):
    assert " ".join(words) in readme
    assert command.help
    assert all(parameter.help for parameter in command.params if parameter.name != "help")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_line_is_one_that_the_program_takes(repository, page):
    for words in documentation.command_lines(repository / page):
        if words[0] in {"bench", ".venv/bin/bench"}:
            command, arguments = documentation.find_command(["bench", *words[1:]])
            command.make_context("bench", arguments)


@pytest.mark.parametrize("page", PAGES)
def test_what_the_prose_calls_a_command_or_its_option_is_one(repository, page):
    for text in INLINE.findall((repository / page).read_text()):
        if re.match("bench [a-z]", text):
            command, arguments = documentation.find_command(text.split())
            known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
            assert {word for word in arguments if word.startswith("--")} <= known, text


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_and_extra_exists(repository, page):
    text = (repository / page).read_text()
    targets = re.findall(r"^([a-z-]+):", (repository / "Makefile").read_text(), re.MULTILINE)
    lines = [*documentation.command_lines(repository / page), *map(str.split, INLINE.findall(text))]
    assert {words[1] for words in lines if words[0] == "make"} <= set(targets)
    extras = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    asked = {name for found in re.findall(r"\.\[([\w,]+)\]", text) for name in found.split(",")}
    assert asked <= set(extras["optional-dependencies"])


def test_every_link_in_the_documentation_leads_somewhere(repository):
    for page in [*repository.glob("*.md"), *repository.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("picture", ["page.webp", "gallery.webp", "terminal.svg"])
def test_a_picture_of_the_readme_is_light_enough_for_a_first_screen(repository, picture):
    assert (repository / "docs/images" / picture).stat().st_size < 150_000
