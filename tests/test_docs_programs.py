"""The programs in the README and the docs run unchanged. Each has a title, which is the name of its file."""

import importlib
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from asgi_tiktok.testing import EmulatedTikTok

ROOT = Path(__file__).parent.parent


def programs_of(page: str) -> list[tuple[str, str]]:
    """Return the file names and the texts of the programs on a page."""
    fence = r'^```python title="(.+?)"\n(.*?)^```$'
    return re.findall(fence, ROOT.joinpath(page).read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, tiktok_server: EmulatedTikTok, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory of a new project, whose environment names the emulator."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name, value in {**tiktok_server.environ, "TIKTOK_STORE": "sqlite:///store.sqlite3"}.items():
        monkeypatch.setenv(name, value)
    yield tmp_path
    for name in ("main", "users"):
        sys.modules.pop(name, None)


def browser_of_main() -> TestClient:
    # https, because the cookies are Secure
    app = importlib.import_module("main").app
    return TestClient(app, base_url="https://testserver", follow_redirects=False)


def sign_in(browser: TestClient, tiktok: EmulatedTikTok, scopes: str = "") -> None:
    at_tiktok = browser.get("/auth/tiktok/login", params={"scopes": scopes}).headers["location"]
    assert browser.get(tiktok.consent(at_tiktok)).status_code == 303


def test_program_of_the_readme_signs_in(folder: Path, tiktok_server: EmulatedTikTok) -> None:
    [(name, text)] = programs_of("README.md")
    assert (name, text) in programs_of("docs/index.md")
    folder.joinpath(name).write_text(text)

    with browser_of_main() as browser:
        assert "Continue with TikTok" in browser.get("/").text
        sign_in(browser, tiktok_server)
        assert browser.get("/me").json()["name"] == "Amara Sol"


def test_tutorial_leads_from_a_sign_in_to_videos(folder: Path, tiktok_server: EmulatedTikTok) -> None:
    sign_in_only, users, with_users, with_videos, *_ = programs_of("docs/tutorial.md")

    folder.joinpath(sign_in_only[0]).write_text(sign_in_only[1])
    with browser_of_main() as browser:
        assert "Continue with TikTok" in browser.get("/").text
        sign_in(browser, tiktok_server)
        assert "Hello Amara Sol" in browser.get("/").text
        assert set(browser.get("/me").json()) == {"open_id", "name"}

    del sys.modules["main"]
    for name, text in (users, with_users):
        folder.joinpath(name).write_text(text)
    with browser_of_main() as browser:
        sign_in(browser, tiktok_server)
        sign_in(browser, tiktok_server)
        assert browser.get("/me").json() == {"id": 1, "name": "Amara Sol"}

    del sys.modules["main"]
    folder.joinpath(with_videos[0]).write_text(with_videos[1])
    with browser_of_main() as browser:
        sign_in(browser, tiktok_server)
        assert browser.get("/videos", headers={"accept": "text/html"}).status_code == 403
        sign_in(browser, tiktok_server, scopes="video.list")
        assert browser.get("/videos").text.count("<li>") == 20


def test_job_uses_the_tokens_of_the_app(
    folder: Path, tiktok_server: EmulatedTikTok, capsys: pytest.CaptureFixture[str]
) -> None:
    [(name, job)] = programs_of("docs/tokens.md")
    folder.joinpath(name).write_text(job)
    folder.joinpath("main.py").write_text(programs_of("README.md")[0][1])
    with browser_of_main() as browser:
        sign_in(browser, tiktok_server)

    runpy.run_path(name)

    assert capsys.readouterr().out.endswith(" Amara Sol\n")


def test_tests_in_the_docs_pass(tmp_path: Path) -> None:
    """The tests of the tutorial and of the page about tests, run together as a user would run them."""
    for name, text in (*programs_of("docs/tutorial.md"), *programs_of("docs/testing.md")):
        tmp_path.joinpath(name).write_text(text)

    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "asgi_tiktok.testing.plugin"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # the other plugins take seconds to load
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().splitlines()[-1].startswith("10 passed")
