"""What people do: sign in at the emulator and come back."""

from collections.abc import Iterable
from typing import Any

import httpx2
from starlette.testclient import TestClient

from asgi_tiktok import TikTok
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator, Person
from tests.canaries import SECRET_KEY

ORIGIN = "https://testserver"
CALLBACK = "/auth/tiktok/callback"
REDIRECT_URI = ORIGIN + CALLBACK
SESSION_COOKIE = "__Host-tiktok_session"
LOGIN_COOKIE = "__Host-tiktok_login."
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
NAVIGATION = {"sec-fetch-mode": "navigate", "accept": "text/html"}
FETCH = {"sec-fetch-mode": "cors", "accept": "*/*"}


def new_tiktok(transport: httpx2.AsyncBaseTransport | None = None, **settings: Any) -> TikTok:
    """One TikTok app at the emulator."""
    defaults: dict[str, Any] = {
        "client_key": DEFAULT_CLIENT_KEY,
        "client_secret": DEFAULT_CLIENT_SECRET,
        "redirect_uri": REDIRECT_URI,
        "secret_key": SECRET_KEY,
        "optional_scopes": ("user.info.profile", "user.info.stats", "video.list"),
        "store": "memory://",
        "base_url": "http://127.0.0.1:8700",
        "transport": transport,
    }
    return TikTok(**{**defaults, **settings})


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


def asked(emulator: Emulator, endpoint: str = "token") -> int:
    """How often the app asked this endpoint of TikTok."""
    return sum(exchange.endpoint == endpoint for exchange in emulator.exchanges)


def cookies_set(answer: httpx2.Response) -> dict[str, str]:
    """The Set-Cookie lines of an answer by cookie name."""
    lines = answer.headers.get_list("set-cookie")
    return {line.split("=", 1)[0]: line for line in lines}
