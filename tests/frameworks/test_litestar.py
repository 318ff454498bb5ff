"""Litestar's own idiom: a plugin, guards, and dependencies."""

from typing import Any

import pytest
from litestar import Litestar, Request, Response, Router, WebSocket, asgi, get, post, websocket
from litestar.config.allowed_hosts import AllowedHostsConfig
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.config.csrf import CSRFConfig
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotFoundException
from litestar.middleware import DefineMiddleware
from litestar.middleware.logging import LoggingMiddlewareConfig
from litestar.testing import AsyncTestClient
from litestar.testing import TestClient as LitestarClient
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from asgi_tiktok import ConfigurationError, MemoryStore, TikTok, TikTokAuthMiddleware, tiktok_session
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.litestar import CurrentUser, TikTokPlugin, current_user, login_required, requires_scope
from asgi_tiktok.testing import login_as, login_as_async
from tests.support.login import new_browser, sign_in
from tests.support.people import AMARA
from tests.support.settings import FETCH, FROM_ORIGIN, NAVIGATION, ORIGIN, SAME_ORIGIN
from tests.support.sites.litestar import HANDLERS
from tests.support.tiktok import new_tiktok


@get("/films/statistics", guards=[requires_scope("user.info.stats")])
async def statistics(current_user: CurrentUser) -> str:
    return f"{current_user.display_name}, film maker"


@post("/films/token", status_code=200)
async def token(request: Request[Any, Any, Any]) -> list[str]:
    return [*(await tiktok_session(request).token()).scopes]


