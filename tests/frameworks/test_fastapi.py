"""FastAPI: the dependencies, their overrides in tests, and the OpenAPI schema."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request, Security, WebSocket
from fastapi.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from starlette.websockets import WebSocketDisconnect

from asgi_tiktok import AnonymousUser, ConfigurationError, TikTok, TikTokAuthMiddleware, TikTokUser
from asgi_tiktok.emulator import DEFAULT_APP, Emulator
from asgi_tiktok.fastapi import CurrentUser, OptionalUser, current_user, optional_user, requires_scope
from asgi_tiktok.testing import login_as
from tests.support.login import new_browser, sign_in
from tests.support.people import AMARA
from tests.support.settings import FETCH, FROM_ORIGIN, NAVIGATION, ORIGIN, SITES
from tests.support.sites.fastapi import build, new_app
from tests.support.tiktok import new_tiktok

ADA = TikTokUser(open_id="ada", display_name="Ada")
INSTALLS = [("wrap", ""), ("native", ""), ("mounted", "/sub")]


async def film_maker(user: CurrentUser) -> str:
    return f"{user.display_name}, film maker"


films = APIRouter(prefix="/films", dependencies=[requires_scope("video.list")])


@films.get("/mine")
async def my_films(user: OptionalUser) -> str | None:
    return user.display_name


@films.websocket("/socket")
async def film_socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


@films.post("/statistics")
async def statistics(maker: Annotated[str, Security(film_maker, scopes=["user.info.stats", "video.list"])]) -> str:
    return maker


async def profile(user: CurrentUser) -> TikTokUser:
    return user


def in_route(router: APIRouter) -> None:
    router.get("/publish", dependencies=[requires_scope("video.publish")])(profile)


def in_outer_router(router: APIRouter) -> None:
    inner, outer = APIRouter(), APIRouter(dependencies=[requires_scope("video.publish")])
    inner.get("/publish")(profile)
    outer.include_router(inner)
    router.include_router(outer)


def in_user(router: APIRouter) -> None:
    async def publish(user: Annotated[TikTokUser, requires_scope("video.publish")]) -> TikTokUser:
        return user

    router.get("/publish")(publish)


def in_dependency(router: APIRouter) -> None:
    async def publish(maker: Annotated[str, Security(film_maker, scopes=["video.publish"])]) -> str:
        return maker

    router.get("/publish")(publish)


def in_websocket(router: APIRouter) -> None:
    router.websocket("/publish", dependencies=[requires_scope("video.publish")])(film_socket)


@pytest.fixture
def app() -> FastAPI:
    app = new_app()
    app.include_router(films)
    app.get("/profile")(profile)
    return app


@pytest.fixture
def browser(app: FastAPI, tiktok: TikTok) -> TestClient:
    app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
    return new_browser(app)


@pytest.mark.parametrize(("install", "prefix"), INSTALLS)
def test_login_url_and_redirect_lead_to_the_login_in_each_install(install: str, prefix: str) -> None:
    redirect_uri = f"{ORIGIN}{prefix}/auth/tiktok/callback"
    emulator = Emulator([replace(DEFAULT_APP, redirect_uris=(redirect_uri,))])
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri=redirect_uri)
    browser = new_browser(build(tiktok, install))

    refused = browser.get(f"{prefix}/account", headers=FETCH)
    assert (refused.status_code, refused.json()["error"]) == (401, "login_required")
    assert refused.json()["login_url"] == f"{prefix}/auth/tiktok/login?next={prefix.replace('/', '%2F')}%2Faccount"

    redirect = browser.get(f"{prefix}/account", headers=NAVIGATION)
    assert (redirect.status_code, redirect.headers["location"]) == (303, refused.json()["login_url"])
    back = browser.get(emulator.consent(browser.get(redirect.headers["location"]).headers["location"]))
    assert browser.get(back.headers["location"]).json() == {"name": AMARA.display_name}


class TestMissingScope:
    def test_page_contains_the_link_that_requests_it(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        page = browser.get("/videos", headers=NAVIGATION)

        assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert "one more permission" in page.text
        assert "/auth/tiktok/login?next=%2Fvideos&amp;scopes=video.list" in page.text

    def test_scope_of_a_router_is_in_the_login_url_of_a_script(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        refused = browser.get("/films/mine", headers=FETCH)

        assert (refused.status_code, refused.json()["error"]) == (403, "scope_required")
        assert refused.json()["login_url"] == "/auth/tiktok/login?next=%2Ffilms%2Fmine&scopes=video.list"
        back = browser.get(emulator.consent(browser.get(refused.json()["login_url"]).headers["location"]))
        assert browser.get(back.headers["location"]).json() == AMARA.display_name

    def test_scope_of_a_dependency_is_required_from_its_user(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator, "scopes=video.list")
        refused = browser.post("/films/statistics", headers=FETCH)

        assert refused.status_code == 403
        assert refused.json()["login_url"] == "/auth/tiktok/login?scopes=user.info.stats%2Cvideo.list"
        sign_in(browser, emulator, "scopes=video.list,user.info.stats")
        assert browser.post("/films/statistics").json() == f"{AMARA.display_name}, film maker"

    def test_login_of_an_anonymous_visitor_requests_it(self, browser: TestClient) -> None:
        redirect = browser.get("/films/mine", headers=NAVIGATION)

        assert redirect.headers["location"] == "/auth/tiktok/login?next=%2Ffilms%2Fmine&scopes=video.list"


class TestWebSockets:
    @pytest.mark.parametrize("path", ["/account/socket", "/films/socket"])
    def test_websocket_without_the_required_user_is_refused(self, browser: TestClient, path: str) -> None:
        with pytest.raises(WebSocketDisconnect) as refused, browser.websocket_connect(f"wss://testserver{path}"):
            pass
        assert refused.value.code == 1008

    def test_websocket_has_the_user(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator, "scopes=video.list")
        with browser.websocket_connect("wss://testserver/account/socket", headers=FROM_ORIGIN) as socket:
            assert socket.receive_json() == {"name": AMARA.display_name}
        with browser.websocket_connect("wss://testserver/films/socket", headers=FROM_ORIGIN) as socket:
            assert socket.receive()["type"] == "websocket.close"


class TestOverrides:
    @pytest.mark.parametrize("path", ["/account", "/videos", "/films/mine", "/profile"])
    def test_current_user_replaces_the_user_of_every_route(self, app: FastAPI, path: str) -> None:
        app.dependency_overrides[current_user] = lambda: ADA
        app.dependency_overrides[optional_user] = lambda: ADA

        assert "Ada" in new_browser(app).get(path).text

    def test_optional_user_replaces_only_optional_users(self, app: FastAPI, browser: TestClient) -> None:
        app.dependency_overrides[optional_user] = lambda: ADA

        assert browser.get("/me").json()["name"] == "Ada"
        assert browser.get("/account").status_code == 401


class TestOpenAPI:
    def test_routes_that_require_a_sign_in_have_a_padlock(self, app: FastAPI) -> None:
        paths = app.openapi()["paths"]
        security = {path: methods["get"].get("security") for path, methods in paths.items() if "get" in methods}

        assert security["/account"] == [{"TikTok": []}]
        assert security["/videos"] == [{"TikTok": ["video.list"]}]
        assert security["/films/mine"] == [{"TikTok": ["video.list"]}]
        assert security["/me"] is None
        assert "parameters" not in paths["/account"]["get"]

    @pytest.mark.parametrize(("origin", "path"), SITES)
    @pytest.mark.parametrize(("install", "prefix"), INSTALLS)
    def test_scheme_is_true_for_every_cookie_name_and_login_path(
        self, install: str, prefix: str, origin: str, path: str
    ) -> None:
        tiktok = new_tiktok(redirect_uri=f"{origin}{prefix}{path}/callback", path=path)
        site = build(tiktok, install)
        browser = new_browser(site, origin=origin)
        scheme = browser.get(f"{prefix}/openapi.json").json()["components"]["securitySchemes"]["TikTok"]
        login_as(browser, tiktok=tiktok)
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

        assert (scheme["type"], scheme["in"]) == ("apiKey", "header")
        assert not re.search("tiktok_session|/login", str(scheme))
        client = new_browser(site, origin=origin)
        assert client.get(f"{prefix}/account", headers={scheme["name"]: cookie}).json() == {"name": "Ada"}

    def test_schema_of_a_user_has_no_token(self, app: FastAPI, browser: TestClient, emulator: Emulator) -> None:
        fields = app.openapi()["components"]["schemas"]["TikTokUser"]["properties"]
        sign_in(browser, emulator)
        profile = browser.get("/profile").json()

        assert fields.keys() == profile.keys()
        assert profile["display_name"] == AMARA.display_name
        assert not [name for name in fields if "token" in name]


def test_exception_handler_of_the_app_replaces_our_response(app: FastAPI, browser: TestClient) -> None:
    async def sorry(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return JSONResponse({"sorry": error.detail}, error.status_code)

    app.add_exception_handler(HTTPException, sorry)
    response = browser.get("/account", headers=NAVIGATION)

    assert (response.status_code, response.json()) == (401, {"sorry": "The visitor is not signed in."})


@pytest.mark.parametrize("annotation", [TikTokUser, CurrentUser | None, TikTokUser | None])
def test_user_is_never_read_from_the_body(tiktok: TikTok, annotation: Any) -> None:
    """FastAPI reads a parameter from the body if its dependency is forgotten or is part of a union."""
    app = FastAPI()

    async def careless(user: Any = None) -> Any:
        return user

    careless.__annotations__["user"] = annotation
    app.post("/careless", response_model=None)(careless)
    app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
    response = new_browser(app).post("/careless", json={"open_id": "victim"})

    assert response.status_code == 422
    assert "Write user: CurrentUser or OptionalUser" in response.text


class TestMistakes:
    @pytest.mark.parametrize("path", ["/account", "/videos", "/me"])
    def test_missing_install_names_the_line_to_write(self, path: str) -> None:
        with pytest.raises(ConfigurationError, match=r"add_middleware\(TikTokAuthMiddleware, tiktok=tiktok\)"):
            new_browser(new_app()).get(path)

    @pytest.mark.parametrize(
        ("scopes", "fix"),
        [
            ((), r'Write requires_scope\("video.list"\)'),
            (("video_list",), "Write 'video.list'"),
            (([],), "must be a string, not list"),
        ],
    )
    def test_wrong_scope_is_reported_by_requires_scope(self, scopes: Any, fix: str) -> None:
        with pytest.raises(ConfigurationError, match=fix):
            requires_scope(*scopes)

    @pytest.mark.parametrize("install", ["wrap", "native"])
    @pytest.mark.parametrize("routes", [in_route, in_outer_router, in_user, in_dependency, in_websocket])
    def test_undeclared_scope_is_reported_at_start(
        self, tiktok: TikTok, install: str, routes: Callable[[APIRouter], None]
    ) -> None:
        app = FastAPI()
        routes(app.router)
        wrapped: ASGIApp = app
        if install == "wrap":
            wrapped = TikTokAuthMiddleware(app, tiktok)
        else:
            app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
        with (
            pytest.raises(
                ConfigurationError,
                match=r"'video\.publish' is not declared, but /publish requires it\. Add it to TikTok\(optional_sco",
            ),
            TestClient(wrapped, base_url=ORIGIN),
        ):
            pass

    def test_undeclared_scope_of_a_mounted_app_is_reported_at_the_first_request(self, tiktok: TikTok) -> None:
        """The mounted app may have a TikTok of its own, and Starlette does not start it."""
        app, outer = FastAPI(), FastAPI()
        in_route(app.router)
        outer.mount("/sub", app)
        outer.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
        with (
            TestClient(outer, base_url=ORIGIN) as browser,
            pytest.raises(ConfigurationError, match=r"'video.publish' is not declared\. .*optional_scopes"),
        ):
            browser.get("/sub/publish")

    def test_forgotten_call_is_reported(self, app: FastAPI, browser: TestClient) -> None:
        async def forged(user: Annotated[TikTokUser, requires_scope]) -> TikTokUser:
            return user

        app.post("/forged")(forged)
        app.get("/listed", dependencies=[requires_scope])(profile)

        for method, path in [("POST", "/forged"), ("GET", "/listed")]:
            with pytest.raises(ConfigurationError, match=r'Write requires_scope\("video.list"\)'):
                browser.request(method, path, json={"open_id": "somebody"})


def test_optional_user_is_anonymous_or_a_user(app: FastAPI, browser: TestClient, emulator: Emulator) -> None:
    seen: list[TikTokUser | AnonymousUser] = []

    async def look(user: OptionalUser) -> None:
        seen.append(user)

    app.get("/look")(look)
    browser.get("/look")
    sign_in(browser, emulator)
    browser.get("/look")

    assert [type(user) for user in seen] == [AnonymousUser, TikTokUser]
