"""Sign in at the emulator, with Starlette's test client or with httpx over a real socket."""

from collections.abc import Iterable
from typing import Any

import httpx2
from starlette.testclient import TestClient

from asgi_tiktok.emulator import Emulator, Person
from tests.support.settings import LOGIN, ORIGIN


def new_browser(site: Any, *, origin: str = ORIGIN, **settings: Any) -> TestClient:
    """Return a browser without cookies. It does not follow redirects and does not start a lifespan."""
    return TestClient(site, base_url=origin, follow_redirects=False, **settings)


def start_login(browser: TestClient, query: str = "") -> str:
    """Open the login and return the URL at TikTok that it redirects to."""
    response = browser.get(f"{LOGIN}?{query}")
    assert response.status_code == 302
    return str(response.headers["location"])


def approve_login(
    browser: TestClient,
    emulator: Emulator,
    query: str = "next=/me",
    person: Person | None = None,
    scopes: Iterable[str] | None = None,
) -> str:
    """Start a login, approve it at TikTok, and return the callback URL that TikTok redirects to."""
    return emulator.consent(start_login(browser, query), person, scopes)


def sign_in(
    browser: TestClient,
    emulator: Emulator,
    query: str = "next=/me",
    person: Person | None = None,
    scopes: Iterable[str] | None = None,
) -> httpx2.Response:
    """Sign in and return the response to the callback, which redirects into the app."""
    response = browser.get(approve_login(browser, emulator, query, person, scopes))
    assert response.status_code == 303, response.text
    return response


def approve(browser: httpx2.Client, page: httpx2.Response, person: str) -> httpx2.Response:
    """Approve TikTok's consent page as the person with this `open_id`, and return the response."""
    fields = dict(page.url.params)
    form = {**fields, "person": person, "scopes": fields["scope"].split(","), "decision": "approve"}
    return browser.post(page.url.copy_with(query=None), data=form)


def display_name(browser: TestClient) -> str:
    """Return the name of the user whom the app sees, or "" for an anonymous visitor."""
    return str(browser.get("/me").json()["name"])


def set_cookie_lines(response: httpx2.Response) -> dict[str, str]:
    """Return the Set-Cookie headers of a response by cookie name."""
    lines = response.headers.get_list("set-cookie")
    return {line.split("=", 1)[0]: line for line in lines}
