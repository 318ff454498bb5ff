"""What becomes of a genuine session cookie. What is none is refused: tests/security/test_cookies.py."""

import httpx2
from starlette.testclient import TestClient

from asgi_tiktok import MemoryStore, TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.canaries import OLD_SECRET_KEY, SECRET_KEY
from tests.support.login import display_name, new_browser, sign_in
from tests.support.people import AMARA
from tests.support.tiktok import new_tiktok


def test_a_genuine_cookie_of_an_ended_session_is_left_alone(
    browser: TestClient, emulator: Emulator, store: MemoryStore
) -> None:
    """A late answer to it must not delete the cookie of the login that has just replaced it."""
    sign_in(browser, emulator)
    store.records.clear()

    assert "set-cookie" not in browser.get("/me").headers


def test_a_session_survives_the_rotation_of_keys(emulator: Emulator) -> None:
    store = MemoryStore()

    def visitor(secret_key: object) -> TestClient:
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), secret_key=secret_key, store=store)
        return new_browser(TikTokAuthMiddleware(app, tiktok))

    old = visitor(OLD_SECRET_KEY)
    sign_in(old, emulator)

    def seen_by(secret_key: object) -> str:
        browser = visitor(secret_key)
        browser.cookies = old.cookies
        return display_name(browser)

    assert seen_by([SECRET_KEY, OLD_SECRET_KEY]) == AMARA.display_name
    assert seen_by(SECRET_KEY) == ""
    assert seen_by(OLD_SECRET_KEY) == AMARA.display_name
