"""A person who signs in at the emulator, in Starlette's test client or in httpx."""

from collections.abc import Iterable

import httpx2
from starlette.testclient import TestClient

from asgi_tiktok.emulator import Emulator, Person


def begin(browser: TestClient, query: str = "") -> str:
    """Press the button; the address at TikTok that the browser is sent to."""
    answer = browser.get(f"/auth/tiktok/login?{query}")
    assert answer.status_code == 302
    return str(answer.headers["location"])


def come_back(
    browser: TestClient,
    emulator: Emulator,
    query: str = "next=/me",
    person: Person | None = None,
    scopes: Iterable[str] | None = None,
) -> str:
    """Agree at TikTok; the address that TikTok sends the browser to."""
    return emulator.consent(begin(browser, query), person, scopes)


def sign_in(
    browser: TestClient,
    emulator: Emulator,
    query: str = "next=/me",
    person: Person | None = None,
    scopes: Iterable[str] | None = None,
) -> httpx2.Response:
    """The whole way, to the redirect back into the app."""
    answer = browser.get(come_back(browser, emulator, query, person, scopes))
    assert answer.status_code == 303, answer.text
    return answer


def name(browser: TestClient) -> str:
    """Who the app thinks is there; empty for nobody."""
    return str(browser.get("/me").json()["name"])


def agree(browser: httpx2.Client, page: httpx2.Response, person: str) -> httpx2.Response:
    """Press the button on TikTok's page, and follow to wherever that leads."""
    fields = dict(page.url.params)
    form = {**fields, "person": person, "scopes": fields["scope"].split(","), "decision": "approve"}
    return browser.post(page.url.copy_with(query=None), data=form)


def cookies_set(answer: httpx2.Response) -> dict[str, str]:
    """The Set-Cookie lines of an answer by cookie name."""
    lines = answer.headers.get_list("set-cookie")
    return {line.split("=", 1)[0]: line for line in lines}
