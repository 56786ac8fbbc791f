import pytest
import study_maker
from rich.console import Console

from bench.report import markdown, terminal
from bench.report.leaderboard import leaderboards
from bench.report.speeds import speeds
from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study.measurement import Flops, Measurement, Reference
from bench.study.plan import timing_cases
from bench.study.record import Execution, Training
from bench.study.study import Study
from bench.study.timing_case import training_figure

GRID = Grid(
    architectures=(Architecture(name="unet"), Architecture(name="densenet")),
    losses=(LossPair(mask="bce", depth="bce"), LossPair(mask="bce", depth="l1")),
    seeds=(0, 1, 2),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=3),
)
BASELINES = {
    "empty mask": {"iou": 0.0},
    "full mask": {"iou": 0.2},
    "difference": {"iou": 0.4},
    "mean depth": {"rmse": 0.3},
    "pixel mean depth": {"rmse": 0.2},
}
# (IoU, RMSE) of each architecture and loss, seed by seed
TRAINED = {
    ("unet", "bce"): [(0.5, 0.16), (0.6, 0.21), (0.7, 0.26)],
    ("unet", "mask: bce, depth: l1"): [(0.65, 0.08), (0.65, 0.09), (0.65, 0.1)],
    ("densenet", "bce"): [(0.3, 0.21), (0.35, 0.21), (0.4, 0.21)],
}


@pytest.fixture
def study(tmp_path):
    """Three of four rows are complete; the last has one failed seed and two that are missing."""
    study = Study(tmp_path / "study")
    records = []
    for cell in GRID.cells():
        if cell.loss is None:
            records.append(study_maker.record(cell, summary=BASELINES[cell.architecture.name]))
        elif (key := (cell.architecture.name, cell.loss.label)) in TRAINED:
            iou, rmse = TRAINED[key][cell.seed]
            summary = {"iou": iou, "rmse": rmse}
            records.append(study_maker.record(cell, summary=summary, peak_memory_mib=500))
        elif cell.seed == 0:
            records.append(study_maker.record(cell, failure="out of memory: 20 GiB"))
    return study_maker.keep(study, GRID, records)


def board_of(study):
    (board,) = leaderboards(study.load())
    return board


def render(study):
    results = study.load()
    return markdown.render("study", leaderboards(results), results.damaged)


def printed(study, width=200):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    results = study.load()
    terminal.print_leaderboard(console, "study", leaderboards(results), results.damaged)
    return console.export_text()


