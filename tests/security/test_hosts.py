"""Host, forwarded headers, the scheme and the client's address do not change any response (H-20 to H-24)."""

import re
from typing import Any

import anyio
import pytest
from starlette.types import ASGIApp

from asgi_tiktok.emulator import Emulator
from tests.support.browser import Browser
from tests.support.requests import RawHeaders, RawResponse, send_request
from tests.support.settings import ORIGIN, SESSION_COOKIE

pytestmark = pytest.mark.anyio

CHANGING = re.compile(rb"(state|code_challenge)=[^&]+|Reference <bdi>[0-9a-f]{8}")

HOSTS: dict[str, list[tuple[str, str]]] = {
    "H-20 evil": [("host", "evil.test")],
    "H-20 evil with path": [("host", "evil.test/x?y#")],
    "H-20 path": [("host", "testserver/auth/tiktok/login?")],
    "H-20 userinfo": [("host", "testserver@evil.test")],
    "H-20 empty": [("host", "")],
    "H-20 absent": [],
    "H-20 twice": [("host", "testserver"), ("host", "evil.test")],
    "H-20 port": [("host", "testserver:8443")],
    "H-20 no port": [("host", "testserver:@evil.test:80")],
    "H-20 IDN": [("host", "xn--tstserver-xe.test")],
    "H-20 not ASCII": [("host", "t\xe9stserver")],
    "H-20 address": [("host", "[::1]:80")],
    "H-20 bracket": [("host", "[")],
    "H-20 64 KB": [("host", "a" * 65536)],
    "H-21 X-Forwarded": [
        ("host", "testserver"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "8080"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-for", "6.6.6.6"),
    ],
    "H-21 Forwarded": [("host", "testserver"), ("forwarded", "host=evil.test;proto=http;for=6.6.6.6")],
    "H-21 X-Original-Host": [("host", "testserver"), ("x-original-host", "evil.test")],
    "H-21 X-Host": [("host", "testserver"), ("x-host", "evil.test")],
    "H-21 authority": [("host", "testserver"), (":authority", "evil.test")],
}


async def request_pages(site: ASGIApp, headers: RawHeaders, **scope: Any) -> list[RawResponse]:
    """Return the response of each kind of page to a browser with these headers."""
    sent = [*headers, ("accept", "text/html"), ("sec-fetch-mode", "navigate")]
    paths = ["/auth/tiktok/login", "/auth/tiktok/callback", "/auth/tiktok/logout", "/auth/tiktok/session", "/studio"]
    return [await send_request(site, "GET", path, headers=sent, **scope) for path in paths]


def comparable(responses: list[RawResponse]) -> list[tuple[int, list[bytes], bytes]]:
    """Return the responses without their random parts."""
    return [
        (
            response.status,
            [CHANGING.sub(b"", value) for name, value in response.headers.raw if name != b"set-cookie"],
            CHANGING.sub(b"", response.body),
        )
        for response in responses
    ]


@pytest.mark.parametrize("headers", HOSTS.values(), ids=HOSTS.keys())
async def test_responses_do_not_depend_on_host_or_forwarded_headers(
    site: ASGIApp, headers: list[tuple[str, str]]
) -> None:
    usual = await request_pages(site, [("host", "testserver")])
    unusual = await request_pages(site, headers)

    assert comparable(unusual) == comparable(usual)
    assert "redirect_uri=https%3A%2F%2Ftestserver%2Fauth%2Ftiktok%2Fcallback&" in unusual[0].location
    ((_, line),) = unusual[0].set_cookie_lines.items()
    assert line.endswith("; Max-Age=600; Path=/; HttpOnly; SameSite=Lax; Secure")


@pytest.mark.parametrize("headers", HOSTS.values(), ids=HOSTS.keys())
async def test_login_does_not_depend_on_host_or_forwarded_headers(
    site: ASGIApp, victim: Browser, emulator: Emulator, headers: list[tuple[str, str]]
) -> None:
    callback_url = victim.home.join(await victim.approve_login())
    sent = [*headers, ("cookie", victim.jar.cookie_header(victim.home))]
    response = await send_request(site, "GET", callback_url.path, query=callback_url.query.encode(), headers=sent)

    assert (response.status, response.location) == (303, "/me")
    assert response.set_cookie_lines[SESSION_COOKIE].endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    assert emulator.exchanges[-2].request["redirect_uri"] == f"{ORIGIN}/auth/tiktok/callback"


async def test_h22_cookies_stay_secure_behind_a_proxy_that_ends_tls(
    site: ASGIApp,
) -> None:
    http, https = [await request_pages(site, [("host", "testserver")], scheme=scheme) for scheme in ("http", "https")]
    assert comparable(http) == comparable(https)
    lines = [line for response in http for line in response.set_cookie_lines.values()]
    assert lines
    assert all("; Secure" in line for line in lines)


async def test_h20_concurrent_requests_do_not_mix_their_hosts(site: ASGIApp) -> None:
    locations: set[str] = set()

    async def visit(number: int) -> None:
        (login, *_) = await request_pages(site, [("host", f"site{number}.test")])
        locations.add(re.sub(r"(state|code_challenge)=[^&]+", "", login.location))

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(visit, number)
    assert len(locations) == 1


async def test_h23_login_from_an_unregistered_address_ends_at_the_registered_one(
    site: ASGIApp, emulator: Emulator
) -> None:
    """A login that starts at another address returns to the only redirect_uri, where a page explains the problem."""
    at_other_address = Browser(site, emulator, home="https://www.testserver")
    callback_url = await at_other_address.approve_login()
    at_redirect_uri = Browser(site, emulator)

    assert callback_url.startswith(f"{ORIGIN}/auth/tiktok/callback?")
    assert "This sign-in began at another address" in (await at_redirect_uri.request(callback_url)).text
    assert SESSION_COOKIE not in at_redirect_uri.jar


async def test_h24_responses_do_not_depend_on_the_client_address(site: ASGIApp) -> None:
    usual = await request_pages(site, [("host", "testserver")], client=("6.6.6.6", 1))
    unusual = await request_pages(site, [("host", "testserver"), ("x-real-ip", "127.0.0.1")], client=None)

    assert comparable(unusual) == comparable(usual)


IDENTITIES = ["x-user", "x_user", "x-remote-user", "x-forwarded-user", "x-forwarded-email", "x-auth-request-user"]
IDENTITIES += ["authorization", "x-tiktok-open-id", "cookie2"]


@pytest.mark.parametrize("header", IDENTITIES, ids="H-21 {}".format)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
async def test_identity_headers_are_ignored(site: ASGIApp, header: str, method: str) -> None:
    for name in (header, header.title(), header.upper()):
        sent = [(name, "Bearer amara"), ("host", "testserver")]
        assert (await send_request(site, method, "/studio", headers=sent)).status == 401
        assert (await send_request(site, "GET", "/me", headers=sent)).json()["name"] == ""
