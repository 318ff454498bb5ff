"""What `asgi-tiktok dev` says about an app whose login does not work with it."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from asgi_tiktok import TikTokAuthMiddleware
from asgi_tiktok.commands import main
from asgi_tiktok.commands.app_loader import with_failed_start
from asgi_tiktok.commands.dev_setup import secret_key
from asgi_tiktok.commands.dev_state import note_of_dev, running_dev
from asgi_tiktok.commands.import_probe import probe
from asgi_tiktok.commands.login_check import check_login
from asgi_tiktok.commands.terminal_log import LabelFormatter, WithoutAssets, log_config
from asgi_tiktok.emulator import RunningEmulator
from asgi_tiktok.emulator.server import serving
from tests.support.processes import Start
from tests.support.tiktok import new_tiktok

REAL: dict[str, Any] = {"client_key": "aw1", "client_secret": "s1", "base_url": None}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.mark.parametrize(
    ("settings", "callback", "sentence"),
    [
        ({}, "http://localhost:{port}/auth/tiktok/callback", None),
        (
            REAL,
            "http://localhost:{port}/auth/tiktok/callback",
            "Logins go to the real TikTok, not to http://127.0.0.1",
        ),
        ({"client_key": "aw1"}, "http://localhost:{port}/auth/tiktok/callback", "does not know the client key aw1"),
        ({}, "https://localhost:{port}/auth/tiktok/callback", "but this command serves http. Write http://"),
        ({}, "https://app.example.com/auth/tiktok/callback", "which is not this server. The app's code has settings"),
        (None, "", "answers 404 at /auth/tiktok/login. If it has no TikTokAuthMiddleware, write app.add_middl"),
    ],
)
def test_login_of_the_app_is_checked(
    listener: socket.socket,
    emulator_server: RunningEmulator,
    settings: dict[str, Any] | None,
    callback: str,
    sentence: str | None,
) -> None:
    port = listener.getsockname()[1]
    app = Starlette()
    if settings is not None:
        redirect_uri = callback.format(port=port)
        tiktok = new_tiktok(**{"base_url": emulator_server.url, "redirect_uri": redirect_uri, **settings})
        app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
    with serving(app, [listener]):
        problem = check_login(f"http://localhost:{port}", emulator_server)
    assert problem == sentence if sentence is None else problem and sentence in problem


def test_real_tiktok_is_expected_without_an_emulator(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    tiktok = new_tiktok(**{**REAL, "redirect_uri": f"http://localhost:{port}/auth/tiktok/callback"})
    with serving(TikTokAuthMiddleware(Starlette(), tiktok), [listener]):
        assert check_login(f"http://localhost:{port}", None) is None


def test_factory_that_reads_env_file_and_has_settings_in_code(start: Start, folder: Path) -> None:
    (folder / ".env").write_text("GREETING='hello world'\nTIKTOK_SCOPES=user.info.basic\n")
    (folder / "main.py").write_text(
        "import os\n"
        "from starlette.applications import Starlette\n"
        "from asgi_tiktok import TikTok, TikTokAuthMiddleware\n"
        "def create_app():\n"
        "    assert os.environ['GREETING'] == 'hello world'\n"
        "    redirect_uri = 'https://app.example.com/auth/tiktok/callback'\n"
        f"    tiktok = TikTok('aw1', 's1', redirect_uri, {'k3Vd-own-secret-key-8Rm2Wx7yQz5Tb9Hn'!r})\n"
        "    return TikTokAuthMiddleware(Starlette(), tiktok)\n"
    )
    process = start("dev", "main:create_app", "--factory", "--port", "0", "--emulator-port", "0")
    notice = process.wait_until_ready()
    assert "unchanged: TIKTOK_SCOPES" in notice
    process.wait_until(lambda: "! Logins go to the real TikTok" in process.stdout.read_text())
    assert "Write TikTok.from_env()" in process.stdout.read_text()
    process.wait_until(lambda: "app  INFO" in process.stderr.read_text())
    assert process.end() == 0


def test_factory_that_raises_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    (folder / "raising_factory.py").write_text("def make(): raise ValueError('no database')\n")
    assert probe("raising_factory:make", factory=True)["raised"] == "ValueError: no database"


def test_doctor_says_that_another_terminal_has_the_settings(
    folder: Path, listener: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".asgi-tiktok").mkdir()
    url = f"http://localhost:{listener.getsockname()[1]}"
    with note_of_dev("main:app", url):
        main(["doctor", "--offline"])
        assert f"! asgi-tiktok dev: it runs main:app at {url} with settings of its own" in capsys.readouterr().out
        listener.close()
        assert running_dev() is None
    assert list((folder / ".asgi-tiktok").glob("*.json")) == []


def test_lines_have_a_label_and_a_level_and_none_is_for_a_picture() -> None:
    def line(path: str) -> logging.LogRecord:
        arguments = ("127.0.0.1:9", "GET", path, "1.1", 200)
        return logging.LogRecord("uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', arguments, None)

    assert LabelFormatter("app").format(line("/me")) == 'app  INFO     127.0.0.1:9 - "GET /me HTTP/1.1" 200'
    assert [WithoutAssets().filter(line(path)) for path in ("/me", "/logo.png?v=2", "/a.css")] == [True, False, False]


def test_access_log_does_not_need_the_root_logger_which_litestar_replaces() -> None:
    access = log_config("app")["loggers"]["uvicorn.access"]
    assert (access["handlers"], access["propagate"]) == (["stderr"], False)


def test_browser_shows_why_the_app_cannot_start() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "The scope 'video.list' is not declared."})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    with TestClient(with_failed_start(app)) as browser:
        page = browser.get("/")
    assert page.status_code == 500
    assert "The scope &#x27;video.list&#x27; is not declared." in page.text


def test_store_of_the_developer_needs_no_other_store(folder: Path) -> None:
    assert len(secret_key({"TIKTOK_STORE": "redis://localhost"})) >= 32
    assert not (folder / ".asgi-tiktok" / "store.sqlite3").exists()
