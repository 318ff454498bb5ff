"""Hooks and `on_error` on our own routes: they see the user whom the browser had before, and the error."""

from typing import Any

import httpx2
import pytest
from jinja2 import DictLoader, Environment
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from asgi_tiktok import (
    AccessDenied,
    Cause,
    HookFailed,
    LoginDenied,
    LoginLost,
    MemoryStore,
    StoreError,
    TikTok,
    TikTokAuthMiddleware,
    TikTokError,
    TikTokUser,
    tiktok_session,
)
from asgi_tiktok.emulator import Emulator
from tests.support.app import app, me
from tests.support.faults import FaultyTransport, responding
from tests.support.login import approve_login, new_browser, sign_in, start_login
from tests.support.people import AMARA, JUN
from tests.support.settings import CALLBACK, NAVIGATION, SAME_ORIGIN
from tests.support.tiktok import new_tiktok
from tests.support.wrapped_store import WrappedStore

PAGE = (
    "{% set home = url_for('home') %}"
    "{% if request.user.is_authenticated %}{{ request.user.display_name }}{% else %}nobody{% endif %}: {{ code }}"
)
TEMPLATES = Jinja2Templates(env=Environment(loader=DictLoader({"error.html": PAGE}), autoescape=True))


def own_page(connection: HTTPConnection, error: TikTokError) -> Response:
    """A page of the app that shows who is signed in, like all its pages."""
    assert tiktok_session(connection).user is connection.user
    context = {"request": connection, "code": error.code}
    return TEMPLATES.TemplateResponse(connection, "error.html", context, status_code=error.status_code)  # type: ignore[arg-type]


@pytest.fixture(params=["wrap", "add_middleware"])
def site(request: pytest.FixtureRequest, tiktok: TikTok) -> Any:
    """The app behind the middleware, which guards `/studio` and has error pages of the app."""
    routes = [Route("/", me, name="home"), *app.routes]
    options: dict[str, Any] = {"protect": ("/studio",), "on_error": own_page}
    if request.param == "add_middleware":
        outer = Starlette(routes=routes)
        outer.add_middleware(TikTokAuthMiddleware, tiktok=tiktok, **options)
        return outer
    return TikTokAuthMiddleware(Starlette(routes=routes), tiktok, **options)


def test_error_pages_of_the_app_show_the_user(site: Any, emulator: Emulator) -> None:
    browser = new_browser(site, headers=NAVIGATION)
    expected = "nobody"
    for _ in range(2):
        denied = emulator.consent(start_login(browser), decision="deny")
        assert browser.get(denied).text == f"{expected}: access_denied"
        assert browser.get(CALLBACK).text == f"{expected}: invalid_callback"
        assert browser.put("/auth/tiktok/session").text == f"{expected}: method_not_allowed"
        assert browser.get("/auth/tiktok/login?scopes=a.b").text == f"{expected}: undeclared_scope"
        assert browser.post("/auth/tiktok/webhook").text == f"{expected}: webhook_refused"
        foreign = {"origin": "https://evil.test", "sec-fetch-site": "cross-site"}
        assert browser.post("/auth/tiktok/logout", headers=foreign).text == f"{expected}: foreign_origin"
        if expected == "nobody":
            json = {"accept": "application/json", "sec-fetch-mode": "cors"}
            assert browser.get("/studio", headers=json).text == "nobody: login_required"
            sign_in(browser, emulator)
        expected = AMARA.display_name


def test_error_pages_of_the_app_work_without_the_store(emulator: Emulator) -> None:
    class Broken(WrappedStore):
        broken = False

        async def before(self, operation: str) -> None:
            if self.broken:
                raise StoreError("The store is away.", hint="Start it.")

    store = Broken(MemoryStore())
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store)
    site = Starlette(routes=[Route("/", me, name="home"), *app.routes])
    browser = new_browser(TikTokAuthMiddleware(site, tiktok, protect=("/studio",), on_error=own_page))
    sign_in(browser, emulator)
    callback_url = approve_login(browser, emulator)
    store.broken = True

    assert browser.get(callback_url).text == "nobody: store_unavailable"
    assert browser.get("/studio").text == "nobody: store_unavailable"
    assert browser.get("/auth/tiktok/session").text == "nobody: store_unavailable"
    assert "scope=user.info.basic&" in start_login(browser)


