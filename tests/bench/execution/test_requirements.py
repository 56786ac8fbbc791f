"""What a run refuses before it decodes or trains anything, and what its dry run shows."""

import canonical_archive
import pytest
from watched_run import CPU

from bench.errors import InputError
from bench.events import Remark
from bench.execution.dry_run import dry_run
from bench.execution.launchers import start_server
from bench.execution.requirements import check_freezing
from bench.execution.run import run
from bench.settings.grid import Grid
from bench.study.study import Study

UNET = {"name": "unet", "width": 0.0625}
TWO_STAGES = {"batch_size": 8, "stages": [{"epochs": 1}, {"epochs": 1, "freeze": ["trunc"]}]}
LINE = (
    "unet(width=0.0625): freeze: the network has no part 'trunc'; did you mean 'trunk'? "
    "(parts: trunk, branches)"
)


@pytest.fixture
def nothing_is_decoded(monkeypatch):
    """Fails if a run goes on to open the data."""
    monkeypatch.setattr("bench.execution.run.open_context", lambda *_, **__: pytest.fail("opened"))


def told_by_dry_run(question, study, **options):
    told = []
    listen = lambda event: told.append(event.text) if isinstance(event, Remark) else None  # noqa: E731
    planned = dry_run(question, study, device=CPU, listen=listen, **options)
    return told, planned


def test_a_dry_run_shows_what_the_data_is(asked, tmp_path, rendered_archive):
    told, planned = told_by_dry_run(asked(), Study(tmp_path / "study"))
    assert f"{rendered_archive}: layout canonical, 36 samples" in told
    assert "each sample has background, composite, mask, depth" in told
    assert "22 train, 3 val, 11 test (shuffle, seed 0)" in told  # 36 * 0.6, 0.1, 0.3, rounded
    assert any(line.startswith("32x32 px: ") for line in told)
    assert len(planned) == 7
    assert not (tmp_path / "study").exists()


def test_a_dry_run_says_whether_the_images_are_decoded_already(
    asked, tmp_path, rendered_archive, monkeypatch
):
    monkeypatch.setenv("MASKDEPTH_CACHE", str(tmp_path / "not" / "there"))
    question = asked(data={"archive": str(rendered_archive), "image_size": [32, 64]})
    (line,) = [t for t in told_by_dry_run(question, Study(tmp_path / "s"))[0] if " px: " in t]
    assert line.startswith(f"64x32 px: to be decoded, 0 MiB in {tmp_path / 'not' / 'there'}, which")
    run(question, Study(tmp_path / "s"), device=CPU, throughput=False)
    (line,) = [t for t in told_by_dry_run(question, Study(tmp_path / "s"))[0] if " px: " in t]
    assert line.startswith(f"64x32 px: decoded already, in {tmp_path / 'not' / 'there'}")


def test_a_dry_run_refuses_data_that_lacks_what_the_grid_needs(asked, tmp_path, no_depth):
    question = asked(data={"archive": str(no_depth), "image_size": 32})
    with pytest.raises(InputError, match="has no depths, which the grid needs; train the mask"):
        dry_run(question, Study(tmp_path / "study"), device=CPU)


@pytest.fixture
def no_depth(tmp_path):
    entries = canonical_archive.entries(samples=20)
    kept = {name: content for name, content in entries.items() if not name.startswith("depth/")}
    canonical_archive.write(tmp_path / "no-depth.zip", kept)
    return tmp_path / "no-depth.zip"


@pytest.mark.parametrize("begin", [run, dry_run])
def test_a_part_that_no_network_has_is_found_before_anything_is_decoded(
    asked, tmp_path, begin, nothing_is_decoded
):
    question = asked(architectures=[UNET], train=TWO_STAGES)
    with pytest.raises(InputError) as raised:
        begin(question, Study(tmp_path / "study"), device=CPU)
    assert str(raised.value) == LINE
    assert not (tmp_path / "study").exists()


def test_it_is_found_in_a_process_of_its_own(asked):
    question, server = asked(architectures=[UNET], train=TWO_STAGES), start_server()
    try:
        with pytest.raises(InputError) as raised:
            check_freezing(question.cells(), server)
    finally:
        server.end()
    assert str(raised.value) == LINE


def test_a_part_of_the_network_that_a_teacher_judges_is_called_the_students():
    def question(part):
        return Grid(
            architectures=[UNET],
            losses=[{"mask": "bce", "depth": "l1"}],
            data={"archive": "a.zip"},
            train={
                "stages": [{"epochs": 1, "freeze": part}],
                "teacher": {"architecture": {**UNET, "inputs": "composite"}, "epochs": 1},
            },
        )

    check_freezing(question("student.trunk").cells(), None)
    with pytest.raises(InputError, match=r"no part 'trunk' \(parts: student, teacher\)"):
        check_freezing(question("trunk").cells(), None)


def test_a_network_that_cannot_be_built_is_no_mistake_of_freezing(asked):
    question = asked(architectures=["smp:Linknet/mit_b0"], train=TWO_STAGES)
    check_freezing(question.cells(), None)


def test_a_dry_run_refuses_what_this_machine_cannot_do(asked, tmp_path):
    study = Study(tmp_path / "study")
    with pytest.raises(InputError, match="devices_per_cell: 2 processes on the CPU need a thread"):
        dry_run(asked(devices_per_cell=2), study, device=CPU, threads=1)
    with pytest.raises(InputError, match="--per-device: cells that take several devices each run"):
        dry_run(asked(devices_per_cell=2), study, device=CPU, threads=2, per_device=None)
    tf32 = {"epochs": 1, "batch_size": 8, "precision": "tf32"}
    with pytest.raises(InputError, match="precision: tf32 needs a CUDA device"):
        dry_run(asked(train=tf32), study, device=CPU)
    dry_run(asked(devices_per_cell=2, train=tf32), study, device=None)  # on those of a cluster