@websocket("/films/socket")
async def film_socket(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    await socket.close()


@post("/films/statistics", security=[{"admin": []}], guards=[login_required])
async def add_statistics() -> None: ...


films = Router("/", guards=[requires_scope("video.list")], route_handlers=[statistics, add_statistics, film_socket])


@pytest.fixture
def app(tiktok: TikTok) -> Litestar:
    return Litestar([*HANDLERS, films, token], plugins=[TikTokPlugin(tiktok, protect=("/studio",))], debug=True)


@pytest.fixture
def browser(app: Litestar) -> TestClient:
    return new_browser(app)


class TestTheFirstRequest:
    """Without a lifespan, as below a prefix of another app."""

    def test_may_be_the_login(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        assert browser.get("/me").json() == {"name": AMARA.display_name, "scopes": ["user.info.basic"]}

    def test_may_be_a_webhook(self, tiktok: TikTok) -> None:
        app = Litestar(plugins=[TikTokPlugin(tiktok)], csrf_config=CSRFConfig("secret"), openapi_config=None)
        app.register(statistics)
        assert new_browser(app).post("/auth/tiktok/webhook").json()["error"] == "webhook_refused"

    def test_may_be_for_a_path_that_nobody_knows(self, tiktok: TikTok) -> None:
        def not_found(request: Request[Any, Any, Any], error: NotFoundException) -> Response[str]:
            return Response(f"Nothing here for {request.user.display_name or 'nobody'}.", status_code=404)

        app = Litestar(plugins=[TikTokPlugin(tiktok)], exception_handlers={NotFoundException: not_found})
        assert new_browser(app).get("/nowhere").text == "Nothing here for nobody."

    def test_may_be_for_a_guarded_path_that_nobody_knows(self, tiktok: TikTok) -> None:
        app = Litestar(plugins=[TikTokPlugin(tiktok, protect=("/",), public=("/health",))])
        browser = new_browser(app)

        assert browser.get("/nowhere").status_code == 401
        assert browser.get("/health").status_code == 404

    def test_may_open_a_websocket(self, browser: TestClient) -> None:
        with browser.websocket_connect("/socket", headers=FROM_ORIGIN) as socket:
            assert socket.receive_json() == {"name": ""}

    def test_leaves_the_app_as_litestar_made_it(self, app: Litestar, browser: TestClient) -> None:
        assert isinstance(app, Litestar)
        browser.get("/me")
        assert type(app) is Litestar


def test_our_routes_stand_outside_of_what_litestar_adds_to_the_apps(tiktok: TikTok, emulator: Emulator) -> None:
    app = Litestar(
        HANDLERS,
        path="/api",
        plugins=[TikTokPlugin(tiktok)],
        guards=[login_required],
        csrf_config=CSRFConfig("secret"),
        compression_config=CompressionConfig("gzip", minimum_size=1),
        allowed_hosts=AllowedHostsConfig(["elsewhere.test"]),
    )
    browser = new_browser(app)

    sign_in(browser, emulator)
    assert browser.get("/auth/tiktok/session").json()["user"]["display_name"] == AMARA.display_name
    assert browser.get("/api/me").status_code == 400
    assert browser.get("/api/me", headers={"host": "elsewhere.test"}).json()["name"] == AMARA.display_name
    assert browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN).status_code == 303
    assert browser.get("/auth/tiktok/session").json() == {"user": None}


def test_origins_that_cors_welcomes_read_our_answers(tiktok: TikTok) -> None:
    cors = CORSConfig(allow_origins=["https://front.test"], allow_credentials=True)
    browser = new_browser(Litestar(HANDLERS, plugins=[TikTokPlugin(tiktok)], cors_config=cors))

    for path in ("/auth/tiktok/session", "/account", "/me"):
        answer = browser.get(path, headers={**FETCH, "origin": "https://front.test"})
        assert answer.headers["access-control-allow-origin"] == "https://front.test"
        assert {"Cookie", "Origin"} <= set(answer.headers.get_list("vary"))
    assert "access-control-allow-origin" not in browser.get("/me", headers={"origin": "https://evil.test"}).headers


def test_one_plugin_serves_two_apps(tiktok: TikTok, emulator: Emulator) -> None:
    plugin = TikTokPlugin(tiktok)
    first, second = (Litestar([handler], plugins=[plugin]) for handler in HANDLERS[:2])

    assert new_browser(first).get("/me").status_code == 200
    assert new_browser(first).get("/account").status_code == 404
    assert new_browser(second).get("/me").status_code == 404
    sign_in(new_browser(second), emulator)


def test_two_tiktoks_serve_one_app(tiktok: TikTok) -> None:
    other = new_tiktok(path="/other", redirect_uri=f"{ORIGIN}/other/callback")
    browser = new_browser(Litestar(HANDLERS, plugins=[TikTokPlugin(tiktok), TikTokPlugin(other)]))

    for path in ("/auth/tiktok/login", "/other/login"):
        assert browser.get(path).status_code == 302
    assert browser.get("/me").json()["name"] == ""


def test_a_mounted_app_finds_the_user(tiktok: TikTok, emulator: Emulator) -> None:
    async def shop(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(f"A shop for {scope['user'].display_name}.")(scope, receive, send)

    mounted = asgi("/shop", is_mount=True, copy_scope=True)(shop)
    browser = new_browser(Litestar([mounted], plugins=[TikTokPlugin(tiktok)]))

    sign_in(browser, emulator)
    assert browser.get("/shop/window").text == f"A shop for {AMARA.display_name}."


def test_connections_close_with_the_app() -> None:
    class ClosingStore(MemoryStore):
        closed = False

        async def aclose(self) -> None:
            self.closed = True

    store = ClosingStore()
    app = Litestar(HANDLERS, plugins=[TikTokPlugin(new_tiktok(store=store))])
    with LitestarClient(app) as client:
        assert client.get("/me").status_code == 200
        assert not store.closed
    assert store.closed


class TestAMissingScope:
    def test_of_a_router_is_asked_for_before_that_of_a_handler(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        assert browser.get("/films/statistics", headers=FETCH).json()["login_url"].endswith("&scopes=video.list")
        sign_in(browser, emulator, "scopes=video.list,user.info.stats")
        assert browser.get("/films/statistics").text == f"{AMARA.display_name}, film maker"

    @pytest.mark.parametrize("path", ["/films/socket", "/account/socket"])
    def test_refuses_a_websocket(self, browser: TestClient, path: str) -> None:
        with (
            pytest.raises(WebSocketDisconnect) as refused,
            browser.websocket_connect(f"wss://testserver{path}", headers=FROM_ORIGIN),
        ):
            pass
        assert refused.value.code == 1008


class TestAHandler:
    def test_may_ask_for_a_token_of_nobody(self, browser: TestClient, emulator: Emulator) -> None:
        refused = browser.post("/films/token", headers=FETCH)
        assert (refused.status_code, refused.json()["error"]) == (401, "login_required")
        sign_in(browser, emulator)
        assert browser.post("/films/token", headers=FETCH).json() == ["user.info.basic"]

    def test_may_have_a_current_user_of_its_own(self, tiktok: TikTok) -> None:
        @get("/")
        async def home(current_user: NamedDependency[str]) -> str:
            return current_user

        async def somebody() -> str:
            return "somebody"

        app = Litestar([home], dependencies={"current_user": somebody}, plugins=[TikTokPlugin(tiktok)])
        assert new_browser(app).get("/").text == "somebody"

    def test_may_be_refused_in_the_app_s_own_words(self, tiktok: TikTok) -> None:
        def own_words(request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
            return Response("Members only.", status_code=error.status_code)

        app = Litestar(HANDLERS, plugins=[TikTokPlugin(tiktok)], exception_handlers={401: own_words})
        assert new_browser(app).get("/account", headers=NAVIGATION).text == "Members only."


def test_openapi_shows_a_padlock(browser: TestClient) -> None:
    schema = browser.get("/schema/openapi.json").json()

    scheme = schema["components"]["securitySchemes"]["TikTok"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "cookie", "__Host-tiktok_session")
    asked = {path: methods["get"].get("security") for path, methods in schema["paths"].items() if "get" in methods}
    assert asked["/me"] is None
    assert asked["/account"] == [{"TikTok": []}]
    assert asked["/films/statistics"] == [{"TikTok": ["video.list", "user.info.stats"]}]
    assert schema["paths"]["/films/statistics"]["post"]["security"] == [{"admin": []}, {"TikTok": ["video.list"]}]


class TestAMistake:
    def test_in_the_install_names_the_line_to_write(self) -> None:
        browser = new_browser(Litestar(HANDLERS, dependencies={"current_user": current_user}, debug=True))

        for path in ("/account", "/videos"):
            answer = browser.get(path)
            assert answer.status_code == 500
            assert "write Litestar(..., plugins=[TikTokPlugin(tiktok)])" in answer.text

    @pytest.mark.parametrize("others", [[], [LoggingMiddlewareConfig().middleware]])
    def test_in_the_place_is_told_at_start(self, tiktok: TikTok, others: list[Any]) -> None:
        middleware: Any = TikTokAuthMiddleware
        for ours in (middleware, DefineMiddleware(middleware, tiktok=tiktok)):
            with pytest.raises(ConfigurationError, match=r"write Litestar\(\.\.\., plugins=\[TikTokPlugin\(tiktok"):
                Litestar(HANDLERS, middleware=[ours, *others])

    def test_in_a_scope_is_told_where_it_is_written(self) -> None:
        with pytest.raises(ConfigurationError, match=r"requires_scope holds 'video_list'; write 'video\.list'"):
            requires_scope("video_list")
        with pytest.raises(ConfigurationError, match=r"names no scope; write requires_scope\(\"video\.list\"\)"):
            requires_scope()

    def test_of_an_undeclared_scope_is_told_at_the_first_request(self, tiktok: TikTok) -> None:
        @get("/", guards=[requires_scope("video.publish")])
        async def publish() -> None: ...

        answer = new_browser(Litestar([publish], plugins=[TikTokPlugin(tiktok)], debug=True)).get("/")
        assert answer.status_code == 500
        assert "is not declared: name it in TikTok(optional_scopes=...)" in answer.text

    def test_in_the_settings_is_told_at_start(self, tiktok: TikTok) -> None:
        with pytest.raises(ConfigurationError, match=r"tiktok is a str; give plugins=\[TikTokPlugin\(tiktok\)\]"):
            TikTokPlugin("tiktok")  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="protect holds 'studio', which does not begin with a slash"):
            Litestar(plugins=[TikTokPlugin(tiktok, protect=("studio",))])


class TestLitestarsOwnClient:
    home = "https://testserver.local"
    socket = "wss://testserver.local/account/socket"

    @pytest.fixture
    def app(self) -> Litestar:
        tiktok = new_tiktok(redirect_uri=f"{self.home}/auth/tiktok/callback")
        return Litestar(HANDLERS, plugins=[TikTokPlugin(tiktok, protect=("/studio",))])

    def test_is_signed_in(self, app: Litestar) -> None:
        with LitestarClient(app, base_url=self.home) as client:
            login_as(client, scopes=["user.info.basic", "video.list"])
            assert client.get("/videos").json() == {"name": "Ada"}
            with client.websocket_connect(self.socket, headers={"origin": self.home}) as socket:
                assert socket.receive_json() == {"name": "Ada"}

    def test_is_signed_in_before_the_app_is_called(self, app: Litestar) -> None:
        client = LitestarClient(app, base_url=self.home)
        login_as(client)
        assert client.get("/account").json() == {"name": "Ada"}

    @pytest.mark.anyio
    async def test_is_signed_in_asynchronously(self, app: Litestar) -> None:
        async with AsyncTestClient(app, base_url=self.home) as client:
            await login_as_async(client)
            assert (await client.get("/studio")).json() == {"name": "Ada"}
