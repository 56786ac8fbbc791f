"""A server that forks a process for each job."""

import pytest
from fork_server_jobs import begin, open_shared, work

from bench.machine.fork_server import ForkServer
from bench.machine.job_process import Limits, Task
from bench.machine.stop import Stop


@pytest.fixture(scope="module")
def server():
    server = ForkServer("fork_server_jobs:load")
    yield server
    server.end()


@pytest.fixture
def run(server):
    def run(*jobs, count=1, limits=Limits(), begin=begin, open_shared=open_shared):  # noqa: B008
        told = []
        task = Task(open_shared, begin, work, limits)
        found = list(server.map(jobs, task, count=count, on_message=told.append, stop=Stop()))
        return dict(found), told

    return run
