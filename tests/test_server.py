"""A login over real sockets: a browser, the app under uvicorn, and the emulator under uvicorn."""

import logging
from pathlib import Path

import httpx2
import pytest

from asgi_tiktok import SQLiteStore, TikTokAuthMiddleware
from asgi_tiktok.emulator import RunningEmulator
from tests.support.app import app
from tests.support.login import approve
from tests.support.people import AMARA, QUILL
from tests.support.servers import serve_in_thread
from tests.support.tiktok import new_tiktok
from tests.support.waiting import TIMEOUT


@pytest.fixture
def site(emulator_server: RunningEmulator, port: int, tmp_path: Path) -> TikTokAuthMiddleware:
    tiktok = new_tiktok(
        base_url=emulator_server.url,
        redirect_uri=f"http://localhost:{port}/auth/tiktok/callback",
        store=SQLiteStore(tmp_path / "store.sqlite3"),
    )
    return TikTokAuthMiddleware(app, tiktok, protect=("/studio",))


def test_login_over_real_sockets_keeps_secrets_out_of_the_access_log(
    site: TikTokAuthMiddleware, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "uvicorn.access")
    with serve_in_thread(site, port), httpx2.Client(follow_redirects=True, timeout=TIMEOUT) as browser:
        page = browser.get(f"http://localhost:{port}/studio", headers={"accept": "text/html"})
        assert page.url.path == "/v2/auth/authorize/"
        studio = approve(browser, page, QUILL.open_id)
        assert str(studio.url) == f"http://localhost:{port}/studio"
        assert studio.json() == {"studio": QUILL.display_name}
        lines = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
        (callback,) = [line for line in lines if "GET /auth/tiktok/callback" in line]
        assert "code=" not in callback
        assert "state=" not in callback


def test_session_survives_a_restart_of_the_server(site: TikTokAuthMiddleware, port: int) -> None:
    with httpx2.Client(follow_redirects=True, timeout=TIMEOUT) as browser:
        with serve_in_thread(site, port):
            page = browser.get(f"http://localhost:{port}/auth/tiktok/login?next=/me")
            assert approve(browser, page, AMARA.open_id).json()["name"] == AMARA.display_name
        with serve_in_thread(site, port):
            assert browser.get(f"http://localhost:{port}/me").json()["name"] == AMARA.display_name


def test_unreachable_tiktok_shows_an_error_page(
    emulator_server: RunningEmulator, site: TikTokAuthMiddleware, port: int
) -> None:
    with serve_in_thread(site, port), httpx2.Client(follow_redirects=False) as browser:
        start = browser.get(f"http://localhost:{port}/auth/tiktok/login?next=/me")
        callback_url = emulator_server.emulator.consent(start.headers["location"])
        site.tiktok._client._endpoints = type(site.tiktok._client._endpoints).at("http://127.0.0.1:9")
        response = browser.get(callback_url)

        assert response.status_code == 503
        assert "TikTok cannot be reached" in response.text
