"""Callbacks that TikTok sends. Forged callbacks are in tests/security/test_callback.py."""

from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from asgi_tiktok.emulator import Emulator
from tests.support.login import approve_login, start_login
from tests.support.settings import CALLBACK
from tests.support.tiktok import count_requests


@pytest.mark.parametrize(
    ("error", "title"),
    [
        ("error=temporarily_unavailable", "TikTok cannot be reached"),
        ("error=server_error&error_description=oops", "TikTok cannot be reached"),
        ("error=something_new", "The sign-in did not work"),
        ("errCode=10004", "The sign-in did not work"),
        ("error=access_denied&error_type=non_sandbox_target", "This account cannot sign in yet"),
    ],
)
def test_error_from_tiktok_shows_its_page(browser: TestClient, emulator: Emulator, error: str, title: str) -> None:
    state = parse_qs(urlsplit(start_login(browser)).query)["state"][0]
    response = browser.get(f"{CALLBACK}?{error}&state={state}")

    assert response.status_code == 502
    assert title in response.text
    assert count_requests(emulator) == 0


def test_error_code_of_zero_is_a_success(browser: TestClient, emulator: Emulator) -> None:
    assert browser.get(approve_login(browser, emulator) + "&error_code=0").status_code == 303


def test_options_returns_the_allowed_method(browser: TestClient) -> None:
    response = browser.options(CALLBACK)

    assert response.status_code == 204
    assert response.headers["allow"] == "GET"
