"""FastAPI's own idiom: dependencies that know who is there."""

from dataclasses import replace
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request, Security, WebSocket
from fastapi.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from asgi_tiktok import AnonymousUser, ConfigurationError, TikTok, TikTokAuthMiddleware, TikTokUser
from asgi_tiktok.emulator import DEFAULT_APP, Emulator
from asgi_tiktok.fastapi import CurrentUser, OptionalUser, current_user, optional_user, requires_scope
from tests.support.login import new_browser, sign_in
from tests.support.people import AMARA
from tests.support.settings import FETCH, FROM_ORIGIN, NAVIGATION, ORIGIN
from tests.support.sites.fastapi import build, new_app
from tests.support.tiktok import new_tiktok

ADA = TikTokUser(open_id="ada", display_name="Ada")


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
async def statistics(who: Annotated[str, Security(film_maker, scopes=["user.info.stats", "video.list"])]) -> str:
    return who


async def profile(user: CurrentUser) -> TikTokUser:
    return user


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


@pytest.mark.parametrize(("install", "prefix"), [("wrap", ""), ("native", ""), ("mounted", "/sub")])
def test_who_needs_to_sign_in_finds_the_way_however_it_is_installed(install: str, prefix: str) -> None:
    redirect_uri = f"{ORIGIN}{prefix}/auth/tiktok/callback"
    emulator = Emulator([replace(DEFAULT_APP, redirect_uris=(redirect_uri,))])
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri=redirect_uri)
    browser = new_browser(build(tiktok, install))

    told = browser.get(f"{prefix}/account", headers=FETCH)
    assert (told.status_code, told.json()["error"]) == (401, "login_required")
    assert told.json()["login_url"] == f"{prefix}/auth/tiktok/login?next={prefix.replace('/', '%2F')}%2Faccount"

    led = browser.get(f"{prefix}/account", headers=NAVIGATION)
    assert (led.status_code, led.headers["location"]) == (303, told.json()["login_url"])
    back = browser.get(emulator.consent(browser.get(led.headers["location"]).headers["location"]))
    assert browser.get(back.headers["location"]).json() == {"name": AMARA.display_name}


