"""Where the processes of cells run: one contract for all ways."""

from bench.machine.fork_server import ForkServer


def start_server() -> ForkServer:
    """Start the process that cells are forked from; it loads torch while this one does."""
    return ForkServer("bench.execution.launchers.processes:preload")
