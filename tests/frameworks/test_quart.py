"""Quart: current_user, the decorators, and the app's own test client."""

from typing import Any, cast

import pytest
from quart import Quart, abort, render_template_string, request, websocket
from quart.testing.connections import WebsocketResponseError
from starlette.types import Message, Receive, Scope, Send
from werkzeug.exceptions import HTTPException

from asgi_tiktok import ConfigurationError, LoginRequired, TikTok, TikTokAuthMiddleware, tiktok_session
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.quart import TikTokAuth, current_user, login_required, requires_scope
from asgi_tiktok.testing import login_as
from tests.support.login import new_browser
from tests.support.people import AMARA
from tests.support.settings import FETCH, NAVIGATION, ORIGIN

pytestmark = pytest.mark.anyio


@pytest.fixture
def app(tiktok: TikTok) -> Quart:
    """A site that keeps its own words for those whom it turns away itself."""
    app = Quart(__name__)
    TikTokAuth(app, tiktok, protect=("/studio",))

    @app.get("/")
    async def home() -> str:
        return await render_template_string(
            "{% if current_user.is_authenticated %}Hello {{ current_user.display_name }}, "
            "{{ tiktok_session.logout_url(next='/') }}{% else %}{{ tiktok_button(next='/') }}{% endif %}"
        )

    @app.get("/account")
    @login_required
    async def account() -> dict[str, object]:
        return {"name": current_user.display_name}

    @app.get("/videos")
    @requires_scope("video.list", "user.info.stats")
    def videos() -> dict[str, object]:
        """Not async, so Quart runs it in a thread."""
        return {"name": current_user.display_name}

    @app.get("/token")
    async def token() -> dict[str, object]:
        return {"ends": (await tiktok_session(request).token()).expires_at}

    @app.websocket("/socket")
    async def socket() -> None:
        await websocket.send(f"hello {current_user.display_name}")

    @app.websocket("/account/socket")
    @login_required
    async def account_socket() -> None:
        await websocket.send(f"hello {current_user.display_name}")

    @app.websocket("/token/socket")
    async def token_socket() -> None:
        await websocket.send(str((await tiktok_session(websocket).token()).expires_at))

    return app


async def json_of(app: Quart, path: str, **who: Any) -> tuple[int, Any]:
    """What a script is answered that was signed in as somebody, or as nobody."""
    client = app.test_client()
    if who:
        login_as(client, **who)
    answer = await client.get(path, headers=FETCH)
    return answer.status_code, await answer.get_json()


async def refused(app: Quart, path: str) -> int | None:
    """The status that a WebSocket of nobody is refused with."""
    with pytest.raises(WebsocketResponseError) as refusal:
        async with app.test_client().websocket(path, headers={"origin": ORIGIN}) as socket:
            await socket.receive()
    return refusal.value.response.status_code


async def test_a_person_is_led_to_tiktok_and_back(app: Quart, emulator: Emulator) -> None:
    browser = app.test_client()
    asked = await browser.get("/account", headers=NAVIGATION)
    assert asked.status_code == 303
    to_tiktok = await browser.get(asked.headers["location"], headers=NAVIGATION)
    back = await browser.get(emulator.consent(to_tiktok.headers["location"]).removeprefix(ORIGIN))
    assert back.headers["location"] == "/account"
    assert await (await browser.get("/account")).get_json() == {"name": AMARA.display_name}


class TestAHandler:
    async def test_is_open_to_who_signed_in(self, app: Quart) -> None:
        assert await json_of(app, "/account", display_name="Bob") == (200, {"name": "Bob"})
        status, told = await json_of(app, "/account")
        assert (status, told["error"]) == (401, "login_required")
        assert told["login_url"] == "/auth/tiktok/login?next=%2Faccount"

    async def test_is_open_to_who_granted_its_scopes(self, app: Quart) -> None:
        granted = ["video.list", "user.info.stats"]
        assert await json_of(app, "/videos", scopes=granted) == (200, {"name": "Ada"})
        status, told = await json_of(app, "/videos", scopes=["video.list"])
        assert (status, told["error"]) == (403, "scope_required")
        assert told["login_url"].endswith("scopes=video.list%2Cuser.info.stats")

    async def test_below_a_protected_path_is_never_reached(self, app: Quart) -> None:
        assert (await json_of(app, "/studio/upload"))[0] == 401
        assert (await json_of(app, "/studio/upload", display_name="Bob"))[0] == 404

    async def test_may_ask_for_a_token_that_is_not_there(self, app: Quart) -> None:
        assert (await json_of(app, "/token"))[0] == 401
        assert (await json_of(app, "/token", display_name="Bob"))[0] == 401
        assert (await json_of(app, "/token", token=True))[0] == 200

    async def test_keeps_its_name(self, app: Quart) -> None:
        assert [app.view_functions[name].__name__ for name in ("account", "videos")] == ["account", "videos"]
        assert app.view_functions["videos"].__doc__ == "Not async, so Quart runs it in a thread."


class TestAWebSocket:
    async def test_knows_its_user(self, app: Quart) -> None:
        client = app.test_client()
        login_as(client)
        for path in ("/socket", "/account/socket"):
            async with client.websocket(path, headers={"origin": ORIGIN}) as socket:
                assert await socket.receive() == "hello Ada"

    @pytest.mark.parametrize("path", ["/account/socket", "/token/socket"])
    async def test_of_nobody_is_refused(self, app: Quart, path: str) -> None:
        assert await refused(app, path) == 401


