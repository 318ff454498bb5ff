"""A WebSocket has the user of the cookie, and only for pages of allowed origins (W-01 to W-06)."""

import json

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.people import AMARA
from tests.support.requests import DENIAL_RESPONSE, open_websocket
from tests.support.settings import ORIGIN, SESSION_COOKIE

pytestmark = pytest.mark.anyio

PUBLIC, PROTECTED = "/socket", "/studio/socket"

ORIGINS: dict[str, list[tuple[str, str]]] = {
    "W-01 evil": [("origin", "https://evil.test")],
    "W-01 null": [("origin", "null")],
    "W-01 empty": [("origin", "")],
    "W-01 suffix": [("origin", f"{ORIGIN}.evil.test")],
    "W-01 userinfo": [("origin", f"{ORIGIN}@evil.test")],
    "W-01 plain http": [("origin", "http://testserver")],
    "W-01 sibling": [("origin", "https://x.testserver")],
    "W-01 another port": [("origin", f"{ORIGIN}:8443")],
    "W-01 capitals": [("origin", ORIGIN.upper())],
    "W-01 slash": [("origin", f"{ORIGIN}/")],
    "W-01 two": [("origin", ORIGIN), ("origin", "https://evil.test")],
    "W-01 two in one header": [("origin", f"{ORIGIN}, https://evil.test")],
    "W-01 scheme wss": [("origin", "wss://testserver")],
    "W-01 same origin as Host": [("origin", "https://evil.test"), ("host", "evil.test")],
    "W-01 Sec-Fetch-Site same-origin": [("origin", "https://evil.test"), ("sec-fetch-site", "same-origin")],
}


@pytest.mark.parametrize("extensions", [[DENIAL_RESPONSE], []], ids=["denial", "close"])
@pytest.mark.parametrize("headers", ORIGINS.values(), ids=ORIGINS.keys())
async def test_websocket_from_another_origin_is_refused(
    victim: Browser, headers: list[tuple[str, str]], extensions: list[str]
) -> None:
    await victim.sign_in()
    cookie = ("cookie", victim.jar.cookie_header(victim.home))
    for path in (PUBLIC, PROTECTED):
        response = await open_websocket(victim.app, path, headers=[cookie, *headers], extensions=extensions)
        assert response.status == 403
        assert not response.set_cookie_lines
        assert AMARA.display_name not in response.text


async def test_w01_websocket_without_an_origin_is_anonymous(victim: Browser) -> None:
    await victim.sign_in()
    cookie = ("cookie", victim.jar.cookie_header(victim.home))

    assert (await open_websocket(victim.app, PUBLIC, headers=[cookie])).json()["name"] == ""
    assert (await open_websocket(victim.app, PROTECTED, headers=[cookie])).status == 401


@pytest.mark.legitimate
async def test_w01_websocket_from_our_origin_has_the_user(victim: Browser) -> None:
    await victim.sign_in()

    assert (await victim.open_websocket(PUBLIC)).json()["name"] == AMARA.display_name
    assert (await victim.open_websocket(PROTECTED)).json()["name"] == AMARA.display_name


async def test_w01_listed_origin_must_match_exactly(tiktok: TikTok, emulator: Emulator) -> None:
    site = TikTokAuthMiddleware(app, tiktok, websocket_origins=["https://front.test"])
    victim = Browser(site, emulator)
    await victim.sign_in()
    cookie = ("cookie", victim.jar.cookie_header(victim.home))

    response = await open_websocket(site, PUBLIC, headers=[cookie, ("origin", "https://front.test")])
    assert response.json()["name"] == AMARA.display_name
    for origin in ("https://a.front.test", "http://front.test", "https://front.test:8443", "https://front.test/"):
        assert (await open_websocket(site, PUBLIC, headers=[cookie, ("origin", origin)])).status == 403


@pytest.mark.parametrize(
    ("extensions", "status"), [([DENIAL_RESPONSE], 401), ([], 403)], ids=["W-02 denial", "W-02 close"]
)
@pytest.mark.parametrize("path", [PROTECTED, "/studio", "//studio/socket", "/x/../studio/socket", "studio", ""])
async def test_anonymous_websocket_on_a_protected_path_is_refused(
    tiktok: TikTok, path: str, extensions: list[str], status: int
) -> None:
    reached: list[str] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])

    site = TikTokAuthMiddleware(inner, tiktok, protect=("/studio",))
    response = await open_websocket(site, path, headers=[("origin", ORIGIN)], extensions=extensions)

    assert response.status == status
    assert not reached


ROUTES = [f"W-03 {route}" for route in ("login", "callback", "logout", "session", "webhook")]


@pytest.mark.parametrize("row", ROUTES)
async def test_our_routes_have_no_websocket(victim: Browser, row: str) -> None:
    await victim.sign_in()
    response = await victim.open_websocket(f"/auth/tiktok/{row.split()[1]}")

    assert response.status == 403
    assert not response.set_cookie_lines
    assert await victim.display_name() == AMARA.display_name


async def test_w05_handshake_sets_no_cookie(victim: Browser, clock: Clock) -> None:
    await victim.sign_in()
    session = victim.session_cookie
    clock.advance(hours=1)
    for cookie in (victim.jar.cookie_header(victim.home), f"{SESSION_COOKIE}=forged"):
        for path in (PUBLIC, PROTECTED):
            response = await open_websocket(victim.app, path, headers=[("cookie", cookie), ("origin", ORIGIN)])
            assert not response.set_cookie_lines
    assert victim.session_cookie == session


CREDENTIALS: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
    "W-06 token in the query": (b"access_token=act.x&token={session}", []),
    "W-06 cookie in the query": (SESSION_COOKIE.encode() + b"={session}", []),
    "W-06 subprotocol": (b"", [("sec-websocket-protocol", "bearer, {session}")]),
    "W-06 Authorization": (b"", [("authorization", "Bearer {session}")]),
}


@pytest.mark.parametrize(("query", "headers"), CREDENTIALS.values(), ids=CREDENTIALS.keys())
async def test_only_the_cookie_is_a_credential(
    site: ASGIApp, victim: Browser, query: bytes, headers: list[tuple[str, str]]
) -> None:
    await victim.sign_in()
    sent = [("origin", ORIGIN), *((name, value.format(session=victim.session_cookie)) for name, value in headers)]
    query = query.replace(b"{session}", victim.session_cookie.encode())
    response = await open_websocket(site, PUBLIC, query=query, headers=sent)

    assert json.loads(response.text) == {"name": "", "scopes": []}
    assert (await open_websocket(site, PROTECTED, query=query, headers=sent)).status == 401
