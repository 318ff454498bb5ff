"""Litestar: the plugin, guards, dependencies, and the test client."""

import re
from typing import Any, cast

import pytest
from litestar import Litestar, Request, Response, Router, WebSocket, asgi, get, post, websocket
from litestar.config.allowed_hosts import AllowedHostsConfig
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, HTTPException, NotFoundException
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
from tests.support.settings import FETCH, FROM_ORIGIN, NAVIGATION, ORIGIN, SAME_ORIGIN, SITES
from tests.support.sites.litestar import HANDLERS, build
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


class TestFirstRequest:
    """The plugin works without a lifespan, as in a mount, and for a request that has no route."""

    def test_first_request_can_be_the_login(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        assert browser.get("/me").json() == {"name": AMARA.display_name, "scopes": ["user.info.basic"]}

    def test_first_request_can_be_a_webhook(self, tiktok: TikTok) -> None:
        app = Litestar(plugins=[TikTokPlugin(tiktok)], csrf_config=CSRFConfig("secret"), openapi_config=None)
        app.register(statistics)
        assert new_browser(app).post("/auth/tiktok/webhook").json()["error"] == "webhook_refused"

    def test_first_request_can_be_for_an_unknown_path(self, tiktok: TikTok) -> None:
        def not_found(request: Request[Any, Any, Any], error: NotFoundException) -> Response[str]:
            return Response(f"Nothing here for {request.user.display_name or 'nobody'}.", status_code=404)

        app = Litestar(plugins=[TikTokPlugin(tiktok)], exception_handlers={NotFoundException: not_found})
        assert new_browser(app).get("/nowhere").text == "Nothing here for nobody."

    def test_first_request_can_be_for_a_protected_unknown_path(self, tiktok: TikTok) -> None:
        app = Litestar(plugins=[TikTokPlugin(tiktok, protect=("/",), public=("/health",))])
        browser = new_browser(app)

        assert browser.get("/nowhere").status_code == 401
        assert browser.get("/health").status_code == 404

    def test_first_request_can_be_a_websocket(self, browser: TestClient) -> None:
        with browser.websocket_connect("/socket", headers=FROM_ORIGIN) as socket:
            assert socket.receive_json() == {"name": ""}


def test_our_routes_are_outside_the_path_guards_and_csrf_of_the_app(tiktok: TikTok, emulator: Emulator) -> None:
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


@pytest.mark.parametrize("path", ["/auth/tiktok/login", "/auth/tiktok/session", "/auth/tiktok/callback?code=x"])
def test_request_to_our_routes_is_no_error_of_the_app(tiktok: TikTok, path: str) -> None:
    errors: list[Exception] = []

    async def note(error: Exception, scope: Any) -> None:
        errors.append(error)

    app = Litestar(HANDLERS, plugins=[TikTokPlugin(tiktok)], after_exception=[note])
    new_browser(app).get(path)
    assert not errors


def test_cors_config_applies_to_our_responses(tiktok: TikTok) -> None:
    cors = CORSConfig(allow_origins=["https://front.test"], allow_credentials=True)
    browser = new_browser(Litestar(HANDLERS, plugins=[TikTokPlugin(tiktok)], cors_config=cors))

    for path in ("/auth/tiktok/session", "/account", "/me"):
        response = browser.get(path, headers={**FETCH, "origin": "https://front.test"})
        assert response.headers["access-control-allow-origin"] == "https://front.test"
        assert {"Cookie", "Origin"} <= set(response.headers.get_list("vary"))
    assert "access-control-allow-origin" not in browser.get("/me", headers={"origin": "https://evil.test"}).headers


@get("/site.css", cache_control=CacheControlHeader(public=True))
async def style() -> str:
    return "h1 { color: red }"


def test_shared_response_of_an_app_with_cors_does_not_vary_by_cookie(tiktok: TikTok) -> None:
    cors = CORSConfig(allow_origins=["https://front.test"])
    browser = new_browser(Litestar([style], plugins=[TikTokPlugin(tiktok)], cors_config=cors))

    for headers in ({}, {"origin": "https://front.test"}):
        assert "Cookie" not in browser.get("/site.css", headers=headers).headers.get_list("vary")


def test_one_plugin_installs_into_two_apps(tiktok: TikTok, emulator: Emulator) -> None:
    plugin = TikTokPlugin(tiktok)
    first, second = (Litestar([handler], plugins=[plugin]) for handler in HANDLERS[:2])

    assert new_browser(first).get("/me").status_code == 200
    assert new_browser(first).get("/account").status_code == 404
    assert new_browser(second).get("/me").status_code == 404
    sign_in(new_browser(second), emulator)


def test_two_plugins_install_into_one_app(tiktok: TikTok) -> None:
    other = new_tiktok(path="/other", redirect_uri=f"{ORIGIN}/other/callback")
    browser = new_browser(Litestar(HANDLERS, plugins=[TikTokPlugin(tiktok), TikTokPlugin(other)]))

    for path in ("/auth/tiktok/login", "/other/login"):
        assert browser.get(path).status_code == 302
    assert browser.get("/me").json()["name"] == ""


def test_app_in_an_asgi_mount_has_the_user(tiktok: TikTok, emulator: Emulator) -> None:
    async def shop(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(f"A shop for {scope['user'].display_name}.")(scope, receive, send)

    mounted = asgi("/shop", is_mount=True, copy_scope=True)(shop)
    browser = new_browser(Litestar([mounted], plugins=[TikTokPlugin(tiktok)]))

    sign_in(browser, emulator)
    assert browser.get("/shop/window").text == f"A shop for {AMARA.display_name}."


class TestGuardedMount:
    """Litestar removes the prefix of a mount from the path before its middleware runs."""

    @pytest.fixture(params=["with raw_path", "without raw_path"])
    def browser(self, request: pytest.FixtureRequest, tiktok: TikTok) -> TestClient:
        async def studio(scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse(f"{scope['path']} for {scope['user'].display_name}")(scope, receive, send)

        mounted = asgi("/studio", is_mount=True, copy_scope=True)(studio)
        app: Any = Litestar(
            [Router("/v1", route_handlers=[mounted])], plugins=[TikTokPlugin(tiktok, protect=["/v1/studio"])]
        )

        async def server(scope: Any, receive: Any, send: Any) -> None:
            scope["raw_path"] = scope["raw_path"] if request.param == "with raw_path" else None
            await app(scope, receive, send)

        return new_browser(server)

    @pytest.mark.parametrize("path", ["/v1/studio", "/v1/studio/", "/v1/studio/films", "/v1/studios", "/v1//studio"])
    def test_anonymous_visitor_gets_401(self, browser: TestClient, path: str) -> None:
        assert browser.get(path).status_code == 401

    def test_user_reaches_the_mounted_app_with_the_path_that_litestar_gives(
        self, browser: TestClient, tiktok: TikTok
    ) -> None:
        login_as(browser, tiktok=tiktok)
        assert browser.get("/v1/studio/films").text == "/films/ for Ada"

    def test_mount_with_two_paths_is_refused(self, tiktok: TikTok) -> None:
        @asgi(["/studio", "/shop"], is_mount=True, copy_scope=True)
        async def studio(scope: Any, receive: Any, send: Any) -> None: ...

        with pytest.raises(
            ConfigurationError, match=r"A mount has the paths .* Write one asgi\(\.\.\., is_mount=True\)"
        ):
            Litestar([studio], plugins=[TikTokPlugin(tiktok)])


def test_lifespan_closes_the_store() -> None:
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


class TestMissingScope:
    def test_scope_of_the_router_is_required_before_that_of_the_handler(
        self, browser: TestClient, emulator: Emulator
    ) -> None:
        sign_in(browser, emulator)
        assert browser.get("/films/statistics", headers=FETCH).json()["login_url"].endswith("&scopes=video.list")
        sign_in(browser, emulator, "scopes=video.list,user.info.stats")
        assert browser.get("/films/statistics").text == f"{AMARA.display_name}, film maker"

    @pytest.mark.parametrize("path", ["/films/socket", "/account/socket"])
    def test_websocket_is_refused(self, browser: TestClient, path: str) -> None:
        with (
            pytest.raises(WebSocketDisconnect) as refused,
            browser.websocket_connect(f"wss://testserver{path}", headers=FROM_ORIGIN),
        ):
            pass
        assert refused.value.code == 1008


class TestHandlers:
    def test_missing_token_requires_a_login(self, browser: TestClient, emulator: Emulator) -> None:
        refused = browser.post("/films/token", headers=FETCH)
        assert (refused.status_code, refused.json()["error"]) == (401, "login_required")
        sign_in(browser, emulator)
        assert browser.post("/films/token", headers=FETCH).json() == ["user.info.basic"]

    def test_current_user_of_the_app_replaces_ours(self, tiktok: TikTok) -> None:
        @get("/")
        async def home(current_user: NamedDependency[str]) -> str:
            return current_user

        async def somebody() -> str:
            return "somebody"

        app = Litestar([home], dependencies={"current_user": somebody}, plugins=[TikTokPlugin(tiktok)])
        assert new_browser(app).get("/").text == "somebody"

    def test_exception_handler_of_the_app_replaces_our_response(self, tiktok: TikTok) -> None:
        def members_only(request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
            return Response("Members only.", status_code=error.status_code)

        app = Litestar(HANDLERS, plugins=[TikTokPlugin(tiktok)], exception_handlers={401: members_only})
        assert new_browser(app).get("/account", headers=NAVIGATION).text == "Members only."

    @pytest.mark.parametrize("kind", [404, NotFoundException, ClientException, HTTPException, Exception])
    def test_exception_handler_of_any_layer_is_called_as_without_the_plugin(self, tiktok: TikTok, kind: Any) -> None:
        @get("/film")
        async def film() -> None:
            raise NotFoundException

        def no_film(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
            return Response(f"Nothing for {request.user.display_name or 'nobody'}.", status_code=410)

        layer = Router("/films", route_handlers=[film], exception_handlers={kind: no_film})
        browser = new_browser(Litestar([layer], plugins=[TikTokPlugin(tiktok)]))
        assert browser.get("/films/film").text == "Nothing for nobody."
        assert browser.get("/films/other").json()["detail"] == "Not Found"
        assert browser.post("/films/film").status_code == 405

        everywhere = new_browser(Litestar([film], plugins=[TikTokPlugin(tiktok)], exception_handlers={kind: no_film}))
        for path in ("/film", "/other"):
            assert everywhere.get(path).text == "Nothing for nobody."


class TestOpenAPI:
    def test_routes_that_require_a_sign_in_have_a_padlock(self, browser: TestClient) -> None:
        paths = browser.get("/schema/openapi.json").json()["paths"]
        security = {path: methods["get"].get("security") for path, methods in paths.items() if "get" in methods}

        assert security["/me"] is None
        assert security["/account"] == [{"TikTok": []}]
        assert security["/films/statistics"] == [{"TikTok": ["video.list", "user.info.stats"]}]
        assert paths["/films/statistics"]["post"]["security"] == [{"admin": []}, {"TikTok": ["video.list"]}]

    @pytest.mark.parametrize(("origin", "path"), SITES)
    @pytest.mark.parametrize(("install", "prefix"), [("native", ""), ("mounted", "/sub")])
    def test_scheme_names_the_cookie_and_the_login_of_the_app(
        self, install: str, prefix: str, origin: str, path: str
    ) -> None:
        tiktok = new_tiktok(redirect_uri=f"{origin}{prefix}{path}/callback", path=path)
        browser = new_browser(build(tiktok, install), origin=origin)
        scheme = scheme_of(browser, prefix)
        login_as(browser)

        assert (scheme["type"], scheme["in"], [scheme["name"]]) == ("apiKey", "cookie", [*browser.cookies])
        (login,) = re.findall("`(.+)`", scheme["description"])
        assert browser.get(f"{prefix}{login}").status_code == 302

    def test_scheme_names_the_cookie_of_the_plugin_whose_user_the_app_gets(self, tiktok: TikTok) -> None:
        other = new_tiktok(path="/other", redirect_uri=f"{ORIGIN}/other/callback")
        browser = new_browser(Litestar(HANDLERS, plugins=[TikTokPlugin(tiktok), TikTokPlugin(other)]))
        scheme = scheme_of(browser)
        login_as(browser, tiktok=other)

        assert browser.get("/account").json() == {"name": "Ada"}
        assert [scheme["name"]] == [*browser.cookies]

    def test_wrapped_app_has_no_scheme(self, tiktok: TikTok) -> None:
        schema = new_browser(build(tiktok, "wrap")).get("/schema/openapi.json").json()

        assert "securitySchemes" not in schema["components"]


def scheme_of(browser: TestClient, prefix: str = "") -> dict[str, Any]:
    schema = browser.get(f"{prefix}/schema/openapi.json").json()
    return cast(dict[str, Any], schema["components"]["securitySchemes"]["TikTok"])


class TestMistakes:
    def test_missing_install_names_the_line_to_write(self) -> None:
        browser = new_browser(Litestar(HANDLERS, dependencies={"current_user": current_user}, debug=True))

        for path in ("/account", "/videos"):
            response = browser.get(path)
            assert response.status_code == 500
            assert "Write Litestar(..., plugins=[TikTokPlugin(tiktok)])" in response.text

    @pytest.mark.parametrize("others", [[], [LoggingMiddlewareConfig().middleware]])
    def test_install_as_middleware_of_litestar_is_reported_at_start(self, tiktok: TikTok, others: list[Any]) -> None:
        middleware: Any = TikTokAuthMiddleware
        for ours in (middleware, DefineMiddleware(middleware, tiktok=tiktok)):
            with pytest.raises(ConfigurationError, match=r"Write Litestar\(\.\.\., plugins=\[TikTokPlugin\(tiktok"):
                Litestar(HANDLERS, middleware=[ours, *others])

    def test_wrong_scope_is_reported_by_requires_scope(self) -> None:
        with pytest.raises(ConfigurationError, match=r"requires_scope contains 'video_list', .* Write 'video\.list'"):
            requires_scope("video_list")
        with pytest.raises(ConfigurationError, match=r"has no scope\. Write requires_scope\(\"video\.list\"\)"):
            requires_scope()

    def test_undeclared_scope_is_reported_at_start(self, tiktok: TikTok) -> None:
        @get("/", guards=[requires_scope("video.publish")])
        async def publish() -> None: ...

        @websocket("/socket", guards=[requires_scope("video.publish")])
        async def publish_socket(socket: WebSocket[Any, Any, Any]) -> None: ...

        for handler, path in ((publish, "/"), (publish_socket, "/socket")):
            with pytest.raises(
                ConfigurationError, match=rf"is not declared, but {path} requires it\. Add it to TikTok\(optional_sco"
            ):
                Litestar([handler], plugins=[TikTokPlugin(tiktok)])

    def test_wrong_setting_is_reported_at_start(self, tiktok: TikTok) -> None:
        with pytest.raises(
            ConfigurationError,
            match=r"tiktok must be a TikTok, not str\. Write Litestar\(\.\.\., plugins=\[TikTokPlugin\(tiktok\)\]\)",
        ):
            TikTokPlugin("tiktok")  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="protect contains 'studio', which does not begin with a slash"):
            Litestar(plugins=[TikTokPlugin(tiktok, protect=("studio",))])


class TestLitestarsOwnClient:
    home = "https://testserver.local"
    socket = "wss://testserver.local/account/socket"

    @pytest.fixture
    def app(self) -> Litestar:
        tiktok = new_tiktok(redirect_uri=f"{self.home}/auth/tiktok/callback")
        return Litestar(HANDLERS, plugins=[TikTokPlugin(tiktok, protect=("/studio",))])

    def test_client_is_signed_in(self, app: Litestar) -> None:
        with LitestarClient(app, base_url=self.home) as client:
            login_as(client, scopes=["user.info.basic", "video.list"])
            assert client.get("/videos").json() == {"name": "Ada"}
            with client.websocket_connect(self.socket, headers={"origin": self.home}) as socket:
                assert socket.receive_json() == {"name": "Ada"}

    def test_client_is_signed_in_before_the_first_request(self, app: Litestar) -> None:
        client = LitestarClient(app, base_url=self.home)
        login_as(client)
        assert client.get("/account").json() == {"name": "Ada"}

    @pytest.mark.anyio
    async def test_async_client_is_signed_in(self, app: Litestar) -> None:
        async with AsyncTestClient(app, base_url=self.home) as client:
            await login_as_async(client)
            assert (await client.get("/studio")).json() == {"name": "Ada"}
