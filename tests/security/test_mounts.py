"""Links, forms and redirects lead to this site, whatever part of the mount or the path a request has chosen."""

import logging
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware, tiktok_button, tiktok_session
from asgi_tiktok.events import log_limiter
from tests.support.chromium import LOOPBACK_ONLY, open_chromium
from tests.support.requests import RawResponse, send_request
from tests.support.servers import serve_in_thread
from tests.support.settings import FETCH, NAVIGATION, ORIGIN
from tests.support.tiktok import new_tiktok
from tests.support.urls import URL
from tests.support.whatwg import node_parser

pytestmark = pytest.mark.anyio

ADDRESS = re.compile(r'(?:href|action)="([^"]*)"')


async def page(request: Request) -> Response:
    links = f'<a id="logout" href="{tiktok_session(request).logout_url()}">Sign out</a>'
    return HTMLResponse(tiktok_button(request, next="/me") + links)


async def challenge(request: Request) -> Response:
    return Response(status_code=401, headers={"WWW-Authenticate": "TikTok"})


inner = Starlette(routes=[Route("/", page), Route("/challenge", challenge), Route("/studio", page)])
inner.router.redirect_slashes = False  # Starlette's own redirects build addresses from the Host header


@pytest.fixture
def site(tiktok: TikTok) -> ASGIApp:
    return TikTokAuthMiddleware(inner, tiktok, protect=("/studio",))


def below(mount: str, site: ASGIApp) -> ASGIApp:
    return Starlette(routes=[Mount(mount, site)])


BASE, TENANT = "/{base:path}/app", "/{tenant}"

# The mount's pattern and the path of the request, up to the part that the site serves.
CHOSEN_PATHS = {
    "M-01 two slashes": (BASE, "//evil.test/app"),
    "M-01 three slashes": (BASE, "///evil.test/app"),
    "M-01 empty base": (BASE, "//app"),
    "M-02 backslash": (TENANT, "/\\evil.test"),
    "M-02 slash and backslash": (BASE, "/\\/evil.test/app"),
    "M-03 dots": (BASE, "/..//evil.test/app"),
    "M-03 dots and two slashes": (BASE, "/x/..//evil.test/app"),
    "M-04 tab": (BASE, "/\t/evil.test/app"),
    "M-04 line feed": (TENANT, "/\nevil.test"),
    "M-04 NUL": (TENANT, "/\x00evil.test"),
    "M-04 space": (TENANT, "/ evil.test"),
    "M-05 encoded slash": (TENANT, "/%2fevil.test"),
    "M-05 encoded backslash": (TENANT, "/%5cevil.test"),
    "M-05 encoded twice": (TENANT, "/%252fevil.test"),
    "M-06 fullwidth slash": (TENANT, "/\uff0fevil.test"),
    "M-06 fullwidth percent sign": (TENANT, "/\uff052fevil.test"),
}

# A server that lets the client choose `root_path` passes on any string.
CHOSEN_ROOT_PATHS = {
    "M-07 two slashes": "//evil.test",
    "M-07 slash": "/",
    "M-07 backslash": "/\\evil.test",
    "M-07 two backslashes": "\\\\evil.test",
    "M-07 address": "https://evil.test",
    "M-07 host": "evil.test",
    "M-07 script": "javascript:alert(1)//",
    "M-07 header": "/x\r\nLocation: https://evil.test",
    "M-07 lone surrogate": "/\udc2f/evil.test",
    "M-07 long": "/" + "a" * 70_000,
}


async def addresses(site: ASGIApp, mount: str, **scope: Any) -> tuple[list[str], list[RawResponse]]:
    """Return every address in the responses of the site below the mount, and the responses."""
    requests = {
        "/": NAVIGATION,
        "/studio": NAVIGATION,
        "/challenge": NAVIGATION,
        "/auth/tiktok/login": FETCH,
        "/auth/tiktok/logout": NAVIGATION,
    }
    responses = [
        await send_request(site, "GET", mount + path, headers=headers.items(), **scope)
        for path, headers in requests.items()
    ]
    found = [unescape(address) for response in responses for address in ADDRESS.findall(response.text)]
    found += [response.location for response in responses if "location" in response.headers]
    found += [response.json()["login_url"] for response in responses if response.body.startswith(b"{")]
    return found, responses


def assert_on_this_site(found: list[str]) -> None:
    assert found
    pages = [f"{ORIGIN}/", f"{ORIGIN}//evil.test/app/", f"{ORIGIN}/x/y/"]
    pairs = [(address, base) for address in found for base in pages]
    targets = node_parser().resolve(pairs)
    assert [target and target.origin for target in targets] == [ORIGIN] * len(pairs)
    assert not any("evil" in address.partition("?")[0] for address in found)


@pytest.mark.parametrize(("mount", "path"), CHOSEN_PATHS.values(), ids=CHOSEN_PATHS.keys())
async def test_chosen_part_of_a_mount_is_in_no_address(
    site: ASGIApp, caplog: pytest.LogCaptureFixture, mount: str, path: str
) -> None:
    caplog.set_level(logging.INFO, "asgi_tiktok")
    found, responses = await addresses(below(mount, site), path)

    assert_on_this_site(found)
    assert {response.status for response in responses} <= {200, 401, 404}, "a refused mount was redirected"
    assert "mount" in caplog.text