class TestTheAppsOwnAnswer:
    @pytest.mark.parametrize("path", ["/account", "/token"])
    async def test_to_401_goes_before_ours(self, app: Quart, path: str) -> None:
        @app.errorhandler(401)
        async def sorry(error: HTTPException) -> tuple[dict[str, object], int]:
            return {"sorry": error.description}, 401

        assert await json_of(app, path) == (401, {"sorry": "Nobody is signed in."})

    async def test_to_login_required_goes_before_ours(self, tiktok: TikTok) -> None:
        app = Quart(__name__)

        @app.errorhandler(LoginRequired)
        async def sorry(error: LoginRequired) -> tuple[dict[str, object], int]:
            return {"sorry": error.code}, 418

        @app.get("/token")
        async def token() -> str:
            return (await tiktok_session(request).token()).open_id

        TikTokAuth(app, tiktok)
        assert await json_of(app, "/token") == (418, {"sorry": "login_required"})

    async def test_that_keeps_the_challenge_is_still_ours(self, app: Quart) -> None:
        @app.errorhandler(HTTPException)
        async def sorry(error: HTTPException) -> HTTPException:
            return error

        assert (await json_of(app, "/account"))[1]["error"] == "login_required"

    async def test_to_an_abort_of_its_own_is_left_alone(self, app: Quart) -> None:
        @app.get("/teapot")
        async def teapot() -> str:
            abort(401, "No tea for you.")

        answer = await app.test_client().get("/teapot", headers=NAVIGATION)
        assert (answer.status_code, "No tea for you." in await answer.get_data(as_text=True)) == (401, True)


class TestTemplates:
    async def test_show_the_button_or_the_user(self, app: Quart) -> None:
        client = app.test_client()
        page = await (await client.get("/")).get_data(as_text=True)
        assert '<a class="tiktok-button"' in page
        assert 'href="/auth/tiktok/login?next=%2F"' in page
        login_as(client, display_name="<Bob>")
        page = await (await client.get("/")).get_data(as_text=True)
        assert page == "Hello &lt;Bob&gt;, /auth/tiktok/logout?next=%2F"

    async def test_are_rendered_outside_of_requests(self, app: Quart) -> None:
        async with app.app_context():
            assert await render_template_string("Dear {{ name }}", name="Bob") == "Dear Bob"


@pytest.mark.parametrize("path", ["/auth/tiktok/session", "/auth/tiktok/callback", "/account"])
def test_each_response_says_where_its_body_ends(app: Quart, path: str) -> None:
    """Quart's own test client requires it since 0.23."""
    ends: list[bool] = []

    async def server(scope: Scope, receive: Receive, send: Send) -> None:
        async def watch(message: Message) -> None:
            if message["type"] == "http.response.body":
                ends.append(message["more_body"])
            await send(message)

        await cast(Any, app).asgi_app(scope, receive, watch)

    new_browser(server).get(path)
    assert ends[-1] is False


async def test_an_app_made_by_a_factory(tiktok: TikTok) -> None:
    auth = TikTokAuth(tiktok=tiktok, protect=("/",))
    for _ in range(2):
        app = Quart(__name__)
        auth.init_app(app)
        assert (await json_of(app, "/"))[0] == 401
        assert (await json_of(app, "/", display_name="Bob"))[0] == 404


async def test_the_decorators_need_only_the_middleware(tiktok: TikTok) -> None:
    app = Quart(__name__)
    app.get("/account")(login_required(lambda: {"name": current_user.display_name}))
    app.asgi_app = TikTokAuthMiddleware(app.asgi_app, tiktok)  # type: ignore[method-assign, assignment]

    assert (await json_of(app, "/account"))[0] == 401
    assert await json_of(app, "/account", display_name="Bob") == (200, {"name": "Bob"})


async def mistake(app: Quart, caplog: pytest.LogCaptureFixture, path: str) -> str:
    """What the log says of a page that fails."""
    assert (await app.test_client().get(path)).status_code == 500
    (error,) = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert isinstance(error, ConfigurationError)
    return error.description


class TestAMistake:
    async def test_the_app_twice(self, app: Quart, tiktok: TikTok) -> None:
        with pytest.raises(
            ConfigurationError, match=r"has a TikTokAuth already; give TikTokAuth\(app, tiktok\) once"
        ):
            TikTokAuth(app, tiktok)

    async def test_no_app(self, tiktok: TikTok) -> None:
        wrapped: Any = TikTokAuthMiddleware(Quart(__name__), tiktok)
        with pytest.raises(
            ConfigurationError, match=r"app is a TikTokAuthMiddleware; give TikTokAuth\(app, tiktok\)"
        ):
            TikTokAuth(wrapped, tiktok)

    async def test_no_middleware(self, caplog: pytest.LogCaptureFixture) -> None:
        app = Quart(__name__)
        app.get("/account")(login_required(lambda: ""))
        assert "Install it: TikTokAuth(app, tiktok)" in await mistake(app, caplog, "/account")

    async def test_nobody_there_to_ask(self) -> None:
        with pytest.raises(RuntimeError, match="Not within a request context"):
            current_user.display_name  # noqa: B018

    async def test_a_decorator_written_otherwise(self) -> None:
        with pytest.raises(ConfigurationError, match="write @login_required"):
            login_required()
        with pytest.raises(ConfigurationError, match=r'write @requires_scope\("video.list"\)'):
            requires_scope()
        bare: Any = requires_scope
        with pytest.raises(ConfigurationError, match=r'write @requires_scope\("video.list"\)'):
            bare(lambda: "")
        with pytest.raises(ConfigurationError, match=r"requires_scope holds 'video_list'; write 'video.list'"):
            requires_scope("video_list")

    async def test_an_undeclared_scope(self, app: Quart, caplog: pytest.LogCaptureFixture) -> None:
        app.get("/publish")(requires_scope("video.publish")(lambda: ""))
        assert "'video.publish' is not declared" in await mistake(app, caplog, "/publish")
