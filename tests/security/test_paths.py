"""Our routes have exact paths and methods; protected paths are protected in every spelling (H-01 to H-09)."""

from collections.abc import Iterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import ConfigurationError, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from tests.support.browser import Browser
from tests.support.people import AMARA
from tests.support.requests import send_request
from tests.support.settings import CALLBACK, LOGIN, LOGOUT, SESSION_COOKIE
from tests.support.tiktok import count_requests, new_tiktok

pytestmark = pytest.mark.anyio


# Servers decode a path once before they pass it to the app.
NOT_OURS = {
    "H-01 two slashes": "//auth/tiktok/login",
    "H-01 two slashes within": "/auth//tiktok/login",
    "H-01 dot": "/./auth/tiktok/login",
    "H-01 dots": "/x/../auth/tiktok/login",
    "H-01 parameter": "/auth/tiktok/login;x",
    "H-01 backslash": "/auth/tiktok\\login",
    "H-01 capitals": "/AUTH/TIKTOK/LOGIN",
    "H-01 one capital": "/auth/tiktok/Login",
    "H-01 NUL": "/auth/tiktok/login\x00",
    "H-01 hash": "/auth/tiktok/login#f",
    "H-01 query in the path": "/auth/tiktok/login?next=/x",
    "H-01 space": "/auth/tiktok/login ",
    "H-01 newline": "/auth/tiktok/login\n",
    "H-01 full width": "/auth/tiktok/\uff4cogin",
    "H-01 long s": "/auth/tiktok/\u017fession",
    "H-01 encoded twice": "/auth/tiktok/%6cogin",
    "H-03 slash": "/auth/tiktok/login/",
    "H-03 slash after the callback": "/auth/tiktok/callback/",
    "H-03 the prefix alone": "/auth/tiktok",
    "H-03 a longer name": "/auth/tiktok/webhooks",
    "H-04 no slash": "auth/tiktok/login",
    "H-04 userinfo": "@evil/auth/tiktok/login",
    "H-04 whole address": "http://evil/auth/tiktok/login",
    "H-04 port": ":80@evil/auth/tiktok/login",
    "H-04 star": "*",
    "H-04 empty": "",
}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that responds with the path that it got."""
    await PlainTextResponse("app:" + scope["path"].encode().hex())(scope, receive, send)


@pytest.mark.parametrize("path", NOT_OURS.values(), ids=NOT_OURS.keys())
async def test_path_that_differs_from_our_route_reaches_the_app(tiktok: TikTok, path: str) -> None:
    response = await send_request(TikTokAuthMiddleware(echo, tiktok), "GET", path)

    assert response.text == "app:" + path.encode().hex()
    assert not response.set_cookie_lines


@pytest.mark.parametrize("path", NOT_OURS.values(), ids=NOT_OURS.keys())
async def test_path_that_differs_from_our_route_is_protected_like_any_other(tiktok: TikTok, path: str) -> None:
    response = await send_request(TikTokAuthMiddleware(echo, tiktok, protect=("/",)), "GET", path)

    assert response.status == 401


PROTECTED = {
    "H-01 exact": "/studio",
    "H-01 slash": "/studio/",
    "H-01 below": "/studio/x",
    "H-01 two slashes": "//studio",
    "H-01 capitals": "/STUDIO",
    "H-01 dot": "/./studio",
    "H-01 dots": "/x/../studio",
    "H-01 dots at the end": "/studio/../x",
    "H-01 dots below the root": "/../../studio",
    "H-01 parameter": "/studio;v=1",
    "H-01 parameter before": "/;x/studio",
    "H-01 backslash": "/x\\..\\studio",
    "H-01 long s": "/\u017ftudio",
    "H-04 no slash": "studio",
    "H-04 whole address": "http://evil.test/studio",
    "H-04 userinfo": "@evil/studio",
    "H-04 star": "*",
    "H-04 empty": "",
}


@pytest.mark.parametrize("path", PROTECTED.values(), ids=PROTECTED.keys())
async def test_protected_path_is_protected_in_every_spelling(tiktok: TikTok, path: str) -> None:
    site = TikTokAuthMiddleware(echo, tiktok, protect=("/studio",))

    assert (await send_request(site, "GET", path)).status == 401
    assert (await send_request(site, "OPTIONS", path)).status == 401


NOT_PUBLIC = {
    "H-07 root": "/",
    "H-07 slash": "/health/",
    "H-07 longer": "/healthz",
    "H-07 shorter": "/healt",
    "H-07 capitals": "/HEALTH",
    "H-07 dots": "/health/../admin",
    "H-07 parameter": "/health;/admin",
    "H-07 NUL": "/health\x00",
    "H-07 newline": "/health\n",
    "H-07 encoded twice": "/health%2f..%2fadmin",
    "H-07 question mark": "/admin?/health",
    "H-07 hash": "/admin#/health",
    "H-07 no slash": "health",
    "H-07 userinfo": "@evil/health",
    "H-07 whole address": "http://evil/health",
}


@pytest.mark.parametrize("path", NOT_PUBLIC.values(), ids=NOT_PUBLIC.keys())
async def test_only_the_exact_public_path_is_public(tiktok: TikTok, path: str) -> None:
    site = TikTokAuthMiddleware(echo, tiktok, protect=("/",), public=("/health",))

    assert (await send_request(site, "GET", path, query=b"x=/health")).status == 401
    assert (await send_request(site, "GET", "/health")).status == 200


@pytest.mark.legitimate
async def test_h02_percent_encoded_letter_reaches_the_route(victim: Browser) -> None:
    assert (await victim.request("/auth/tiktok/%6cogin")).status == 302


@pytest.mark.parametrize("route", ["login", "logout", "session", "webhook"], ids="H-03 {}".format)
async def test_redirect_uri_on_one_of_our_routes_is_rejected(route: str) -> None:
    with pytest.raises(ConfigurationError, match=route):
        new_tiktok(redirect_uri=f"https://testserver/auth/tiktok/{route}")


async def test_h03_callback_with_a_final_slash_is_found_only_with_the_slash(emulator: Emulator) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri="https://testserver/auth/tiktok/callback/")
    site = TikTokAuthMiddleware(echo, tiktok)

    assert (await send_request(site, "GET", "/auth/tiktok/callback/")).status == 400
    assert (await send_request(site, "GET", "/auth/tiktok/callback")).status == 200


MOUNTS = {
    "H-05 mounted": ("/app/auth/tiktok/login", "", 302),
    "H-05 prefix removed": ("/auth/tiktok/login", "/app", 302),
    "H-05 prefix kept": ("/app/auth/tiktok/login", "/app", 302),
    "H-05 longer prefix": ("/app2/auth/tiktok/login", "/app", 404),
    "H-05 prefix twice": ("/app/app/auth/tiktok/login", "/app", 404),
    "H-05 prefix of another case": ("/APP/auth/tiktok/login", "/app", 404),
}


@pytest.mark.parametrize(("path", "root_path", "status"), MOUNTS.values(), ids=MOUNTS.keys())
async def test_mounted_site_serves_its_routes_below_the_prefix_only(path: str, root_path: str, status: int) -> None:
    async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("no", status_code=404)(scope, receive, send)

    tiktok = new_tiktok(redirect_uri="https://testserver/app/auth/tiktok/callback")
    site = TikTokAuthMiddleware(not_found, tiktok)
    outer: ASGIApp = site if root_path else Starlette(routes=[Mount("/app", site)])
    response = await send_request(outer, "GET", path, root_path=root_path)

    assert response.status == status
    assert len(response.set_cookie_lines) == (status == 302)
    for line in response.set_cookie_lines.values():
        assert "; Path=/; " in line


PROTECTED_BELOW_PREFIX = {
    "H-05 prefix kept": "/app/studio",
    "H-05 prefix removed": "/studio",
    "H-05 dots over the prefix": "/app/../studio",
    "H-05 two slashes": "/app//studio",
}


@pytest.mark.parametrize("path", PROTECTED_BELOW_PREFIX.values(), ids=PROTECTED_BELOW_PREFIX.keys())
async def test_protected_paths_are_relative_to_the_prefix(tiktok: TikTok, path: str) -> None:
    site = TikTokAuthMiddleware(echo, tiktok, protect=("/studio",))

    assert (await send_request(site, "GET", path, root_path="/app")).status == 401


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"], ids="H-06 {}".format)
async def test_only_get_starts_a_login(site: ASGIApp, method: str) -> None:
    preflight = {"origin": "https://evil.test", "access-control-request-method": "GET"}
    response = await send_request(site, method, LOGIN, headers=preflight.items())

    assert response.status in (302, 204)
    assert not response.set_cookie_lines
    assert not any(name.startswith("access-control-") for name in response.headers)


@pytest.mark.parametrize(
    "path",
    [
        LOGIN,
        CALLBACK,
        LOGOUT,
        "/auth/tiktok/session",
        "/auth/tiktok/webhook",
        "/auth/tiktok/avatar",
        "/auth/tiktok/button.css",
    ],
)
@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "FOO", "get", "PUT", "DELETE"], ids="H-06 {}".format)
async def test_other_methods_get_405(site: ASGIApp, method: str, path: str) -> None:
    response = await send_request(site, method, path)

    assert response.status == 405
    assert method not in response.headers["allow"].split(", ")
    assert not response.set_cookie_lines


@pytest.mark.parametrize(
    ("path", "reaches"), [("/studio", False), ("/x", True)], ids=["H-08 protected", "H-08 not protected"]
)
async def test_connection_of_an_unknown_type_is_refused_on_protected_paths(
    tiktok: TikTok, path: str, reaches: bool
) -> None:
    reached: list[str] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    site = TikTokAuthMiddleware(inner, tiktok, protect=("/studio",))
    await site({"type": "webtransport", "path": path}, None, None)  # type: ignore[arg-type]

    assert reached == (["webtransport"] if reaches else [])


def endless_body() -> Iterator[bytes]:
    while True:
        yield b"x" * 1000


async def test_h09_login_and_callback_read_no_body(victim: Browser) -> None:
    callback_url = victim.home.join(await victim.approve_login())
    cookie = victim.jar.cookie_header(victim.home)
    login = await send_request(victim.app, "GET", LOGIN, body=endless_body())
    callback = await send_request(
        victim.app,
        "GET",
        callback_url.path,
        query=callback_url.query.encode(),
        headers=[("cookie", cookie)],
        body=endless_body(),
    )

    assert (login.status, login.bytes_read) == (302, 0)
    assert (callback.status, callback.bytes_read) == (303, 0)


async def test_h09_logout_stops_reading_an_endless_body(victim: Browser) -> None:
    await victim.sign_in()
    headers = [("cookie", f"{SESSION_COOKIE}={victim.session_cookie}"), ("expect", "100-continue")]
    response = await send_request(victim.app, "POST", LOGOUT, headers=headers, body=endless_body())

    assert response.status == 403
    assert response.bytes_read <= 3000
    assert await victim.display_name() == AMARA.display_name


HEADERS = {
    "H-04 X-Original-URL": "x-original-url",
    "H-04 X-Rewrite-URL": "x-rewrite-url",
    "H-04 X-Forwarded-Uri": "x-forwarded-uri",
    "H-04 X-Forwarded-Prefix": "x-forwarded-prefix",
    "H-04 X-HTTP-Method-Override": "x-http-method-override",
    "H-04 X-Middleware-Subrequest": "x-middleware-subrequest",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
async def test_headers_that_name_another_path_are_ignored(victim: Browser, emulator: Emulator, header: str) -> None:
    for value in ("/health", "/auth/tiktok/login", "middleware:middleware:middleware", "POST"):
        redirect = await victim.request("/studio", headers=[(header, value), ("user-agent", "kube-probe/1.0")])
        assert redirect.location == f"{LOGIN}?next=%2Fstudio"
        assert not redirect.set_cookie_lines
        assert (await victim.request("/me", headers=[(header, value)])).json()["name"] == ""
    assert count_requests(emulator) == 0
