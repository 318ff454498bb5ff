"""Signing out, and who may make a browser do it."""

import re

import anyio
import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok.emulator import Emulator
from tests.visits import ORIGIN, SAME_ORIGIN, SESSION_COOKIE, asked, cookies_set, name, new_tiktok, sign_in

LOGOUT = "/auth/tiktok/logout"


def test_signing_out_ends_the_session_everywhere(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator)
    copied = browser.cookies[SESSION_COOKIE]
    answer = browser.post(f"{LOGOUT}?next=/bye", headers=SAME_ORIGIN)

    assert (answer.status_code, answer.headers["location"]) == (303, "/bye")
    assert "Max-Age=0" in cookies_set(answer)[SESSION_COOKIE]
    assert "; Path=/; HttpOnly; SameSite=Lax; Secure" in cookies_set(answer)[SESSION_COOKIE]
    assert name(TestClient(browser.app, base_url=ORIGIN, cookies={SESSION_COOKIE: copied})) == ""
    assert asked(emulator, "revoke") == 0


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_only_asks(browser: TestClient, emulator: Emulator, method: str) -> None:
    sign_in(browser, emulator)
    answer = browser.request(method, LOGOUT)

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert name(browser) != ""


@pytest.mark.parametrize("headers", [{}, {"origin": "null"}])
def test_the_page_signs_out_in_a_browser_that_says_nothing(
    browser: TestClient, emulator: Emulator, headers: dict[str, str]
) -> None:
    sign_in(browser, emulator)
    page = browser.get(f"{LOGOUT}?next=/bye").text
    action = re.search(r'action="([^"]+)"', page)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert action
    assert token
    answer = browser.post(action[1].replace("&amp;", "&"), data={"csrf_token": token[1]}, headers=headers)

    assert (answer.status_code, answer.headers["location"]) == (303, "/bye")
    assert name(browser) == ""


ALLOWED = {
    "same-origin": {"sec-fetch-site": "same-origin"},
    "same-origin with origin": {"sec-fetch-site": "same-origin", "origin": ORIGIN},
    "origin alone": {"origin": ORIGIN},
    "typed, with origin": {"sec-fetch-site": "none", "origin": ORIGIN},
    "from a page without referrer, as ours": {"sec-fetch-site": "same-origin", "origin": "null"},
}
REFUSED = {
    "cross-site": {"sec-fetch-site": "cross-site"},
    "same-site": {"sec-fetch-site": "same-site"},
    "cross-site with our origin": {"sec-fetch-site": "cross-site", "origin": ORIGIN},
    "no-cors is no proof": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "typed, without origin": {"sec-fetch-site": "none"},
    "null origin": {"origin": "null"},
    "suffix": {"origin": f"{ORIGIN}.evil.test"},
    "plain http": {"origin": ORIGIN.replace("https", "http")},
    "another port": {"origin": f"{ORIGIN}:8443"},
    "same-origin with a foreign origin": {"sec-fetch-site": "same-origin", "origin": "https://evil.test"},
    "neither": {},
}


@pytest.mark.parametrize("headers", ALLOWED.values(), ids=ALLOWED.keys())
def test_pages_of_this_site_may_sign_out(browser: TestClient, emulator: Emulator, headers: dict[str, str]) -> None:
    sign_in(browser, emulator)

    assert browser.post(LOGOUT, headers=headers).status_code == 303
    assert name(browser) == ""


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
def test_pages_of_other_sites_may_not(browser: TestClient, emulator: Emulator, headers: dict[str, str]) -> None:
    sign_in(browser, emulator)
    answer = browser.post(LOGOUT, headers=headers)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert name(browser) != ""


@pytest.mark.parametrize(
    ("redirect_uri", "origin"),
    [
        ("https://app.example.com:443/cb", "https://app.example.com"),
        ("https://App.example.com:8443/cb", "https://app.example.com:8443"),
        ("http://localhost:80/cb", "http://localhost"),
        ("http://localhost:443/cb", "http://localhost:443"),
    ],
)
def test_the_origin_is_spelt_as_browsers_spell_it(redirect_uri: str, origin: str) -> None:
    assert new_tiktok(redirect_uri=redirect_uri).site.origin == origin


@pytest.mark.parametrize("token", ["", "0" * 64, "é" * 32, "x" * 5000])
def test_a_wrong_token_signs_nobody_out(browser: TestClient, emulator: Emulator, token: str) -> None:
    sign_in(browser, emulator)

    assert browser.post(LOGOUT, data={"csrf_token": token}).status_code == 403
    assert name(browser) != ""


def test_signing_out_twice_is_fine(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator)
    cookie = browser.cookies[SESSION_COOKIE]
    browser.post(LOGOUT, headers=SAME_ORIGIN)
    stale = TestClient(browser.app, base_url=ORIGIN, cookies={SESSION_COOKIE: cookie}, follow_redirects=False)
    again = stale.post(LOGOUT, headers=SAME_ORIGIN)

    assert again.status_code == 303
    assert "Max-Age=0" in cookies_set(again)[SESSION_COOKIE]


def test_signing_out_without_a_session_is_fine(browser: TestClient) -> None:
    """A deletion that nobody vouches for could sign out somebody whose cookie was withheld."""
    answer = browser.post(LOGOUT)

    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


def test_pages_that_load_while_somebody_signs_out_are_pages(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator)
    transport = httpx2.ASGITransport(browser.app)
    headers = {"cookie": f"{SESSION_COOKIE}={browser.cookies[SESSION_COOKIE]}", **SAME_ORIGIN}
    statuses: set[int] = set()

    async def ask(method: str, path: str) -> None:
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
            statuses.add((await client.request(method, path)).status_code)

    async def rush() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(ask, "POST", LOGOUT)
                group.start_soon(ask, "GET", "/me")

    anyio.run(rush)
    assert statuses == {200, 303}


@pytest.mark.parametrize("next_path", ["https://evil.test", "//evil.test", "/\\evil.test", LOGOUT])
def test_signing_out_leads_to_this_site_only(browser: TestClient, next_path: str) -> None:
    answer = browser.post(LOGOUT, params={"next": next_path}, headers=SAME_ORIGIN)

    assert answer.headers["location"] == "/"


def test_other_methods_are_not_answered(browser: TestClient) -> None:
    answer = browser.put(LOGOUT)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"
