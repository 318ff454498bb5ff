import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import expect

from asgi_tiktok.commands import main
from asgi_tiktok.commands.dev_setup import emulated_app, port_in, warnings
from asgi_tiktok.commands.dev_state import running_dev
from asgi_tiktok.emulator import CAST, DEFAULT_CLIENT_KEY
from tests.support.chromium import LOOPBACK_ONLY, open_chromium
from tests.support.login import approve
from tests.support.ports import free_port
from tests.support.processes import Start
from tests.support.waiting import TIMEOUT, wait_until

from .app_source import APP

SECRET_KEY = "k3Vd-own-secret-key-8Rm2Wx7yQz5Tb9Hn"


def edit(folder: Path, content: str, seen: Callable[[], bool]) -> None:
    """Change the app, and wait until `seen()` returns True."""
    path = folder / "main.py"
    edited = float("-inf")

    def write_and_look() -> bool:
        nonlocal edited
        # A reload makes the reloader forget the files that it has seen, so it can miss an edit that follows at once.
        if time.monotonic() > edited + 5:
            # Some file systems store times in whole seconds.
            later = path.stat().st_mtime + 2
            path.write_text(content)
            os.utime(path, (later, later))
            edited = time.monotonic()
        return seen()

    wait_until(write_and_look)


def answer(visitor: httpx2.Client, url: str) -> httpx2.Response | None:
    """Return the app's answer, or None while it restarts."""
    try:
        return visitor.get(f"{url}/me", timeout=5)
    except httpx2.TransportError:
        return None


def shows_version(visitor: httpx2.Client, url: str, number: int) -> bool:
    found = answer(visitor, url)
    return found is not None and found.status_code == 200 and found.json()["version"] == number


def shows_error(visitor: httpx2.Client, url: str) -> bool:
    found = answer(visitor, url)
    return found is not None and found.status_code == 500


def test_sign_in_survives_reload_and_restart(start: Start, visitor: httpx2.Client, folder: Path) -> None:
    port, emulator_port = free_port(), free_port()
    command = ("dev", "main:app", "--port", str(port), "--emulator-port", str(emulator_port))
    url = f"http://localhost:{port}"

    process = start(*command)
    notice = process.wait_until_ready()
    assert f"Open       {url}\n" in notice
    assert f"Inspector  http://127.0.0.1:{emulator_port}/_emulator/\n" in notice
    assert "Settings" not in notice
    assert running_dev(folder / ".asgi-tiktok") == ("main:app", url)
    page = visitor.get(f"{url}/auth/tiktok/login?next=/me")
    assert approve(visitor, page, CAST[0].open_id).json() == {
        "version": 1,
        "name": CAST[0].display_name,
        "id": CAST[0].open_id,
    }

    edit(folder, APP.replace('"version": 1', '"version": 2'), lambda: shows_version(visitor, url, 2))
    assert visitor.get(f"{url}/me").json()["name"] == CAST[0].display_name

    assert process.end() == 0
    assert "Traceback" not in process.stderr.read_text()
    assert running_dev(folder / ".asgi-tiktok") is None
    assert "  !" not in process.stdout.read_text()
    for freed in (port, emulator_port):
        socket.create_server(("127.0.0.1", freed)).close()
    assert stat.S_IMODE((folder / ".asgi-tiktok" / "dev.key").stat().st_mode) == 0o600

    again = start(*command)
    again.wait_until_ready()
    assert visitor.get(f"{url}/me").json()["name"] == CAST[0].display_name
    assert again.end(signal.SIGTERM) == 0
    with pytest.raises(httpx2.ConnectError):
        visitor.get(f"{url}/me")


def test_settings_of_the_developer_are_not_changed(start: Start, visitor: httpx2.Client) -> None:
    port = free_port()
    redirect_uri = f"http://127.0.0.1:{port}/auth/tiktok/callback"
    process = start(
        "dev",
        "main:app",
        "--emulator-port",
        "0",
        TIKTOK_CLIENT_KEY="awown",
        TIKTOK_CLIENT_SECRET="own-secret",
        TIKTOK_REDIRECT_URI=redirect_uri,
        TIKTOK_SECRET_KEY=SECRET_KEY,
        TIKTOK_STORE="memory://",
    )
    notice = process.wait_until_ready()
    assert f"Open       http://localhost:{port}\n" in notice
    kept = "TIKTOK_CLIENT_KEY, TIKTOK_CLIENT_SECRET, TIKTOK_REDIRECT_URI, TIKTOK_SECRET_KEY, TIKTOK_STORE"
    assert f"Settings   unchanged: {kept}\n" in notice
    assert "Sessions   kept in your TIKTOK_STORE\n" in notice
    assert f"! Open the app as http://127.0.0.1:{port}," in notice
    assert "own-secret" not in notice
    assert SECRET_KEY not in notice

    page = visitor.get(f"http://127.0.0.1:{port}/auth/tiktok/login?next=/me")
    assert page.url.params["client_key"] == "awown"
    assert approve(visitor, page, CAST[0].open_id).json()["name"] == CAST[0].display_name
    assert process.end() == 0