def test_error_page_of_a_refused_websocket_shows_the_user(tiktok: TikTok) -> None:
    users = []

    def on_error(connection: HTTPConnection, error: TikTokError) -> Response:
        users.append(connection.user.display_name)
        return Response("refused", status_code=error.status_code)

    browser = new_browser(TikTokAuthMiddleware(app, tiktok, protect=("/studio",), on_error=on_error))
    for path, origin in (("/socket", "https://evil.test"), ("/studio/socket", "https://testserver")):
        with (
            pytest.raises(WebSocketDisconnect),
            browser.websocket_connect(f"wss://testserver{path}", headers={"origin": origin}),
        ):
            pass

    assert users == ["", ""]


def test_button_on_an_error_page_of_the_app_starts_the_same_login_again(tiktok: TikTok, emulator: Emulator) -> None:
    def on_error(connection: HTTPConnection, error: TikTokError) -> Response:
        return Response(tiktok_session(connection).login_url(), status_code=error.status_code)

    async def stats(request: Request) -> Response:
        tiktok_session(request).require("user.info.stats")
        return Response()

    site = Starlette(routes=[Route("/stats", stats), *app.routes])
    browser = new_browser(TikTokAuthMiddleware(site, tiktok, protect=("/studio",), on_error=on_error))
    query = "next=%2Fme&scopes=video.list"
    cancelled = browser.get(emulator.consent(start_login(browser, f"{query}&switch_account=1"), decision="deny"))
    guarded = browser.get("/studio?tab=1", headers={"accept": "application/json"})
    sign_in(browser, emulator, query)
    missing = browser.get("/stats", headers=NAVIGATION)

    assert cancelled.text == f"/auth/tiktok/login?{query}&switch_account=1"
    assert guarded.text == "/auth/tiktok/login?next=%2Fstudio%3Ftab%3D1"
    assert missing.text == "/auth/tiktok/login?next=%2Fstats&scopes=user.info.stats%2Cvideo.list"


def test_hooks_see_the_session_that_the_browser_had_before(
    browser: TestClient, tiktok: TikTok, emulator: Emulator
) -> None:
    seen: list[tuple[str, str, list[str]]] = []

    @tiktok.on_login
    async def before(user: TikTokUser, request: Request) -> dict[str, str]:
        assert request.app is app
        seen.append(("login", request.user.display_name, list(request.auth.scopes)))
        assert tiktok_session(request).user is request.user
        return {"before": tiktok_session(request).data.get("before", "") + user.open_id[-1]}

    @tiktok.on_logout
    async def after(user: TikTokUser, request: Request) -> None:
        seen.append(("logout", request.user.display_name, []))

    @tiktok.on_failed_login
    async def failed(error: TikTokError, request: Request) -> None:
        seen.append((error.code, request.user.display_name, []))

    sign_in(browser, emulator, person=JUN)
    browser.get(emulator.consent(start_login(browser), decision="deny"))
    sign_in(browser, emulator, person=AMARA)
    browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN)

    assert seen == [
        ("login", "", []),
        ("access_denied", JUN.display_name, []),
        ("login", JUN.display_name, ["authenticated", "user.info.basic"]),
        ("logout", AMARA.display_name, []),
    ]


def test_failed_login_hook_gets_every_login_that_did_not_complete(
    emulator: Emulator, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    transport = FaultyTransport(emulator)
    transport.path = "/v2/oauth/token/"
    tiktok = new_tiktok(transport, store=store)
    browser = new_browser(TikTokAuthMiddleware(app, tiktok))
    errors: list[TikTokError] = []

    @tiktok.on_failed_login
    async def broken(error: TikTokError, request: Request) -> None:
        raise RuntimeError("the app's own mistake")

    @tiktok.on_failed_login
    async def remember(error: TikTokError, request: Request) -> None:
        assert request.url.path == CALLBACK
        errors.append(error)

    @tiktok.on_login
    async def no_jun(user: TikTokUser, request: Request) -> None:
        if user.open_id == JUN.open_id:
            raise LoginDenied("Not you.")
        if errors:
            raise RuntimeError

    sign_in(browser, emulator)
    assert errors == []
    browser.get(emulator.consent(start_login(browser), decision="deny"))
    browser.get(approve_login(browser, emulator, person=JUN))
    browser.get(approve_login(browser, emulator))
    browser.get(f"{CALLBACK}?code=c&state={'A' * 43}")
    transport.fault = responding(503, json={})
    browser.get(approve_login(browser, emulator))

    assert [type(error) for error in errors[:4]] == [AccessDenied, LoginDenied, HookFailed, LoginLost]
    assert isinstance(errors[3], LoginLost)
    assert errors[3].cause is Cause.NEVER_BEGUN
    assert (errors[1].description, errors[4].status_code) == ("Not you.", 503)
    assert caplog.text.count("on_failed_login hook failed") == 5