def row(text, *starts):
    """The cells of the first table row that begins with ``starts``."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    found, *_ = [cells for cells in rows if tuple(cells[: len(starts)]) == starts]
    return found[len(starts) :]


def whole_row(text, *starts):
    """The same, with what stands in the table of further columns."""
    first, _, further = text.partition("Further columns of these rows:")
    return [*row(first, *starts), *row(further, *starts)]


def test_a_row_is_the_mean_and_half_of_its_95_percent_interval(study):
    text = render(study)
    # All images have the same value: Student's t of 2 degrees of freedom, 4.303, times the standard
    # deviation over the seeds, 0.1 and 0.05, by the root of 3.
    assert row(text, "unet", "bce")[:2] == ["3", "**0.600 ± 0.248**"]
    assert row(text, "unet", "bce")[3] == "**0.2100 ± 0.1242** ▼"


def test_the_best_of_each_column_is_bold_and_trivial_rows_cannot_be(study):
    text = render(study)
    best = row(text, "unet", "mask: bce, depth: l1")
    assert best[1:5] == ["**0.650 ± 0.000**", "1-2 a", "**0.0900 ± 0.0248**", "1-2 a"]
    assert row(text, "densenet", "bce")[3] == "0.2100 ± 0.0000 ▼"
    assert "**" not in "".join(row(text, "difference", "(baseline)"))


def test_a_row_no_better_than_a_baseline_is_marked(study):
    text = render(study)
    assert row(text, "densenet", "bce")[1] == "0.350 ± 0.124 ▼"
    assert row(text, "densenet", "bce")[3] == "0.2100 ± 0.0000 ▼"
    assert row(text, "difference", "(baseline)")[1:4] == ["0.400", "—", "—"]


def test_rows_stand_in_order_of_iou_with_those_without_figures_last(study):
    board = board_of(study)
    assert [(r.architecture, r.loss, r.seeds) for r in board.rows] == [
        ("unet", "mask: bce, depth: l1", 3),
        ("unet", "bce", 3),
        ("densenet", "bce", 3),
        ("densenet", "mask: bce, depth: l1", 0),
    ]


def test_what_failed_or_is_missing_stays_in_sight(study):
    text = render(study)
    assert row(text, "densenet", "mask: bce, depth: l1")[:5] == ["0 of 3", *"————"]
    assert "- failed: out of memory: 20 GiB: densenet, mask: bce, depth: l1 (seed 0)" in text
    assert "- not run yet: densenet, mask: bce, depth: l1 (seeds 1, 2)" in text


def test_that_each_batch_is_divided_is_said(tmp_path):
    grid = GRID.model_copy(update={"train": Train(epochs=3, accumulate=4)})
    text = render(study_maker.keep(Study(tmp_path / "study"), grid, []))
    assert "- training: 3 epochs of batches of 16 in 4 micro-batches, adamw at 0.001" in text


def test_that_several_devices_train_a_cell_is_said(tmp_path):
    line = "- each cell trained on 2 devices, among which its batches were divided"
    for devices in (1, 2):
        grid = GRID.model_copy(update={"devices_per_cell": devices})
        text = render(study_maker.keep(Study(tmp_path / f"{devices}"), grid, []))
        assert (line in text) == (devices == 2)


def test_the_crossed_tables_have_architectures_down_and_losses_across(study):
    text = render(study)
    iou = text[text.index("## IoU ↑") : text.index("## RMSE")]
    assert row(iou, "architecture") == ["bce", "mask: bce, depth: l1"]
    assert row(iou, "unet") == ["**0.600 ± 0.248**", "**0.650 ± 0.000**"]
    assert row(iou, "densenet") == ["0.350 ± 0.124 ▼", "—"]


def test_the_setting_is_said_once(study):
    text = render(study)
    assert "- data: a.zip at 64x64 px" in text
    assert "- split: 6 train, 1 validation, 2 test images (shuffle, seed 0, digest 0123)" in text
    assert "- training: 3 epochs of batches of 16, adamw at 0.001 (one_cycle), bf16" in text
    assert "- one recipe for all rows, tuned for none" in text
    assert "- machine: a processor (cpu, 2 threads), torch 2.13.0, commit cccccccccccc" in text


def test_the_same_records_give_the_same_text(study):
    assert render(study) == render(study)


@pytest.mark.parametrize("width", [70, 90, 200])
def test_the_terminal_shows_the_scores_whole_at_any_width(study, width):
    text = printed(study, width)
    assert "0.600 ± 0.248" in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    assert ("in the written report too" in text) == (width < 200)


@pytest.mark.parametrize(("width", "left_out"), [(60, 4), (80, 3), (100, 2)])
def test_the_terminal_leaves_out_metrics_rather_than_names(tmp_path, width, left_out):
    metrics = ("iou", "rmse", "dice", "mae", "recall")
    grid = GRID.model_copy(update={"seeds": (0,), "metrics": metrics})
    summary = dict.fromkeys(metrics, 0.5)
    cells = [cell for cell in grid.cells() if cell.loss is not None]
    records = [study_maker.record(cell, summary=summary) for cell in cells]
    text = printed(study_maker.keep(Study(tmp_path / "study"), grid, records), width)
    heading = next(line for line in text.splitlines() if "architecture" in line)
    names = ["IoU", "RMSE", "Dice", "MAE", "recall"]
    assert [name for name in names if name in heading] == names[:-left_out]
    assert f"in the written report too: {', '.join(names[-left_out:])}\n" in text
    assert [text.count(f" {name} ") for name in ("unet", "densenet")] == [2, 2]
    assert [text.count(f" {part} ") for part in ("bce", "mask: bce,")] == [2, 2]
    assert max(map(len, text.splitlines())) <= width


def test_the_terminal_shows_the_first_table_of_the_report_and_what_its_marks_mean(study):
    text, shown = render(study), printed(study, 500)  # no line is wrapped
    header = row(text, "architecture")
    assert header == ["loss", "seeds", "IoU ↑", "rank", "RMSE ↓", "rank", "peak memory MiB ↓"]
    headings = "peak memory architecture loss seeds IoU ↑ rank RMSE ↓ rank MiB ↓"
    assert headings in " ".join(shown.split())
    in_report = " ".join(row(text, "unet", "bce")).replace("**", "")
    assert in_report.startswith("3 0.600 ± 0.248 1-")
    assert f"unet bce {in_report}" in " ".join(shown.split())
    (legend,) = [line for line in text.splitlines() if line.startswith("**Bold**")]
    sentences = [line for line in shown.splitlines() if f"{line}." in legend.replace("**", "")]
    assert " ".join(f"{line}." for line in sentences) == legend.replace("**", "")


def cases(study):
    records = study.load().records.values()
    return [
        case
        for case, _ in timing_cases(GRID.cells(), [r for r in records if r.summary is not None])
    ]


BCE_L1 = "mask: bce, depth: l1"
PASS_S = {"unet": 0.01, "densenet": 0.04}  # of a batch of 16
STEP_S = {"bce": 0.05, "l1": 0.08}  # by the loss of depth


def measured(case, waited_share=0.0):
    """Three rounds of six blocks, which differ by 1 %, beside a reference that does so too."""
    rounds = [[scale] * 6 for scale in (0.99, 1, 1.01)]

    def timing(seconds):
        return study_maker.timing(
            *([seconds * scale for scale in blocks] for blocks in rounds), waited_share=waited_share
        )

    name = case.architecture.name
    trainings = {training_figure(t.loss): STEP_S[t.loss.depth] for t in case.trainings}
    reference = {number: 0.01 * blocks[0] for number, blocks in enumerate(rounds, 1)}
    return Measurement(
        case=case,
        environment=study_maker.ENVIRONMENT,
        measured_utc=study_maker.NOW,
        timings={
            "inference": timing(PASS_S[name]),
            "latency": timing(0.002),
            **{figure: timing(seconds) for figure, seconds in trainings.items()},
        },
        parameters=3_000_000,
        flops=Flops(forward=2 * 10**9, training=None, counter="c", uncounted=()),
        reference=None
        if name == "unet"
        else Reference(label="unet", seconds={"inference": reference}),
    )


@pytest.fixture
def timed(study):
    """The same study, with what was measured when all cells were trained."""

    def timed(**found):
        for case in cases(study):
            study.write_measurement(measured(case, **found))
        return study

    return timed


def test_each_row_has_the_speed_that_was_measured_of_its_network_and_loss(timed):
    text = render(timed()).partition("## Throughput")[0]
    # 16 / 0.01 and 16 / 0.04 images a second; 16 / 0.05 and 16 / 0.08 with the two losses
    assert whole_row(text, "unet", "bce")[5:] == [
        "**1600**",
        "**320**",
        "**2.0**",
        "**500**",
        "**3.00**",
        "**2.00**",
    ]
    assert whole_row(text, "densenet", "bce")[5:7] == ["400", "**320**"]
    assert whole_row(text, "unet", BCE_L1)[5:7] == ["**1600**", "200"]


def test_the_speeds_stand_with_their_intervals_beside_the_reference(timed):
    text = render(timed()).partition("## Throughput")[2]
    # Student's t of 2 degrees of freedom times 0.01 / sqrt(3), and 1 % between processes
    half = 0.01 * 4.303 / 3**0.5 + 0.01
    alone, beside, training, _, latency, _, blocks = row(text, "densenet", "bce")
    assert alone == f"400 ± {400 * half:.0f}"
    assert beside == "0.250 ± 0.002"  # in every round the same; and 1 % of 0.25
    assert training.startswith("320 ± ")
    assert latency.startswith("2.0 ± ")
    assert blocks == "54 of 54"
    assert row(text, "unet", "bce")[1] == "reference"
    assert (
        "Throughput: each network in a process of its own on a processor (cpu, 2 threads), torch "
        "2.13.0, commit cccccccccccc; bf16, batch 16 of 64x64 px, decoding apart; in rounds, in "
        "turn with the reference unet; 126 of 126 blocks undisturbed by other programs, in 3 "
        "rounds; ± up to 3% (half of the 95 % interval)."
    ) in text


def test_a_disturbed_figure_is_withheld_with_its_reason(timed):
    study = timed(waited_share=0.5)
    text = render(study)
    assert whole_row(text.partition("## Throughput")[0], "unet", "bce")[5:] == [
        "**500**",
        "**3.00**",
        "**2.00**",
    ]
    none = "0 of 18 blocks clean"
    told = (
        f"unet (inference: {none}, latency: {none}, training with bce: {none}, "
        f"training with {BCE_L1}: {none})"
    )
    (line,) = [one for one in text.splitlines() if one.startswith("- throughput: disturbed: ")]
    assert line.endswith(f"; {told}")
    assert told in " ".join(printed(study).split())


def test_the_fastest_is_not_bold_where_the_speed_of_another_is_withheld(study):
    unet, densenet = cases(study)
    study.write_measurement(measured(unet, waited_share=0.5))
    study.write_measurement(measured(densenet))
    text = render(study).partition("## Throughput")[0]
    assert whole_row(text, "densenet", "bce")[5:7] == ["400", "320"]


def test_networks_beside_different_references_stand_in_different_tables(study):
    _, densenet = cases(study)
    other = densenet.model_copy(update={"architecture": Architecture(name="autoencoder")})
    beside = Reference(label="the other reference", seconds={"inference": {1: 0.01}})
    found = measured(densenet).model_copy(update={"case": other, "reference": beside})
    alone, together = speeds([measured(densenet)]), speeds([measured(densenet), found])
    assert alone.count("| architecture") == 1
    assert together.count("| architecture") == 2


def test_a_measurement_that_failed_stays_in_sight(study):
    case, _ = cases(study)
    failed = Measurement(
        case=case,
        environment=study_maker.ENVIRONMENT,
        measured_utc=study_maker.NOW,
        failure="out of memory: 20 GiB",
    )
    study.write_measurement(failed)
    text = render(study)
    assert "- throughput: failed: out of memory: 20 GiB: unet" in text
    assert row(text, "unet", "bce")[5:] == ["**500**"]  # the memory is the only cost that is known


def test_how_batches_were_made_to_fit_is_said_and_whether_memory_ran_out(tmp_path):
    executions = tuple(
        Execution(
            data_location="host",
            data_wait_share=0.0,
            accumulation_steps=steps,
            checkpointing=steps == 4,
            out_of_memory=steps == 4,
            compiled=False,
            compilation="as asked for",
        )
        for steps in (1, 2, 4, 4)
    )
    cell = list(GRID.cells())[-1]
    training = Training(curve=(), executions=executions)
    found = study_maker.record(cell, summary={"iou": 0.5}, training=training)
    board = board_of(study_maker.keep(Study(tmp_path / "study"), GRID, [found]))
    row = next(row for row in board.rows if row.seeds)
    assert row.remarks[1:] == (
        (
            "seed 2: gradient accumulation over 2 micro-batches; BatchNorm statistics are per "
            "micro-batch"
        ),
        (
            "seed 2: gradient accumulation over 4 micro-batches (out of memory); BatchNorm "
            "statistics are per micro-batch"
        ),
        "seed 2: activation checkpointing (out of memory)",
    )