def test_real_tiktok_uses_the_desktop_platform(start: Start, visitor: httpx2.Client) -> None:
    port = free_port()
    process = start(
        "dev", "main:app", "--real", "--port", str(port), TIKTOK_CLIENT_KEY="sbown", TIKTOK_CLIENT_SECRET="own-secret"
    )
    notice = process.wait_until_ready()
    redirect_uri = f"http://localhost:{port}/auth/tiktok/callback"
    assert f"Sandbox > your sandbox > Login Kit > Desktop > Redirect URI: {redirect_uri}\n" in notice

    answer = visitor.get(f"http://localhost:{port}/auth/tiktok/login", follow_redirects=False)
    to_tiktok = httpx2.URL(answer.headers["location"])
    assert to_tiktok.host == "www.tiktok.com"
    assert to_tiktok.params["redirect_uri"] == redirect_uri
    assert len(to_tiktok.params["code_challenge"]) == 64
    assert process.end() == 0


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "--real needs TIKTOK_CLIENT_KEY: copy it from Credentials"),
        ({"TIKTOK_CLIENT_KEY": "aw1"}, "--real needs TIKTOK_CLIENT_SECRET"),
        (
            {"TIKTOK_CLIENT_KEY": DEFAULT_CLIENT_KEY, "TIKTOK_CLIENT_SECRET": "s1"},
            "TIKTOK_CLIENT_KEY is the emulator's key",
        ),
        (
            {
                "TIKTOK_CLIENT_KEY": "aw1",
                "TIKTOK_CLIENT_SECRET": "s1",
                "TIKTOK_REDIRECT_URI": "https://app.example.com/auth/tiktok/callback",
            },
            "is not an address at http://localhost:8000, where --real serves the app; unset or correct it.",
        ),
        (
            {"TIKTOK_CLIENT_KEY": "aw1", "TIKTOK_CLIENT_SECRET": "s1", "TIKTOK_BASE_URL": "http://127.0.0.1:8700"},
            "is not the real TikTok; unset it for --real.",
        ),
        ({"TIKTOK_CLIENT_KEY": "aw1", "TIKTOK_CLIENT_SECRET": "'s1'"}, "has quotes around its value"),
    ],
)
def test_real_tiktok_refuses_settings_that_cannot_work(
    folder: Path,
    environ: dict[str, str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    assert main(["dev", "main:app", "--real"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert sentence in line


def test_app_is_reloaded_after_a_syntax_error(start: Start, visitor: httpx2.Client, folder: Path) -> None:
    port = free_port()
    process = start("dev", "main:app", "--port", str(port), "--emulator-port", "0")
    process.wait_until_ready()
    assert visitor.get(f"http://localhost:{port}/me").json()["version"] == 1

    url = f"http://localhost:{port}"
    edit(folder, "(", lambda: shows_error(visitor, url))
    broken = visitor.get(f"{url}/me")
    assert broken.status_code == 500
    assert "main:app cannot be imported" in broken.text
    assert "SyntaxError: &#x27;(&#x27; was never closed" in broken.text
    assert "opens the app by itself" in broken.text
    assert "app  ERROR    main:app cannot be imported" in process.stderr.read_text()
    edit(folder, APP.replace('"version": 1', '"version": 3'), lambda: shows_version(visitor, url, 3))
    assert process.end() == 0


@pytest.mark.browser
@pytest.mark.soak
def test_page_of_an_app_that_cannot_be_imported_opens_the_login_of_the_corrected_app(
    start: Start, visitor: httpx2.Client, folder: Path
) -> None:
    port = free_port()
    process = start("dev", "main:app", "--port", str(port), "--emulator-port", "0")
    process.wait_until_ready()
    url = f"http://localhost:{port}"
    edit(folder, "(", lambda: shows_error(visitor, url))
    with open_chromium(LOOPBACK_ONLY) as chromium:
        page = chromium.new_page()
        page.goto(f"{url}/auth/tiktok/login")
        expect(page.get_by_text("main:app cannot be imported")).to_be_visible()
        edit(folder, APP.replace('"version": 1', '"version": 3'), lambda: shows_version(visitor, url, 3))
        expect(page.get_by_role("button", name="Continue")).to_be_visible(timeout=TIMEOUT * 1000)
    assert process.end() == 0


@pytest.mark.parametrize("option", ["--port", "--emulator-port"])
def test_requested_port_in_use(
    folder: Path, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    other = {"--port": "--emulator-port", "--emulator-port": "--port"}[option]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        assert main(["dev", "main:app", option, port, other, "0"]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"asgi-tiktok: Port {port} is in use by another program. Choose another with {option}.\n"
    assert captured.out == ""
    assert not (folder / ".asgi-tiktok").exists()


def test_missing_uvicorn_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "asgi_tiktok.commands.reloader", raising=False)
    assert main(["dev", "main:app"]) == 2
    assert "pip install 'asgi-tiktok[emulator]'" in capsys.readouterr().err


def test_settings_that_lead_elsewhere_cause_warnings() -> None:
    environ = {
        "TIKTOK_REDIRECT_URI": "https://app.example.com/auth/tiktok/callback",
        "TIKTOK_BASE_URL": "http://127.0.0.1:9999",
    }
    elsewhere, other_emulator = warnings(environ, 8000, "http://127.0.0.1:8700")
    assert "https://app.example.com/auth/tiktok/callback, which is not this server" in elsewhere
    assert "http://127.0.0.1:9999, not to this emulator" in other_emulator
    assert port_in(environ) is None
    assert port_in({"TIKTOK_REDIRECT_URI": "http://localhost:port/x"}) is None


def test_one_redirect_uri_of_a_list_must_lead_to_this_server() -> None:
    environ = {
        "TIKTOK_REDIRECT_URI": "https://app.example.com/callback, http://127.0.0.1:8001/auth/tiktok/callback",
        "TIKTOK_BASE_URL": "http://127.0.0.1:8700",
        "TIKTOK_CLIENT_KEY": "awkey",
        "TIKTOK_CLIENT_SECRET": "a-secret",
    }
    assert port_in(environ) == 8001
    (warning,) = warnings(environ, 8001, "http://127.0.0.1:8700")
    assert "Open the app as http://127.0.0.1:8001" in warning
    assert "which is not this server" in warnings(environ, 8000, "http://127.0.0.1:8700")[0]
    assert emulated_app(environ, "app", "").redirect_for("https://app.example.com/callback")
