"""The pytest plugin, used in other test suites."""

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from asgi_tiktok.emulator import DEFAULT_CLIENT_SECRET
from asgi_tiktok.testing import EmulatedTikTok, run_emulator

# An installation that is older than the entry point needs the option.
INSTALLED = any(entry.value == "asgi_tiktok.testing.plugin" for entry in entry_points(group="pytest11"))
LOAD = () if INSTALLED else ("-p", "asgi_tiktok.testing.plugin")

SUITE = """
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from asgi_tiktok import TikTok
from asgi_tiktok import TikTokAuthMiddleware
from asgi_tiktok.testing import login_as

ORIGIN = "https://testserver"


async def hello(request):
    return PlainTextResponse(f"Hello {request.user.display_name}")


def client_of(tiktok):
    app = Starlette(routes=[Route("/", hello)])
    return TestClient(TikTokAuthMiddleware(app, tiktok), base_url=ORIGIN, follow_redirects=False)


def sign_in(client, tiktok, **consent):
    begun = client.get("/auth/tiktok/login").headers["location"]
    return client.get(tiktok.consent(begun, **consent))


def test_login_as(tiktok_emulator):
    client = client_of(TikTok(**tiktok_emulator.settings))
    login_as(client)
    assert client.get("/").text == "Hello Ada"
    assert tiktok_emulator.requests() == []


def test_complete_login(tiktok_emulator):
    client = client_of(TikTok(**tiktok_emulator.settings))
    assert sign_in(client, tiktok_emulator).status_code == 303
    assert client.get("/").text == "Hello Amara Sol"
    [sent] = tiktok_emulator.requests("token")
    assert sent.request["grant_type"] == "authorization_code"
    assert [exchange.endpoint for exchange in tiktok_emulator.requests()] == ["consent", "token", "user_info"]


def test_emulator_is_new_for_each_test(tiktok_emulator):
    assert tiktok_emulator.requests() == []


def test_denied_login(tiktok_emulator):
    client = client_of(TikTok(**tiktok_emulator.settings))
    assert sign_in(client, tiktok_emulator, decision="deny").status_code == 403


def test_complete_login_over_a_socket(tiktok_emulator, tiktok_server):
    tiktok = TikTok.from_env(tiktok_server.environ)
    with client_of(tiktok) as client:
        assert sign_in(client, tiktok_server).status_code == 303
        assert client.get("/").text == "Hello Amara Sol"
    assert httpx2.get(f"{tiktok_server.url}/v2/auth/authorize/").status_code == 302
    assert len(tiktok_emulator.requests("authorize")) == 1


@pytest.mark.parametrize("number", range(4))
def test_server_is_new_for_each_test(tiktok_server, number):
    assert tiktok_server.requests() == []
"""

LAZY = """
import sys


def test_plugin_imports_no_emulator(pytestconfig):
    assert "asgi_tiktok.testing.plugin" in sys.modules
    heavy = {"uvicorn", "jinja2", "asgi_tiktok.emulator", "asgi_tiktok.testing.emulated_tiktok"}
    assert not heavy & set(sys.modules)
"""


def pytest_in(folder: Path, suite: str, *arguments: str) -> str:
    (folder / "test_suite.py").write_text(suite)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *LOAD, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.soak
def test_suite_that_uses_the_plugin(tmp_path: Path) -> None:
    assert "9 passed" in pytest_in(tmp_path, SUITE)


@pytest.mark.soak
def test_suite_that_uses_the_plugin_with_xdist(tmp_path: Path) -> None:
    pytest.importorskip("xdist")

    assert "9 passed" in pytest_in(tmp_path, SUITE, "-n", "2")


def test_unused_plugin_imports_no_emulator(tmp_path: Path) -> None:
    assert "1 passed" in pytest_in(tmp_path, LAZY)


def test_pytest_lists_the_fixtures(tmp_path: Path) -> None:
    listed = pytest_in(tmp_path, LAZY, "--fixtures")

    assert re.search(r"^tiktok_emulator .*\n +An emulated TikTok for this test, in this", listed, re.MULTILINE)
    assert re.search(r"^tiktok_server .*\n +The emulated TikTok of this test, served", listed, re.MULTILINE)


def test_import_needs_neither_pytest_nor_the_emulator() -> None:
    code = "import sys, asgi_tiktok.testing; print({'pytest', 'uvicorn', 'asgi_tiktok.emulator'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def test_emulated_tiktok_without_pytest() -> None:
    emulated = EmulatedTikTok()
    assert DEFAULT_CLIENT_SECRET not in repr(emulated)
    with run_emulator(emulated.emulator) as running:
        served = emulated.served_at(running.url)

        assert (served.url, served.environ["TIKTOK_BASE_URL"]) == (running.url, running.url)
        assert served.transport is None
        assert emulated.transport is not None
        assert served.settings["store"] is emulated.settings["store"]


def test_unknown_attribute_raises() -> None:
    import asgi_tiktok.testing

    with pytest.raises(AttributeError, match="no attribute 'log_in'"):
        asgi_tiktok.testing.log_in  # noqa: B018
