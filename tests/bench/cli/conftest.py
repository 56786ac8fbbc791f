import os
import subprocess
import sys

import pytest

START = "from bench.cli import main; main()"


@pytest.fixture
def bench(tmp_path):
    """Run the command line as a user does, in an empty folder."""

    def bench(*arguments):
        return subprocess.run(
            [sys.executable, "-c", START, *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=os.environ | {"COLUMNS": "200"},
        )

    return bench
