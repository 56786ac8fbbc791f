"""The tables for a paper: what stands in them, and that LaTeX takes them whatever a label is."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest
import scored_study
import small_board

from bench.report.latex import render
from bench.report.leaderboard import leaderboards
from bench.report.selection import EVERYTHING, Selection
from bench.study.study import Study
from bench.text import latex

PDFLATEX = shutil.which("pdflatex")
needs_pdflatex = pytest.mark.skipif(
    PDFLATEX is None, reason="needs pdflatex: apt install texlive-latex-recommended"
)
HOSTILE = r"[x]* a_b 50% & #1 {y} \end{table} ~ ^ $z$ <b|c> a--b über 中 δ"


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    return small_board.board(small_board.keep(tmp_path_factory.mktemp("latex") / "mine"))


def tex(*boards, selection=EVERYTHING, name="mine"):
    return render(name, selection.of(boards))


def rows(text):
    """The lines of all tables between their rules, cell by cell."""
    lines = [line.removesuffix(r" \\") for line in text.splitlines() if line.endswith(r" \\")]
    return [[cell.strip() for cell in line.split(" & ")] for line in lines]


def test_a_row_has_its_intervals_the_letters_of_its_ties_and_its_marks(board):
    found = rows(tex(board))
    assert found[:4] == [
        [
            *("architecture", "loss", "seeds", r"IoU $\uparrow$", r"RMSE $\downarrow$"),
            *(r"inference $\uparrow$", r"peak memory $\downarrow$"),
        ],
        ["", "", "", "", "", "images/s", "MiB"],
        [
            *("unet", "bce", "3", r"\textbf{0.900} $\pm$ 0.025\textsuperscript{a}"),
            *(r"0.3000 $\pm$ 0.0248\textsuperscript{c}", r"\textbf{1600}", "500"),
        ],
        [
            *("unet", "l1", "3", r"0.600 $\pm$ 0.025\textsuperscript{b}"),
            *(r"\textbf{0.1000} $\pm$ 0.0248\textsuperscript{a}", r"\textbf{1600}", "500"),
        ],
    ]
    assert found[5][3] == r"0.300 $\pm$ 0.025\textsuperscript{c} $\bigtriangledown$"


def test_trivial_rows_stand_below_a_rule(board):
    table = tex(board).split(r"\end{tabular}")[0].splitlines()
    assert table.count(r"\midrule") == 2
    below = table[len(table) - table[::-1].index(r"\midrule") :]
    assert below[0] == (
        r"empty mask & (baseline) & 1 & 0.000 & \textemdash{} & \textemdash{} & \textemdash{} \\"
    )
    assert len(below) == 5 + 1


def test_what_does_not_fit_stands_in_a_second_table_of_the_rows_that_have_it(board):
    text = tex(board)
    assert "empty mask" not in text.partition("further columns")[2]
    assert text.count(r"\begin{table*}") == text.count(r"\end{table*}") == 2
    assert [row for row in rows(text) if row[0] == "unet"][2] == ["unet", "bce", "2.09", "0.55"]
    assert r"\caption{Leaderboard of mine; split: shuffle, seed 0.}" in text
    assert re.findall(r"\\label\{(.*)\}", text) == ["tab:mine-1", "tab:mine-1-2"]
    assert r"Rows and marks are as in Table~\ref{tab:mine-1}." in text


def test_the_notes_say_what_the_marks_are_and_that_rows_are_left_out(board):
    text = tex(board, selection=Selection(columns=("iou",), rows=("unet*",)))
    assert (
        "Letters: all rows compared at once at 95 \\%; rows that share a letter cannot be told "
        "apart.\n"
    ) in text
    assert "2 of 9 rows shown: ranks, letters and bold are those of all rows.\n" in text
    assert "Rank: " not in text
    assert [row[3].partition("0.025")[2] for row in rows(text)[2:]] == [
        r"\textsuperscript{a}",
        r"\textsuperscript{b}",
    ]


def test_how_many_seeds_collapsed_is_shortened_and_explained(tmp_path):
    def tables(cell):
        found = scored_study.scores(cell)
        if cell.loss.mask == "l1" and cell.seed < 3:  # the whole image is taken for the object
            found = found.assign(tp=819.2, fn=0.0, fp=4096 - 819.2)
        return found

    (board,) = scored_study.boards(scored_study.keep(tmp_path, tables=tables))
    text = tex(board)
    assert [row[3].rpartition(" (")[2] for row in rows(text) if row[1] == "l1"][:1] == ["3/4)"]
    assert "In brackets: how many seeds collapsed, of how many.\n" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b", r"a\_b"),
        ("50 % & #1 $x$", r"50 \% \& \#1 \$x\$"),
        ("{x}", r"\{x\}"),
        ("\\input{a}", r"\textbackslash{}input\{a\}"),
        ("~^", r"\textasciitilde{}\textasciicircum{}"),
        ("<a|b>", r"\textless{}a\textbar{}b\textgreater{}"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("über Ångström ÿ", "über Ångström ÿ"),
        ("Ð þ 中 🙂", "U+00D0 U+00FE U+4E2D U+1F642"),
        ("a\nb\x1b", r"a\textbackslash{}nb\textbackslash{}x1b"),
    ],
)
def test_a_label_is_shown_as_it_is(text, shown):
    assert latex(text) == shown


def renamed(board):
    """The board with rows whose names are anything."""
    rows = [replace(row, architecture=HOSTILE, loss=HOSTILE) for row in board.rows]
    return replace(board, rows=tuple(rows))


def test_no_label_makes_a_cell_or_takes_the_place_of_an_argument(board):
    text = tex(renamed(board), name=HOSTILE)
    assert {len(row) for row in rows(text.split(r"\end{tabular}")[0])} == {7}
    assert r"\end{table}" not in text
    lines = text.splitlines()
    after = [
        line for line, before in zip(lines[1:], lines, strict=False) if before.endswith("\\\\")
    ]
    assert not [line for line in after if line.startswith(("[", "*"))]


def compiled(folder, text):
    """What pdfLaTeX says of a document that has nothing but the tables and booktabs."""
    (folder / "tables.tex").write_text(text, encoding="utf-8")
    document = r"""\documentclass[twocolumn]{article}
\usepackage{booktabs}
\setlength{\textwidth}{6.875in}% of a conference with two columns
\begin{document}
\input{tables}
\end{document}
"""
    (folder / "paper.tex").write_text(document, encoding="utf-8")
    command = [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert (folder / "paper.pdf").stat().st_size > 1000
    return (folder / "paper.log").read_text(encoding="utf-8", errors="replace")


@pytest.mark.slow
@needs_pdflatex
def test_pdflatex_takes_the_tables_whatever_the_labels_are(board, tmp_path):
    log = compiled(tmp_path, tex(renamed(board), name=HOSTILE))
    assert "Missing character" not in log
    assert "Undefined control sequence" not in log


@pytest.mark.slow
@needs_pdflatex
@pytest.mark.parametrize("study", ["quick", "cross-cpu"])
def test_the_tables_of_a_published_study_fit_the_page_of_a_paper(study, tmp_path, repository):
    boards = leaderboards(Study(repository / "results/published" / study).load())
    log = compiled(tmp_path, tex(*boards, name=study))
    assert "Overfull" not in log
    assert "Missing character" not in log
