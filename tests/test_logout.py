"""Signing out. Who may not make a browser do it: tests/security/test_logout.py."""

import re

import anyio
import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok.emulator import Emulator
from tests.support.login import display_name, set_cookie_lines, sign_in
from tests.support.settings import LOGOUT, ORIGIN, SAME_ORIGIN, SESSION_COOKIE
from tests.support.tiktok import count_requests, new_tiktok


def test_signing_out_ends_the_session_everywhere(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator)
    copied = browser.cookies[SESSION_COOKIE]
    answer = browser.post(f"{LOGOUT}?next=/bye", headers=SAME_ORIGIN)

    assert (answer.status_code, answer.headers["location"]) == (303, "/bye")
    assert "Max-Age=0" in set_cookie_lines(answer)[SESSION_COOKIE]
    assert "; Path=/; HttpOnly; SameSite=Lax; Secure" in set_cookie_lines(answer)[SESSION_COOKIE]
    assert display_name(TestClient(browser.app, base_url=ORIGIN, cookies={SESSION_COOKIE: copied})) == ""
    assert count_requests(emulator, "revoke") == 0


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
    assert display_name(browser) == ""


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
    assert new_tiktok(redirect_uri=redirect_uri)._site.origin == origin


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


def test_other_methods_are_not_answered(browser: TestClient) -> None:
    answer = browser.put(LOGOUT)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"
