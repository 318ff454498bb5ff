"""What only a real browser shows: the policies of our pages, popups, and cookies of several apps on one host."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from asgi_tiktok import MemoryStore, TikTokAuthMiddleware
from asgi_tiktok.testing import login_as, run_emulator
from tests.support.chromium import LOOPBACK_ONLY, open_chromium
from tests.support.people import AMARA
from tests.support.ports import free_port
from tests.support.servers import serve_in_thread
from tests.support.tiktok import new_tiktok

pytestmark = pytest.mark.browser


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    with open_chromium(LOOPBACK_ONLY) as browser:
        yield browser.new_context()


async def front_page(request: Request) -> Response:
    return HTMLResponse("<h1>Front page</h1>")


def test_sign_out_page_leads_to_a_page_that_redirects_to_another_origin(
    context: BrowserContext, port: int, store: MemoryStore
) -> None:
    other = f"http://localhost:{free_port()}"
    tiktok = new_tiktok(redirect_uri=f"http://localhost:{port}/auth/tiktok/callback", store=store)
    site = TikTokAuthMiddleware(Starlette(routes=[Route("/", RedirectResponse(f"{other}/", 302))]), tiktok)
    other_site = Starlette(routes=[Route("/", front_page)])
    with serve_in_thread(site, port), serve_in_thread(other_site, int(other.rpartition(":")[2])):
        login_as(context, tiktok=tiktok)
        tab = context.new_page()
        tab.goto(f"http://localhost:{port}/auth/tiktok/logout")
        tab.get_by_role("button", name="Sign out").click()
        tab.wait_for_url(f"{other}/")

        expect(tab.get_by_role("heading")).to_have_text("Front page")
        assert not context.cookies()


OPENER = """<button onclick="window.got = []; window.addEventListener('message', e => got.push(e.data));
window.popup = window.open('/auth/tiktok/login?next=/done', 'login', 'width=500,height=700')">Sign in</button>"""
DONE = "<script>opener.postMessage('signed in', location.origin)</script>"


async def opener_page(request: Request) -> Response:
    return HTMLResponse(OPENER)


async def done_page(request: Request) -> Response:
    return HTMLResponse(DONE if request.user.is_authenticated else "")


def test_login_in_a_popup_reports_to_the_page_that_opened_it(context: BrowserContext, port: int) -> None:
    with run_emulator() as running:
        tiktok = new_tiktok(redirect_uri=f"http://localhost:{port}/auth/tiktok/callback", base_url=running.url)
        site = Starlette(routes=[Route("/", opener_page), Route("/done", done_page)])
        with serve_in_thread(TikTokAuthMiddleware(site, tiktok), port):
            tab = context.new_page()
            tab.goto(f"http://localhost:{port}/")
            with context.expect_page() as opened:
                tab.get_by_role("button").click()
            popup = opened.value
            popup.get_by_role("button", name="Continue").wait_for()
            assert tab.evaluate("popup.closed") is False
            popup.get_by_role("button", name="Continue").click()
            popup.wait_for_url("**/done")
            tab.wait_for_function("got.length")

            assert tab.evaluate("got") == ["signed in"]


FRONT_END = """<script>
async function signOut() {
  await fetch(API + "/logout", {method: "POST", credentials: "include", redirect: "manual"});
  return (await (await fetch(API + "/session", {credentials: "include"})).json()).user;
}
const API = "http://localhost:%s/auth/tiktok";
</script>"""


def test_front_end_on_another_origin_signs_out(context: BrowserContext, port: int, store: MemoryStore) -> None:
    async def front_end(request: Request) -> Response:
        return HTMLResponse(FRONT_END % port)

    front_port = free_port()
    front = f"http://localhost:{front_port}"
    tiktok = new_tiktok(
        redirect_uri=f"http://localhost:{port}/auth/tiktok/callback", store=store, trusted_origins=(front,)
    )
    site = CORSMiddleware(TikTokAuthMiddleware(Starlette(), tiktok), allow_origins=[front], allow_credentials=True)
    with serve_in_thread(site, port), serve_in_thread(Starlette(routes=[Route("/", front_end)]), front_port):
        login_as(context, tiktok=tiktok)
        tab = context.new_page()
        tab.goto(f"{front}/")

        assert tab.evaluate("signOut()") is None
        assert not context.cookies()


async def name_page(request: Request) -> Response:
    return HTMLResponse(f"<h1>{request.user.display_name or 'Nobody'}</h1>")


def test_two_ports_of_localhost_do_not_sign_each_other_out(context: BrowserContext, store: MemoryStore) -> None:
    ports = [free_port(), free_port()]
    apps = [new_tiktok(redirect_uri=f"http://localhost:{port}/auth/tiktok/callback", store=store) for port in ports]
    sites = [TikTokAuthMiddleware(Starlette(routes=[Route("/", name_page)]), tiktok) for tiktok in apps]
    with serve_in_thread(sites[0], ports[0]), serve_in_thread(sites[1], ports[1]):
        for tiktok, name in zip(apps, ("Ada", "Bob"), strict=True):
            login_as(context, tiktok=tiktok, display_name=name)
        tab = context.new_page()
        seen = []
        for port in ports:
            tab.goto(f"http://localhost:{port}/")
            seen.append(tab.get_by_role("heading").inner_text())

    assert seen == ["Ada", "Bob"]
    assert {cookie["name"] for cookie in context.cookies()} == {f"tiktok_session.{port}" for port in ports}


ACCOUNT = """<ul></ul><script>
fetch("/auth/tiktok/session?sessions=1").then((response) => response.json()).then(({sessions}) => {
  for (const {id, browser, current} of sessions)
    document.querySelector("ul").insertAdjacentHTML("beforeend", current ? `<li>${browser}, this one</li>` :
      `<li>${browser} <form method="post" action="/end?id=${id}"><button>Sign out</button></form></li>`)
})
</script>"""


async def account_page(request: Request) -> Response:
    return HTMLResponse(ACCOUNT)


def test_account_page_signs_another_browser_out(context: BrowserContext, port: int, store: MemoryStore) -> None:
    async def end(request: Request) -> Response:
        own = {each.id for each in await tiktok.sessions_of(request.user.open_id)}
        if (id := request.query_params["id"]) in own:
            await tiktok.end_session(id)
        return RedirectResponse("/", 303)

    home = f"http://localhost:{port}"
    routes = [Route("/", account_page), Route("/end", end, methods=["POST"])]
    with run_emulator() as emulator:
        tiktok = new_tiktok(redirect_uri=f"{home}/auth/tiktok/callback", store=store, base_url=emulator.url)
        with serve_in_thread(TikTokAuthMiddleware(Starlette(routes=routes), tiktok), port):
            login_as(context, tiktok=tiktok, open_id=AMARA.open_id)
            before = context.new_page()
            before.goto(f"{home}/auth/tiktok/session")
            assert AMARA.open_id in before.content()
            assert context.browser
            other = context.browser.new_context().new_page()
            other.goto(f"{home}/auth/tiktok/login?next=/")
            other.get_by_role("button", name="Continue").click()
            other.get_by_role("button", name="Sign out").click()
            expect(other.get_by_role("listitem")).to_have_text(["Chrome on Linux, this one"])
            before.reload()
            assert AMARA.open_id not in before.content()
