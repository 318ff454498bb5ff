"""The requests that an app and a browser send to TikTok, written by hand."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3"
DESKTOP = "http://localhost:8000/auth/tiktok/callback"
WEB = "https://testserver/auth/tiktok/callback"
ALL_SCOPES = "user.info.basic,user.info.profile,user.info.stats,video.list"


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


def browser_of(emulator: Emulator) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(emulator), base_url="http://testserver")


def authorization(**changes: str | None) -> dict[str, str]:
    parameters: dict[str, str | None] = {
        "client_key": DEFAULT_CLIENT_KEY,
        "response_type": "code",
        "scope": "user.info.basic",
        "redirect_uri": DESKTOP,
        "state": "st ate*1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def authorization_url(**changes: str | None) -> str:
    return f"/v2/auth/authorize/?{urlencode(authorization(**changes))}"


def query(url: str) -> dict[str, str]:
    """Return the parameters of a URL. Each must occur once."""
    return {name: value for name, [value] in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def credentials(**changes: str | None) -> dict[str, str]:
    form: dict[str, str | None] = {
        "client_key": DEFAULT_CLIENT_KEY,
        "client_secret": DEFAULT_CLIENT_SECRET,
        **changes,
    }
    return {name: value for name, value in form.items() if value is not None}


def code_form(redirect: str, **changes: str | None) -> dict[str, str]:
    """Return the form that exchanges the code in a redirect URL."""
    form: dict[str, str | None] = {
        "grant_type": "authorization_code",
        "code": query(redirect)["code"],
        "redirect_uri": DESKTOP,
        "code_verifier": VERIFIER,
        **changes,
    }
    return credentials(**form)


async def post_token(browser: httpx2.AsyncClient, form: dict[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = (await browser.post("/v2/oauth/token/", data=form)).json()
    return answer


async def sign_in(
    browser: httpx2.AsyncClient, emulator: Emulator, person: str | None = None, **changes: str | None
) -> dict[str, Any]:
    """Sign in from the consent to the exchange, and return the token response."""
    redirect = emulator.consent(authorization_url(**changes), person)
    return await post_token(browser, code_form(redirect))


async def refresh(browser: httpx2.AsyncClient, refresh_token: str) -> dict[str, Any]:
    return await post_token(browser, credentials(grant_type="refresh_token", refresh_token=refresh_token))


async def user_info(browser: httpx2.AsyncClient, access_token: str, fields: str) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {access_token}"}
    return await browser.get("/v2/user/info/", params={"fields": fields}, headers=headers)
