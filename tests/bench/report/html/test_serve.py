"""The served page: what it answers, whom it refuses, and that it follows its study."""

import http.client
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import scored_study
from page_reader import Page

from bench.cli import main
from bench.errors import InputError
from bench.report.html import serve
from bench.report.html.page import render
from bench.report.html.serve import PageServer, StudyPage, version_of

QUESTION = scored_study.grid(losses=("bce",), seeds=(0, 1))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "mine"
    scored_study.keep(folder, QUESTION)
    return folder


@pytest.fixture
def folder(kept, tmp_path):
    """A study that may be changed."""
    return Path(shutil.copytree(kept, tmp_path / "mine"))


@contextmanager
def serving(folder):
    with PageServer(folder, 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def standing(kept):
    """A server of a study that does not change."""
    with serving(kept) as server:
        yield server


@pytest.fixture
def server(folder, monkeypatch):
    monkeypatch.setattr(serve, "REST", 0)
    with serving(folder) as server:
        yield server


def ask(server, path="/", method="GET", **headers):
    connection = http.client.HTTPConnection(*server.server_address, timeout=60)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def a_cell(folder):
    return min((folder / "cells").iterdir())


def test_the_page_is_that_of_the_report_and_says_that_it_follows(kept, standing):
    answer, html = ask(standing)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert int(answer.headers["Content-Length"]) == len(html.encode())
    written = render("mine", scored_study.boards(scored_study.Study(kept)), {})
    assert Page(html).tables == Page(written).tables
    assert "4 of 9 cells of the latest grid are done; this page follows the study." in html
    assert "connect-src 'self'" in html
    assert "connect-src" not in written


def test_a_study_that_grows_gives_another_page_and_an_unchanged_one_none(
    folder, server, monkeypatch
):
    made = []
    monkeypatch.setattr(
        serve, "render", lambda *args, **how: made.append(1) or render(*args, **how)
    )
    cell = a_cell(folder)
    cell.rename(folder / "aside")
    before, html = ask(server)
    assert "3 of 9 cells" in html
    tag = before.headers["ETag"]
    again, nothing = ask(server, If_None_Match=tag)
    assert (again.status, nothing, len(made)) == (304, "", 1)
    assert ask(server)[1] == html
    assert len(made) == 1
    (folder / "aside").rename(cell)
    after, html = ask(server, If_None_Match=tag)
    assert after.status == 200
    assert after.headers["ETag"] != tag
    assert "4 of 9 cells" in html


def test_what_is_still_being_written_is_no_change(folder):
    before = version_of(folder)
    (folder / "cells" / ".abc~host~1~partial").mkdir()
    (folder / "claims").mkdir()
    assert version_of(folder) == before
    (folder / "cells" / "abc").mkdir()
    assert version_of(folder) != before


def test_a_page_that_took_long_is_not_made_again_at_once(folder, monkeypatch):
    """So that a run beside it is not slowed down."""
    monkeypatch.setattr(serve, "REST", 1e9)
    page = StudyPage(folder)
    first = page.current()
    a_cell(folder).rename(folder / "aside")
    assert page.current() == first


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost:9000", "[::1]:8000"])
def test_it_answers_to_the_names_of_this_machine_whatever_the_port(standing, name):
    assert ask(standing, Host=name)[0].status == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "evil:8000", ""]
)
def test_it_refuses_a_site_that_has_its_own_name_lead_here(standing, name):
    answer, body = ask(standing, Host=name)
    assert answer.status == 403
    assert "<" not in body


@pytest.mark.parametrize(
    "path", ["/index.html", "/cells", "/../mine/cells", "/?a", "/%2e%2e/", "http://evil/"]
)
def test_there_is_nothing_but_the_page(standing, path):
    answer, body = ask(standing, path, Host="127.0.0.1")
    assert (answer.status, body) == (404, "there is nothing but the page: /\n")


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_it_can_only_be_read(standing, method):
    assert ask(standing, method=method)[0].status == 501


def test_it_is_there_for_this_machine_alone(standing):
    assert standing.server_address[0] == "127.0.0.1"


def test_a_study_that_is_gone_is_said_in_a_line_and_shown_when_it_is_back(folder, server):
    folder.rename(folder.with_name("away"))
    answer, body = ask(server)
    assert answer.status == 503
    assert body.startswith(f"{folder}: holds no study")
    folder.with_name("away").rename(folder)
    assert ask(server)[0].status == 200


def test_a_port_that_is_taken_is_said_in_a_line(kept, standing):
    taken = standing.server_port
    with pytest.raises(InputError, match=f"^--port {taken}: cannot be had .* give another one"):
        PageServer(kept, taken)


def test_a_folder_without_a_study_is_not_served(tmp_path):
    with pytest.raises(InputError, match="holds no study"):
        PageServer(tmp_path, 0)


def test_ctrl_c_ends_it_as_it_ends_other_commands(kept, monkeypatch, capsys):
    def interrupted(server):
        raise KeyboardInterrupt

    monkeypatch.setattr(PageServer, "serve_forever", interrupted)
    monkeypatch.setattr(sys, "argv", ["bench", "serve", str(kept), "--port", "0"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert f"{kept}: http://127.0.0.1:" in capsys.readouterr().out