class TestAMissingScope:
    def test_is_asked_for_on_a_page(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        page = browser.get("/videos", headers=NAVIGATION)

        assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert "one more permission" in page.text
        assert "/auth/tiktok/login?next=%2Fvideos&amp;scopes=video.list" in page.text

    def test_of_a_whole_router_is_named_to_scripts(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        refused = browser.get("/films/mine", headers=FETCH)

        assert (refused.status_code, refused.json()["error"]) == (403, "scope_required")
        assert refused.json()["login_url"] == "/auth/tiktok/login?next=%2Ffilms%2Fmine&scopes=video.list"
        back = browser.get(emulator.consent(browser.get(refused.json()["login_url"]).headers["location"]))
        assert browser.get(back.headers["location"]).json() == AMARA.display_name

    def test_of_a_dependency_reaches_the_user_below_it(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator, "scopes=video.list")
        refused = browser.post("/films/statistics", headers=FETCH)

        assert refused.status_code == 403
        assert refused.json()["login_url"] == "/auth/tiktok/login?scopes=user.info.stats%2Cvideo.list"
        sign_in(browser, emulator, "scopes=video.list,user.info.stats")
        assert browser.post("/films/statistics").json() == f"{AMARA.display_name}, film maker"

    def test_is_asked_for_at_once_of_who_is_not_signed_in(self, browser: TestClient) -> None:
        led = browser.get("/films/mine", headers=NAVIGATION)

        assert led.headers["location"] == "/auth/tiktok/login?next=%2Ffilms%2Fmine&scopes=video.list"


class TestWebSockets:
    @pytest.mark.parametrize("path", ["/account/socket", "/films/socket"])
    def test_are_refused_to_who_may_not(self, browser: TestClient, path: str) -> None:
        with pytest.raises(WebSocketDisconnect) as refused, browser.websocket_connect(f"wss://testserver{path}"):
            pass
        assert refused.value.code == 1008

    def test_know_their_user(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator, "scopes=video.list")
        with browser.websocket_connect("wss://testserver/account/socket", headers=FROM_ORIGIN) as socket:
            assert socket.receive_json() == {"name": AMARA.display_name}
        with browser.websocket_connect("wss://testserver/films/socket", headers=FROM_ORIGIN) as socket:
            assert socket.receive()["type"] == "websocket.close"


class TestOverrides:
    @pytest.mark.parametrize("path", ["/account", "/videos", "/films/mine", "/profile"])
    def test_put_somebody_in_the_place_of_every_signed_in_user(self, app: FastAPI, path: str) -> None:
        app.dependency_overrides[current_user] = lambda: ADA
        app.dependency_overrides[optional_user] = lambda: ADA

        assert "Ada" in new_browser(app).get(path).text

    def test_of_whoever_is_there_are_their_own(self, app: FastAPI, browser: TestClient) -> None:
        app.dependency_overrides[optional_user] = lambda: ADA

        assert browser.get("/me").json()["name"] == "Ada"
        assert browser.get("/account").status_code == 401


class TestOpenAPI:
    def test_shows_the_padlock_where_a_sign_in_is_needed(self, app: FastAPI) -> None:
        described = app.openapi()

        scheme = described["components"]["securitySchemes"]["TikTok"]
        assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "cookie", "__Host-tiktok_session")
        assert "/auth/tiktok/login" in scheme["description"]
        assert security(described, "/account") == [{"TikTok": []}]
        assert security(described, "/videos") == [{"TikTok": ["video.list"]}]
        assert security(described, "/films/mine") == [{"TikTok": ["video.list"]}]
        assert security(described, "/me") is None
        assert "parameters" not in described["paths"]["/account"]["get"]

    def test_describes_a_user_without_a_token(self, app: FastAPI, browser: TestClient, emulator: Emulator) -> None:
        fields = app.openapi()["components"]["schemas"]["TikTokUser"]["properties"]
        sign_in(browser, emulator)
        answer = browser.get("/profile").json()

        assert fields.keys() == answer.keys()
        assert answer["display_name"] == AMARA.display_name
        assert not [name for name in fields if "token" in name]


def security(described: dict[str, Any], path: str) -> object:
    return described["paths"][path]["get"].get("security")


def test_an_app_may_answer_in_its_own_words(app: FastAPI, browser: TestClient) -> None:
    async def own_words(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return JSONResponse({"sorry": error.detail}, error.status_code)

    app.add_exception_handler(HTTPException, own_words)
    answer = browser.get("/account", headers=NAVIGATION)

    assert (answer.status_code, answer.json()) == (401, {"sorry": "Nobody is signed in."})


@pytest.mark.parametrize("annotation", [TikTokUser, CurrentUser | None, TikTokUser | None])
def test_nobody_can_say_who_they_are(tiktok: TikTok, annotation: Any) -> None:
    """What FastAPI would otherwise read out of the body, where the dependency was forgotten or lost in a union."""
    app = FastAPI()

    async def careless(user: Any = None) -> Any:
        return user

    careless.__annotations__["user"] = annotation
    app.post("/careless", response_model=None)(careless)
    app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
    answer = new_browser(app).post("/careless", json={"open_id": "victim"})

    assert answer.status_code == 422
    assert "write user: CurrentUser, or OptionalUser" in answer.text


class TestMistakes:
    @pytest.mark.parametrize("path", ["/account", "/videos", "/me"])
    def test_of_installation_name_the_line_to_write(self, path: str) -> None:
        with pytest.raises(ConfigurationError, match=r"add_middleware\(TikTokAuthMiddleware, tiktok=tiktok\)"):
            new_browser(new_app()).get(path)

    @pytest.mark.parametrize(
        ("scopes", "cure"),
        [((), r'write requires_scope\("video.list"\)'), (("video_list",), "write 'video.list'"), (([],), "text")],
    )
    def test_of_spelling_are_refused_where_they_are_written(self, scopes: Any, cure: str) -> None:
        with pytest.raises(ConfigurationError, match=cure):
            requires_scope(*scopes)

    def test_of_declaration_are_told_at_the_first_request(self, app: FastAPI, browser: TestClient) -> None:
        app.get("/publish", dependencies=[requires_scope("video.publish")])(profile)

        with pytest.raises(ConfigurationError, match=r"'video.publish' is not declared: .*optional_scopes"):
            browser.get("/publish")

    def test_of_a_forgotten_call_let_nobody_in(self, app: FastAPI, browser: TestClient) -> None:
        async def forged(user: Annotated[TikTokUser, requires_scope]) -> TikTokUser:
            return user

        app.post("/forged")(forged)
        app.get("/listed", dependencies=[requires_scope])(profile)

        for method, path in [("POST", "/forged"), ("GET", "/listed")]:
            with pytest.raises(ConfigurationError, match=r'write requires_scope\("video.list"\)'):
                browser.request(method, path, json={"open_id": "somebody"})


def test_users_are_told_apart(app: FastAPI, browser: TestClient, emulator: Emulator) -> None:
    seen: list[TikTokUser | AnonymousUser] = []

    async def look(user: OptionalUser) -> None:
        seen.append(user)

    app.get("/look")(look)
    browser.get("/look")
    sign_in(browser, emulator)
    browser.get("/look")

    assert [type(user) for user in seen] == [AnonymousUser, TikTokUser]
