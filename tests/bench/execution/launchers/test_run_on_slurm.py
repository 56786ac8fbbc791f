"""A grid as jobs of SLURM, here of submitit's executor for one machine."""

import subprocess

import pytest
from watched_run import CPU, figures, missing

from bench.events import CellStarted, EpochDone, Remark
from bench.execution.run import run
from bench.study import places
from bench.study.study import Study

submitit = pytest.importorskip("submitit", reason="the extra `slurm` is not installed")

from bench.execution.launchers.slurm import SlurmCluster  # noqa: E402 - where it is


class Preempting:
    """A listener that has the first cell preempted, after its first epoch."""

    def __init__(self, monkeypatch):
        self.told, self._jobs = [], []
        send = submitit.AutoExecutor.submit_array
        self.arrays = []

        def submit_array(executor, tasks):
            jobs = send(executor, tasks)
            self.arrays.append(len(jobs))
            self._jobs += zip(tasks, jobs, strict=True)
            return jobs

        monkeypatch.setattr(submitit.AutoExecutor, "submit_array", submit_array)

    def __call__(self, event):
        self.told.append(event)
        if isinstance(event, EpochDone) and self._jobs:
            for task, job in self._jobs:
                if task.job.cell.id == event.cell_id:
                    # As the scheduler does: the signal goes to the job itself.
                    (pid,) = subprocess.check_output(
                        ["/bin/ps", "-o", "pid=", "--ppid", job.job_id], text=True
                    ).split()
                    subprocess.check_call(["/bin/kill", "-USR2", pid])
            self._jobs = []


@pytest.mark.slow
def test_a_cell_that_is_preempted_goes_on_and_ends_as_if_it_had_not_been(
    asked, tmp_path, tiny_network, monkeypatch
):
    network = {"name": tiny_network, "pause_s": 0.3}
    question = asked(architectures=[network], losses=["bce"], train={"epochs": 6, "batch_size": 8})
    alone, on_cluster = Study(tmp_path / "alone"), Study(tmp_path / "cluster")
    run(question, alone, device=CPU, threads=1, throughput=False)
    listen = Preempting(monkeypatch)
    # By default a job has two minutes, in which a busy machine may not even have loaded torch.
    cluster = SlurmCluster({"cpus_per_task": 1, "timeout_min": 30}, executor="local")
    run(question, on_cluster, device=CPU, listen=listen, cluster=cluster)
    assert missing(question, on_cluster) == []
    assert figures(on_cluster) == figures(alone)
    remarks = [event for event in listen.told if isinstance(event, Remark)]
    assert [remark.text for remark in remarks if remark.about] == []
    # The whole grid is one array, and what was preempted is no second try.
    assert listen.arrays == [len(list(question.cells()))]
    started = [event for event in listen.told if isinstance(event, CellStarted)]
    assert len(started) == listen.arrays[0]
    numbers = [event.number for event in listen.told if isinstance(event, EpochDone)]
    assert sorted(set(numbers)) == list(range(1, 7))
    left = [on_cluster.folder / places.SLURM, *(on_cluster.folder / places.CHECKPOINTS).glob("*")]
    assert [place for place in left if place.exists()] == []
