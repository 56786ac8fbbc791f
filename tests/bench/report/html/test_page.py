import base64
import hashlib
import re
from itertools import combinations
from pathlib import Path

import pytest
import scored_study
import study_maker
from page_reader import Page

import bench
from bench.cli.report import Format, report
from bench.errors import InputError
from bench.report import markdown
from bench.report.cell_texts import figure, rank
from bench.report.compare import compare, notes_on
from bench.report.html.page import as_json, render
from bench.report.setting import setting
from bench.settings import Data
from bench.study.study import Study

PUBLISHED = Path(bench.__file__).parent.parent / "results" / "published"


def test_the_table_has_the_figures_and_ranks_of_the_board(boards, html):
    (board,) = boards
    rows = Page(html).board()[1:]
    iou, rmse = (column for column in board.columns if column.is_score)
    assert len(rows) == len(board.rows) + len(board.baselines) == 4 + 5
    for shown, row in zip(rows, board.rows, strict=False):
        assert shown[:2] == [row.architecture, row.loss]
        assert shown[3:7] == [figure(row, iou), rank(row, iou), figure(row, rmse), rank(row, rmse)]


def test_each_figure_of_the_markdown_report_stands_on_the_page(quick):
    text = (PUBLISHED / "quick" / "leaderboard.md").read_text(encoding="utf-8")
    tables = [
        [
            [cell.replace("**", "").replace("\\", "").strip() for cell in line.split("|")[1:-1]]
            for line in table.splitlines()
            if line.startswith("| unet")
        ]
        for table in text.partition("**Bold**")[0].split("Further columns of these rows:")
    ]
    first, *further = tables
    expected = [
        [*line, *(cell for table in further for cell in table[place][2:])]
        for place, line in enumerate(first)
    ]
    shown = [row for row in Page(quick).board() if row[0].startswith("unet")]
    # A mark stands behind what is said of collapsed seeds on the page, and before it in Markdown.
    assert [sorted(" ".join(row).split()) for row in shown] == [
        sorted(" ".join(line).split()) for line in expected[: len(shown)]
    ]
    assert len(shown) == 4


def test_the_setting_and_the_answer_stand_on_the_page(boards, html):
    for line in setting(boards[0]):
        assert f"<li>{line}</li>" in html
    text = markdown.render("mine", boards, {})
    first = next(line for line in text.splitlines() if line.startswith("> ")).removeprefix("> ")
    assert f"<p>{first}</p>" in html


def test_a_pair_says_what_bench_compare_says(boards, html):
    (board,) = boards
    (data,) = [one for one in Page(html).data if "pairs" in one]
    first, second = (f"{row.architecture}/{row.loss}" for row in board.rows[:2])
    found, _ = compare(boards, first, second)
    name, mean, other, sign, size, *_ = data["pairs"]["0 1"]["metrics"][0]
    assert (name, mean, other) == (found.name, *(f"{mean:.3f}" for mean in found.means))
    assert sign + size == f"{found.difference.estimate:+.3f} ± {found.difference.half_width:.3f}"
    assert len(data["pairs"]) == 4 * 3 / 2


def test_a_pair_tells_of_its_collapsed_seeds_as_bench_compare_does(tmp_path):
    first = next(cell.id for cell in scored_study.grid().cells() if cell.loss is not None)

    def tables(cell):
        return scored_study.constant(cell) if cell.id == first else scored_study.scores(cell)

    boards = scored_study.boards(scored_study.keep(tmp_path / "mine", tables=tables))
    (data,) = [one for one in Page(render("mine", boards, {})).data if "pairs" in one]
    names = [f"{row.architecture}/{row.loss}" for row in boards[0].rows]
    of_pairs = [notes_on(compare(boards, *pair)) for pair in combinations(names, 2)]
    told = [[data["notes"][note] for note in pair["notes"]] for pair in data["pairs"].values()]
    assert told == of_pairs
    assert sum(bool(notes) for notes in told) == 3  # those with the row of the collapsed seed


def test_every_cell_has_the_command_that_trains_it_again(boards, html):
    ids = [record.cell.id for record in boards[0].records if record.cell.loss is not None]
    assert len(ids) == 16
    for cell in ids:
        assert f"<code>bench verify mine --retrain {cell}</code>" in html


def test_the_same_records_give_the_same_bytes(boards, html):
    assert render("mine", boards, {}) == html


def test_the_quick_study_is_below_three_megabytes(quick):
    assert len(quick.encode()) < 3_000_000


def test_nothing_is_fetched_and_only_the_scripts_of_the_page_may_run(quick):
    page = Page(quick)
    assert not {"link", "iframe", "object", "embed"} & set(page.elements)
    sources = [value for name, value in page.attributes if name in {"src", "href"}]
    assert all(value.startswith(("#", "data:image/")) for value in sources)
    assert "url(" not in quick[quick.index("<style>") : quick.index("</style>")]
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', quick)
    assert policy.startswith("default-src 'none';")
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", quick, flags=re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert len(scripts) == 5
    assert all(f"'sha256-{digest}'" in policy for digest in digests)


def test_every_element_is_closed(html):
    assert Page(html).left_open == []


def test_what_a_user_named_stays_text(tmp_path):
    hostile = "</script><script>alert(1)</script>\u202e\x1b"
    question = scored_study.grid(data=Data(archive=(f"{hostile}.zip",)))
    study = scored_study.keep(tmp_path / "study", question)
    html = render(hostile, scored_study.boards(study), {hostile: hostile})
    assert "alert(1)" in html
    assert "<script>alert" not in html
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert Page(html).elements.count("script") == Page(
        render("a", scored_study.boards(study), {})
    ).elements.count("script")


def test_no_text_ends_the_script_that_holds_data():
    assert as_json({"a": "</script>&"}) == r'{"a":"\u003c/script\u003e\u0026"}'


def test_why_a_figure_is_absent_stands_beside_it(tmp_path):
    question = scored_study.grid(architectures=("unet",), losses=("bce",), seeds=(0,))
    (cell,) = [c for c in question.cells() if c.loss is not None]
    study = study_maker.keep(
        Study(tmp_path / "study"),
        question,
        [study_maker.record(cell, failure="out of memory: 20 GiB")],
    )
    html = render("study", scored_study.boards(study), {})
    assert '<abbr title="no seed has a figure">—</abbr>' in html
    assert "<li>seed 0: failed: out of memory: 20 GiB</li>" in html


def test_a_study_of_one_architecture_has_no_pair_to_pick(tmp_path):
    question = scored_study.grid(architectures=("unet",), losses=("bce",))
    html = render("s", scored_study.boards(scored_study.keep(tmp_path / "s", question)), {})
    assert "Pick two rows" not in html


def test_the_command_writes_the_page_where_it_is_told_to(tmp_path, capsys):
    study = scored_study.keep(tmp_path / "mine")
    report(tmp_path / "mine", format_=Format.HTML, out=tmp_path / "page.html")
    assert f"written to {tmp_path / 'page.html'}" in capsys.readouterr().out
    written = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert written == render("mine", scored_study.boards(study), {})
    assert not (tmp_path / "mine" / "leaderboard.md").exists()
    with pytest.raises(InputError, match="--format html: shows the whole board"):
        report(tmp_path / "mine", format_=Format.HTML, sort="iou")