@pytest.mark.parametrize("strips", [True, False], ids=["prefix removed", "prefix kept"])
@pytest.mark.parametrize("root_path", CHOSEN_ROOT_PATHS.values(), ids=CHOSEN_ROOT_PATHS.keys())
async def test_chosen_root_path_is_in_no_address(site: ASGIApp, root_path: str, strips: bool) -> None:
    found, _ = await addresses(site, "" if strips else root_path, root_path=root_path)

    assert_on_this_site(found)


SAFE = {
    "plain": (TENANT, "/acme", "/acme"),
    "several segments": (BASE, "/a/b.c/app", "/a/b.c/app"),
    "other script": (TENANT, "/caf\xe9", "/caf%C3%A9"),
    "question mark": (TENANT, "/a?b", "/a%3Fb"),
    "hash": (TENANT, "/a#b", "/a%23b"),
    "percent sign": (TENANT, "/100%", "/100%25"),
    "quotation mark": (TENANT, '/a"><b', "/a%22%3E%3Cb"),
}


@pytest.mark.legitimate
@pytest.mark.parametrize(("mount", "path", "encoded"), SAFE.values(), ids=SAFE.keys())
async def test_link_below_an_ordinary_mount_leads_to_its_login(
    site: ASGIApp, mount: str, path: str, encoded: str
) -> None:
    outer = below(mount, site)
    response = await send_request(outer, "GET", f"{path}/")
    style, button, logout = map(unescape, ADDRESS.findall(response.text))
    target = URL.parse(ORIGIN).join(button)

    assert style.startswith(f"{encoded}/auth/tiktok/button.css?v=")
    assert button == f"{encoded}/auth/tiktok/login?next=%2Fme"
    assert logout == f"{encoded}/auth/tiktok/logout"
    assert (await send_request(outer, "GET", f"{path}/auth/tiktok/login", headers=NAVIGATION.items())).status == 302
    assert target.origin == ORIGIN


HOSTILE_PAGES = ["//evil.test/studio", "/studio/..//evil.test", "/studio\\evil.test", "/studio/%5cevil.test"]


@pytest.mark.parametrize("path", HOSTILE_PAGES, ids=[f"M-08 {path}" for path in HOSTILE_PAGES])
async def test_redirect_to_the_login_does_not_carry_an_unsafe_path(site: ASGIApp, path: str) -> None:
    response = await send_request(site, "GET", path, headers=NAVIGATION.items())

    assert "evil" not in str(response.headers.raw)
    assert "evil" not in response.text


async def test_m09_flood_of_unsafe_mounts_does_not_fill_the_log(
    site: ASGIApp, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "asgi_tiktok")
    for number in range(100):
        for path in ("/", "/studio", "/auth/tiktok/login"):
            await send_request(below(TENANT, site), "GET", f"/\\evil{number}.test{path}", headers=NAVIGATION.items())
    lines = [record.getMessage() for record in caplog.records if record.name == "asgi_tiktok"]

    assert 1 <= len(lines) <= log_limiter.MAX_LINES + 1
    assert not any("evil" in line for line in lines)
    assert not store._records


async def test_login_reports_a_redirect_uri_without_the_mount(
    site: ASGIApp, caplog: pytest.LogCaptureFixture
) -> None:
    login = await send_request(below("/a", site), "GET", "/a/auth/tiktok/login", headers=NAVIGATION.items())

    assert login.status == 500
    assert not login.set_cookie_lines
    assert "mounted at '/a', but the path of redirect_uri is '/auth/tiktok/callback'" in caplog.text
    assert f"Register {ORIGIN}/a/auth/tiktok/callback" in caplog.text


@pytest.mark.legitimate
@pytest.mark.parametrize("path", ["/auth/tiktok", "/tiktok"])
async def test_login_below_the_mount_of_redirect_uri_starts(path: str) -> None:
    tiktok = new_tiktok(redirect_uri=f"{ORIGIN}/a{path}/callback", path=path)
    site = below("/a", TikTokAuthMiddleware(inner, tiktok))

    assert (await send_request(site, "GET", f"/a{path}/login", headers=NAVIGATION.items())).status == 302


@pytest.fixture
def served(port: int) -> Iterator[str]:
    """The origin of a site below mounts that a request chooses, on a real server."""
    site = TikTokAuthMiddleware(
        inner, new_tiktok(redirect_uri=f"http://localhost:{port}/auth/tiktok/callback"), protect=("/studio",)
    )
    outer = Starlette(routes=[Mount("/tenant/{tenant}", site), Mount(BASE, site), Mount(TENANT, site)])
    with serve_in_thread(outer, port):
        yield f"http://localhost:{port}"


@pytest.mark.browser
@pytest.mark.soak
@pytest.mark.parametrize("path", ["//evil.test/app/", "/%5Cevil.test/", "/%09/evil.test/app/", "/%5C/evil.test/app/"])
def test_chromium_stays_on_the_site(served: str, path: str) -> None:
    """Each link of the page is followed in a real browser, and so is the redirect of a guarded page."""
    with open_chromium(LOOPBACK_ONLY) as chromium:
        tab = chromium.new_page()
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        for link in (".tiktok-button", "#logout"):
            tab.goto(served + path)
            with tab.expect_navigation():
                tab.click(link)
        tab.goto(f"{served}{path}studio")

    assert len(asked) >= 5
    assert [url for url in asked if not url.startswith(f"{served}/")] == []
