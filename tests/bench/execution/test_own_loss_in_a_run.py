"""Cells that are trained with a loss of a user's own file."""

from pathlib import Path

import own_loss
import pytest
from watched_run import CPU, Watch, missing

from bench.errors import InputError
from bench.execution.provenance import Inventory
from bench.execution.run import look_ahead, run
from bench.report import markdown
from bench.report.leaderboard import leaderboards
from bench.study.study import Study

pytestmark = pytest.mark.usefixtures("timed")
LOSSES = "from neighbour import *\n"


@pytest.fixture
def own(tmp_path):
    """A folder with a file of losses, which has them from its neighbour."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "mine.py").write_text(LOSSES)
    (folder / "neighbour.py").write_text(Path(own_loss.__file__).read_text())
    return folder


def test_it_trains_as_the_loss_of_the_project_that_it_repeats(tmp_path, asked, own):
    mixture = "0.5*{} + ssim(window=3)"
    specs = ["l1", f"{own / 'mine.py'}:own_l1"]
    question = asked(losses=[*specs, *map(mixture.format, specs)])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    records = study.load().records
    trained = [records[cell.id] for cell in question.cells() if cell.loss is not None]
    ours, theirs, our_mixture, their_mixture = (
        (record.summary, [epoch.losses for epoch in record.training.curve]) for record in trained
    )
    assert theirs == ours
    assert their_mixture == our_mixture != ours
    sources = trained[1].provenance.sources
    assert list(sources) == ["decoding", "tiny_network.py:tiny_network", "loss mine.py:own_l1"]
    assert set(sources["loss mine.py:own_l1"]) == {"mine.py", "neighbour.py"}
    assert "| mine.py:own_l1 " in markdown.render("study", leaderboards(study.load()), {})


def test_a_moved_file_leaves_nothing_to_run_and_a_changed_one_says_why(tmp_path, asked, own):
    study = Study(tmp_path / "study")
    run(asked(losses=[f"bce + {own / 'mine.py'}:own_l1"]), study, device=CPU)
    own = own.rename(tmp_path / "moved")
    question = asked(losses=[f"bce + {own / 'mine.py'}:own_l1"])
    assert missing(question, study) == []
    (own / "neighbour.py").write_text(Path(own_loss.__file__).read_text() + "# changed\n")
    (stale,) = [one for one in look_ahead(question, study) if one.state == "stale"]
    assert stale.why == "neighbour.py changed"
    watch = Watch()
    run(question, study, device=CPU, listen=watch)
    assert watch.started == [stale.cell.label]
    assert missing(question, study) == []


def test_a_file_that_is_gone_is_one_line_wherever_it_is_looked_for(asked, own):
    question = asked(losses=[f"{own / 'mine.py'}:own_l1"])
    (own / "mine.py").unlink()
    with pytest.raises(InputError, match=r"mine\.py:own_l1: there is no file .* \(looked in "):
        Inventory("d", "s").of(list(question.cells())[-1])


def test_a_loss_that_fails_while_it_trains_is_a_failed_cell_that_names_the_line(
    tmp_path, asked, own
):
    (own / "mine.py").write_text(
        "from losses.loss import loss\n"
        '@loss(takes="logits", bounds=(0, 1))\n'
        "def broken(logits, target, valid):\n"
        "    return logits.no_such_thing\n"
    )
    question = asked(losses=[f"{own / 'mine.py'}:broken", "bce"])
    study = Study(tmp_path / "study")
    run(question, study, device=CPU)
    records = [study.load().records[c.id] for c in question.cells() if c.loss is not None]
    assert "no_such_thing" in records[0].failure
    assert records[0].failure.endswith("(mine.py:4)")
    assert records[1].failure is None
