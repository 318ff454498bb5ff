"""The sign-out of one browser. tests/security/test_logout.py has the attacks on it."""

import re

import anyio
import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok.emulator import Emulator
from tests.support.login import display_name, new_browser, set_cookie_lines, sign_in
from tests.support.people import AMARA
from tests.support.settings import LOGOUT, ORIGIN, SAME_ORIGIN, SESSION_COOKIE
from tests.support.tiktok import count_requests, new_tiktok


def test_sign_out_ends_the_session_of_copied_cookies_too(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator)
    copy = new_browser(browser.app, cookies={SESSION_COOKIE: browser.cookies[SESSION_COOKIE]})
    assert display_name(copy) == AMARA.display_name
    response = browser.post(f"{LOGOUT}?next=/bye", headers=SAME_ORIGIN)

    assert (response.status_code, response.headers["location"]) == (303, "/bye")
    assert "Max-Age=0" in set_cookie_lines(response)[SESSION_COOKIE]
    assert "; Path=/; HttpOnly; SameSite=Lax; Secure" in set_cookie_lines(response)[SESSION_COOKIE]
    assert display_name(copy) == ""
    assert count_requests(emulator, "revoke") == 0


@pytest.mark.parametrize("headers", [{}, {"origin": "null"}])
def test_sign_out_page_works_in_a_browser_that_does_not_report_its_origin(
    browser: TestClient, emulator: Emulator, headers: dict[str, str]
) -> None:
    sign_in(browser, emulator)
    page = browser.get(f"{LOGOUT}?next=/bye").text
    action = re.search(r'action="([^"]+)"', page)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert action
    assert token
    response = browser.post(action[1].replace("&amp;", "&"), data={"csrf_token": token[1]}, headers=headers)

    assert (response.status_code, response.headers["location"]) == (303, "/bye")
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
def test_origin_is_written_as_browsers_write_it(redirect_uri: str, origin: str) -> None:
    assert new_tiktok(redirect_uri=redirect_uri)._site.origin == origin


def test_concurrent_pages_and_sign_outs_never_fail(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator)
    transport = httpx2.ASGITransport(browser.app)
    headers = {"cookie": f"{SESSION_COOKIE}={browser.cookies[SESSION_COOKIE]}", **SAME_ORIGIN}
    statuses: set[int] = set()

    async def send_request(method: str, path: str) -> None:
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
            statuses.add((await client.request(method, path)).status_code)

    async def send_all() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(send_request, "POST", LOGOUT)
                group.start_soon(send_request, "GET", "/me")

    anyio.run(send_all)
    assert statuses == {200, 303}


def test_other_methods_get_405(browser: TestClient) -> None:
    response = browser.put(LOGOUT)

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, POST"
