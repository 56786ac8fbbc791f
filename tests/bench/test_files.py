import subprocess
import sys

import pytest

from bench.files import atomic_folder, atomic_path, write_atomically


def test_a_file_that_cannot_be_finished_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")

    def fail_half_way():
        with atomic_path(path) as partial:
            partial.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_process_killed_while_it_writes_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")
    dying = (
        "import os, sys; from pathlib import Path; from bench.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as partial:\n"
        "    partial.write_bytes(b'half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", dying, path], check=False).returncode == -9
    assert path.read_bytes() == b"old"


def test_the_folders_on_the_way_are_made(tmp_path):
    write_atomically(tmp_path / "new" / "deeper" / "a.txt", b"content")
    assert (tmp_path / "new" / "deeper" / "a.txt").read_bytes() == b"content"


def test_a_folder_appears_with_all_its_files(tmp_path):
    with atomic_folder(tmp_path / "cell") as partial:
        (partial / "a").write_text("1")
        assert not (tmp_path / "cell").exists()
    assert (tmp_path / "cell" / "a").read_text() == "1"
    assert [entry.name for entry in tmp_path.iterdir()] == ["cell"]


def test_a_folder_replaces_what_was_there(tmp_path):
    for name in ("first", "second"):
        with atomic_folder(tmp_path / "cell") as partial:
            (partial / name).write_text(name)
    assert [entry.name for entry in (tmp_path / "cell").iterdir()] == ["second"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["cell"]
