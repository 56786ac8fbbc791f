import errno
import shutil
import subprocess
import sys

import pytest

from bench import files
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


def test_a_file_is_written_through_a_link_as_other_programs_do_it(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "a.txt", tmp_path / "link.txt"
    link.symlink_to("elsewhere/a.txt")
    for content in (b"the link points to nothing yet", b"now to a file"):
        write_atomically(link, content)
        assert link.is_symlink()
        assert target.read_bytes() == content
    assert [entry.name for entry in target.parent.iterdir()] == ["a.txt"]


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


# Every call to the system by which Python tells its audit hooks of a step is one to die before.
DYING = """
import os, sys
from pathlib import Path
from bench.files import atomic_folder

left = int(sys.argv[2])

def count_down(event, arguments):
    global left
    if event.partition(".")[0] in ("os", "shutil", "open", "ctypes"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)

with atomic_folder(Path(sys.argv[1])) as partial:
    for name in ("a", "b"):
        (partial / name).write_text("new")
    sys.addaudithook(count_down)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere folders change places in two steps")
def test_a_process_killed_at_any_step_leaves_the_old_folder_or_the_new_one_whole(tmp_path):
    path = tmp_path / "cell"
    found = []
    for step in range(1, 100):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        for name in ("a", "b"):
            (path / name).write_text("old")
        code = subprocess.run(
            [sys.executable, "-c", DYING, path, str(step)], check=False
        ).returncode
        found.append([file.read_text() for file in sorted(path.iterdir())])
        if code == 0:
            break
        assert code == -9
    assert code == 0
    replaced = found.index(["new", "new"])
    assert 4 < replaced < len(found) - 2  # it died before and after
    assert all(content == ["old", "old"] for content in found[:replaced])
    assert all(content == ["new", "new"] for content in found[replaced:])


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EINVAL])
def test_a_folder_is_replaced_where_folders_cannot_change_places(tmp_path, monkeypatch, code):
    class CannotExchange:
        @staticmethod
        def renameat2(*_):
            return -1

    monkeypatch.setattr(files.ctypes, "CDLL", lambda *_, **__: CannotExchange)
    monkeypatch.setattr(files.ctypes, "get_errno", lambda: code)
    test_a_folder_replaces_what_was_there(tmp_path)


def test_what_cannot_be_replaced_stays_and_leaves_nothing_beside_it(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").write_text("old")
    before = sorted(tmp_path.iterdir())
    for name in ("link", "file"):
        with pytest.raises(OSError, match="Not a directory"), atomic_folder(tmp_path / name):
            pass
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "link").is_symlink()


@pytest.fixture
def dead_process():
    """The id of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_dead_process_left_is_removed_and_nothing_else(tmp_path, dead_process):
    host = files._HOST
    alive = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    names = {
        "left": f".cell~{host}~{dead_process}~abc",
        "written now": f".cell~{host}~{alive.pid}~abc",
        "elsewhere": f".cell~another{host}~{dead_process}~abc",
        "a user's": ".cell",
        "finished": "cell",
    }
    for name in names.values():
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    left = tmp_path / f".a.zip~{host}~{dead_process}~partial"
    left.touch()
    files.remove_leftovers(tmp_path)
    there = {what for what, name in names.items() if (tmp_path / name).exists()}
    assert there == names.keys() - {"left"}
    assert not left.exists()
    alive.communicate()


def test_a_file_that_is_written_again_takes_the_place_of_a_dead_writers_rest(
    tmp_path, dead_process
):
    (tmp_path / f".a.zip~{files._HOST}~{dead_process}~partial").touch()
    write_atomically(tmp_path / "a.zip", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_folder_that_is_written_again_takes_the_place_of_a_dead_writers_rest(
    tmp_path, dead_process
):
    left = tmp_path / f".out~{files._HOST}~{dead_process}~abc"
    left.mkdir()
    (left / "model.safetensors").touch()
    with atomic_folder(tmp_path / "out") as partial:
        (partial / "a").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_removed_folder_is_gone_and_a_removal_that_was_cut_short_is_finished_later(
    tmp_path, monkeypatch, dead_process
):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("content")
    files.remove_folder(tmp_path / "one")
    assert [path.name for path in tmp_path.iterdir()] == ["two"]
    with monkeypatch.context() as patch:  # its process ends between the two steps
        patch.setattr(files.shutil, "rmtree", lambda *_, **__: None)
        patch.setattr(files.os, "getpid", lambda: dead_process)
        files.remove_folder(tmp_path / "two")
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".two~")
    files.remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []
