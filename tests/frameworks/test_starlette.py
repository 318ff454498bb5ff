"""Starlette: `requires`, the button in a template, and other middleware around or inside ours."""

from collections.abc import Callable

import pytest
from jinja2 import DictLoader, Environment
from starlette.applications import Starlette
from starlette.authentication import AuthenticationBackend, requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.templating import Jinja2Templates
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from asgi_tiktok import TikTok, TikTokAuthMiddleware, tiktok_button, tiktok_session
from asgi_tiktok.emulator import Emulator
from tests.support.login import new_browser, sign_in
from tests.support.people import AMARA
from tests.support.settings import ORIGIN

PAGE = '{{ tiktok_button(request, next="/films", label="Show your films") }}'
templates = Jinja2Templates(env=Environment(loader=DictLoader({"page.html": PAGE}), autoescape=True))
templates.env.globals["tiktok_button"] = tiktok_button


@requires("video.list", redirect="login")
async def films(request: Request) -> Response:
    return JSONResponse({"name": request.user.display_name})


@requires(["authenticated", "video.list"], status_code=404)
def drafts(request: Request) -> Response:
    return JSONResponse({"name": tiktok_session(request).user.display_name})


@requires("video.list")
async def film_socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"name": tiktok_session(websocket).user.display_name})
    await websocket.close()


async def login(request: Request) -> Response:
    return RedirectResponse(tiktok_session(request).login_url(next="/films", scopes=["video.list"]))


async def page(request: Request) -> Response:
    return templates.TemplateResponse(request, "page.html")


async def visits(request: Request) -> Response:
    count = request.session["count"] = request.session.get("count", 0) + 1
    return JSONResponse({"count": count, "name": tiktok_session(request).user.display_name})


async def users(request: Request) -> Response:
    return JSONResponse({"theirs": request.user.display_name, "ours": tiktok_session(request).user.display_name})


class AnonymousBackend(AuthenticationBackend):
    async def authenticate(self, conn: HTTPConnection) -> None:
        return None


ROUTES = [
    Route("/films", films),
    Route("/drafts", drafts),
    Route("/login", login, name="login"),
    Route("/page", page),
    Route("/visits", visits),
    Route("/users", users),
    WebSocketRoute("/socket", film_socket),
]


def wrapped(tiktok: TikTok) -> ASGIApp:
    return TikTokAuthMiddleware(Starlette(routes=ROUTES), tiktok)


def with_middleware(tiktok: TikTok) -> ASGIApp:
    return Starlette(routes=ROUTES, middleware=[Middleware(TikTokAuthMiddleware, tiktok=tiktok)])


def with_add_middleware(tiktok: TikTok) -> ASGIApp:
    app = Starlette(routes=ROUTES)
    app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
    return app


def with_mount(tiktok: TikTok) -> ASGIApp:
    middleware = [Middleware(TikTokAuthMiddleware, tiktok=tiktok)]
    return Starlette(routes=[Mount("/", routes=ROUTES, middleware=middleware)])


@pytest.fixture(params=[wrapped, with_middleware, with_add_middleware, with_mount])
def browser(request: pytest.FixtureRequest, tiktok: TikTok) -> TestClient:
    install: Callable[[TikTok], ASGIApp] = request.param
    return new_browser(install(tiktok))


class TestRequires:
    def test_redirects_to_a_route_that_redirects_to_tiktok(self, browser: TestClient, emulator: Emulator) -> None:
        redirect = browser.get("/films")
        assert redirect.headers["location"].startswith(f"{ORIGIN}/login?next=")
        to_login = browser.get(redirect.headers["location"]).headers["location"]
        back = browser.get(emulator.consent(browser.get(to_login).headers["location"]))

        assert back.headers["location"] == "/films"
        assert browser.get("/films").json() == {"name": AMARA.display_name}

    def test_keeps_its_own_error_response(self, browser: TestClient, emulator: Emulator) -> None:
        assert (browser.get("/drafts").status_code, browser.get("/drafts").text) == (404, "Not Found")
        sign_in(browser, emulator, "scopes=video.list")
        assert browser.get("/drafts").json() == {"name": AMARA.display_name}

    def test_closes_a_websocket(self, browser: TestClient, emulator: Emulator) -> None:
        with pytest.raises(WebSocketDisconnect), browser.websocket_connect("wss://testserver/socket"):
            pass
        sign_in(browser, emulator, "scopes=video.list")
        with browser.websocket_connect("wss://testserver/socket", headers={"origin": ORIGIN}) as socket:
            assert socket.receive_json() == {"name": AMARA.display_name}


def test_template_contains_the_button(browser: TestClient) -> None:
    html = browser.get("/page").text

    assert 'href="/auth/tiktok/login?next=%2Ffilms"' in html
    assert html.endswith("Show your films</a>")


@pytest.mark.parametrize("ours_first", [True, False], ids=["inside ours", "outside ours"])
def test_session_middleware_keeps_its_own_session(tiktok: TikTok, emulator: Emulator, ours_first: bool) -> None:
    ours = Middleware(TikTokAuthMiddleware, tiktok=tiktok)
    sessions = Middleware(SessionMiddleware, secret_key="only-for-this-test")
    browser = new_browser(Starlette(routes=ROUTES, middleware=[ours, sessions] if ours_first else [sessions, ours]))
    sign_in(browser, emulator)

    assert browser.get("/visits").json() == {"count": 1, "name": AMARA.display_name}
    assert browser.get("/visits").json() == {"count": 2, "name": AMARA.display_name}


def test_tiktok_session_works_after_other_middleware_replaces_the_user(tiktok: TikTok, emulator: Emulator) -> None:
    middleware = [
        Middleware(TikTokAuthMiddleware, tiktok=tiktok),
        Middleware(AuthenticationMiddleware, backend=AnonymousBackend()),
    ]
    browser = new_browser(Starlette(routes=ROUTES, middleware=middleware))
    sign_in(browser, emulator)

    assert browser.get("/users").json() == {"theirs": "", "ours": AMARA.display_name}
