"""On localhost, an error page has a box for the developer: the code, TikTok's log_id and the cure, or no box."""

import html
import re

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.login import approve_login, new_browser, start_login
from tests.support.settings import CALLBACK
from tests.support.tiktok import new_tiktok

LOCALHOST = "http://localhost:8000"


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
def browser(emulator: Emulator) -> TestClient:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri=LOCALHOST + CALLBACK)
    return new_browser(TikTokAuthMiddleware(app, tiktok), origin=LOCALHOST)


def box_in(page: str) -> str | None:
    found = re.search(r"<aside.*</aside>", page)
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", found[0])).split()) if found else None


def test_too_many_requests(browser: TestClient, emulator: Emulator) -> None:
    emulator.faults.add("token", "429")
    box = box_in(browser.get(approve_login(browser, emulator)).text)
    assert box
    assert re.search(r"temporarily_unavailable · log_id \w+ .*Send fewer requests, or ask TikTok's support", box)


def test_login_that_did_not_begin_here(browser: TestClient) -> None:
    box = box_in(browser.get(f"{CALLBACK}?code=c&state=foreign").text)
    assert box
    assert f" never_begun No login with this state began here. Start it at {LOCALHOST}/auth/tiktok/login." in box


def test_cancelled_login_has_no_box(browser: TestClient, emulator: Emulator) -> None:
    page = browser.get(emulator.consent(start_login(browser), decision="deny")).text
    assert "You cancelled the sign-in" in page
    assert box_in(page) is None
