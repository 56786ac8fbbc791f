"""A grid on the machines of a Ray cluster, of which one may be lost."""

import threading

import pytest
from watched_run import CPU, figures, missing

from bench.errors import InputError
from bench.events import EpochDone
from bench.execution.run import run
from bench.study.study import Study

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
cluster_utils = pytest.importorskip("ray.cluster_utils")

from bench.execution.launchers.ray import ray_cluster  # noqa: E402 - where there is Ray
from bench.execution.launchers.ray_worker import fetch  # noqa: E402
from bench.execution.launchers.sent_files import with_files_here  # noqa: E402


class Losing:
    """A listener that has a machine of the cluster vanish while a cell is at work on it."""

    def __init__(self, cluster, node):
        self._cluster, self._node = cluster, node
        self.told = []
        self._lost = None

    def __call__(self, event):
        self.told.append(event)
        if self._lost is None and isinstance(event, EpochDone):
            self._lost = threading.Thread(
                target=self._cluster.remove_node,
                args=(self._node,),
                kwargs={"allow_graceful": False},
            )
            self._lost.start()


@pytest.mark.slow
def test_a_grid_is_complete_when_a_machine_is_lost_in_the_middle(asked, tmp_path, tiny_network):
    networks = [{"name": tiny_network, "channels": n, "pause_s": 0.2} for n in (4, 6, 8)]
    question = asked(architectures=networks, train={"epochs": 4, "batch_size": 8})
    alone, on_cluster = Study(tmp_path / "alone"), Study(tmp_path / "cluster")
    run(question, alone, device=CPU, threads=1, throughput=False)
    quick = {"health_check_period_ms": 500, "health_check_failure_threshold": 4}
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "_system_config": quick}
    )
    try:
        listen = Losing(cluster, cluster.add_node(num_cpus=1))
        cluster.wait_for_nodes()
        with ray_cluster({"address": cluster.address, "num_cpus": 1}) as machines:
            run(question, on_cluster, device=CPU, threads=1, listen=listen, cluster=machines)
    finally:
        cluster.shutdown()
    assert any("was lost" in getattr(event, "text", "") for event in listen.told)
    assert missing(question, on_cluster) == []
    assert figures(on_cluster) == figures(alone)


@pytest.mark.slow
def test_a_machine_is_sent_a_file_once(rendered_archive, tmp_path):
    path = tmp_path / "archive.zip"
    path.write_bytes(rendered_archive.read_bytes())
    with ray_cluster({}):
        home = ray.get_runtime_context().get_node_id()
        fetch_there = ray.remote(fetch)
        there = ray.get(fetch_there.remote(path, "data", home))
        assert there.name == path.name
        assert there.read_bytes() == path.read_bytes()
        path.unlink()
        assert ray.get(fetch_there.remote(path, "data", home)) == there
        with pytest.raises(InputError, match=r"missing.zip: cannot be sent: No such file"):
            ray.get(fetch_there.remote(path.with_name("missing.zip"), "data", home))


def test_a_file_that_is_not_here_is_fetched_and_any_other_path_stays(asked, tmp_path):
    question = asked()
    (archive,) = question.data.files
    assert with_files_here(question, fetch=None) == question
    elsewhere = asked(data={"archive": "not/here.zip", "split": {"file": "not/split.csv"}})
    found = with_files_here(elsewhere, lambda path: tmp_path / path.replace("not", "fetched"))
    assert found.data.files == (str(tmp_path / "fetched/here.zip"),)
    assert found.data.split.file == str(tmp_path / "fetched/split.csv")
    assert archive != found.data.files[0]
