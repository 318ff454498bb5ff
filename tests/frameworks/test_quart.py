"""Quart: TikTokAuth, `current_user`, the decorators, templates, and the test client of the app."""

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
    """A site whose handlers use each part of the integration."""
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


async def fetch(app: Quart, path: str, **user: Any) -> tuple[int, Any]:
    """Return status and JSON that a script gets, as a user with these fields or as an anonymous visitor."""
    client = app.test_client()
    if user:
        login_as(client, **user)
    response = await client.get(path, headers=FETCH)
    return response.status_code, await response.get_json()


async def refused(app: Quart, path: str) -> int | None:
    """Return the status with which a WebSocket of an anonymous visitor is refused."""
    with pytest.raises(WebsocketResponseError) as refusal:
        async with app.test_client().websocket(path, headers={"origin": ORIGIN}) as socket:
            await socket.receive()
    return refusal.value.response.status_code


async def test_user_is_redirected_to_tiktok_and_back(app: Quart, emulator: Emulator) -> None:
    browser = app.test_client()
    to_login = await browser.get("/account", headers=NAVIGATION)
    assert to_login.status_code == 303
    to_tiktok = await browser.get(to_login.headers["location"], headers=NAVIGATION)
    back = await browser.get(emulator.consent(to_tiktok.headers["location"]).removeprefix(ORIGIN))
    assert back.headers["location"] == "/account"
    assert await (await browser.get("/account")).get_json() == {"name": AMARA.display_name}


class TestHandlers:
    async def test_login_required_admits_signed_in_users(self, app: Quart) -> None:
        assert await fetch(app, "/account", display_name="Bob") == (200, {"name": "Bob"})
        status, body = await fetch(app, "/account")
        assert (status, body["error"]) == (401, "login_required")
        assert body["login_url"] == "/auth/tiktok/login?next=%2Faccount"

    async def test_requires_scope_admits_users_who_granted_the_scopes(self, app: Quart) -> None:
        granted = ["video.list", "user.info.stats"]
        assert await fetch(app, "/videos", scopes=granted) == (200, {"name": "Ada"})
        status, body = await fetch(app, "/videos", scopes=["video.list"])
        assert (status, body["error"]) == (403, "scope_required")
        assert body["login_url"].endswith("scopes=video.list%2Cuser.info.stats")

    async def test_protected_path_requires_a_sign_in(self, app: Quart) -> None:
        assert (await fetch(app, "/studio/upload"))[0] == 401
        assert (await fetch(app, "/studio/upload", display_name="Bob"))[0] == 404

    async def test_missing_token_requires_a_login(self, app: Quart) -> None:
        assert (await fetch(app, "/token"))[0] == 401
        assert (await fetch(app, "/token", display_name="Bob"))[0] == 401
        assert (await fetch(app, "/token", token=True))[0] == 200

    async def test_decorated_handler_keeps_its_name(self, app: Quart) -> None:
        assert [app.view_functions[name].__name__ for name in ("account", "videos")] == ["account", "videos"]
        assert app.view_functions["videos"].__doc__ == "Not async, so Quart runs it in a thread."


class TestWebSockets:
    async def test_websocket_has_the_user(self, app: Quart) -> None:
        client = app.test_client()
        login_as(client)
        for path in ("/socket", "/account/socket"):
            async with client.websocket(path, headers={"origin": ORIGIN}) as socket:
                assert await socket.receive() == "hello Ada"

    @pytest.mark.parametrize("path", ["/account/socket", "/token/socket"])
    async def test_websocket_of_an_anonymous_visitor_is_refused(self, app: Quart, path: str) -> None:
        assert await refused(app, path) == 401


class TestErrorHandlersOfTheApp:
    @pytest.mark.parametrize("path", ["/account", "/token"])
    async def test_handler_of_401_replaces_our_response(self, app: Quart, path: str) -> None:
        @app.errorhandler(401)
        async def sorry(error: HTTPException) -> tuple[dict[str, object], int]:
            return {"sorry": error.description}, 401

        assert await fetch(app, path) == (401, {"sorry": "The visitor is not signed in."})

    async def test_handler_of_login_required_replaces_our_response(self, tiktok: TikTok) -> None:
        app = Quart(__name__)

        @app.errorhandler(LoginRequired)
        async def sorry(error: LoginRequired) -> tuple[dict[str, object], int]:
            return {"sorry": error.code}, 418

        @app.get("/token")
        async def token() -> str:
            return (await tiktok_session(request).token()).open_id

        TikTokAuth(app, tiktok)
        assert await fetch(app, "/token") == (418, {"sorry": "login_required"})

    async def test_response_that_keeps_the_challenge_is_replaced(self, app: Quart) -> None:
        @app.errorhandler(HTTPException)
        async def sorry(error: HTTPException) -> HTTPException:
            return error

        assert (await fetch(app, "/account"))[1]["error"] == "login_required"

    async def test_abort_of_the_app_is_unchanged(self, app: Quart) -> None:
        @app.get("/teapot")
        async def teapot() -> str:
            abort(401, "No tea for you.")

        response = await app.test_client().get("/teapot", headers=NAVIGATION)
        assert (response.status_code, "No tea for you." in await response.get_data(as_text=True)) == (401, True)


class TestTemplates:
    async def test_template_shows_the_button_or_the_user(self, app: Quart) -> None:
        client = app.test_client()
        page = await (await client.get("/", headers={"accept-language": "de"})).get_data(as_text=True)
        assert '<a class="tiktok-button"' in page
        assert page.endswith("Weiter mit TikTok</a>")
        assert 'href="/auth/tiktok/login?next=%2F"' in page
        login_as(client, display_name="<Bob>")
        page = await (await client.get("/")).get_data(as_text=True)
        assert page == "Hello &lt;Bob&gt;, /auth/tiktok/logout?next=%2F"

    async def test_template_renders_without_a_request(self, app: Quart) -> None:
        async with app.app_context():
            assert await render_template_string("Dear {{ name }}", name="Bob") == "Dear Bob"


@pytest.mark.parametrize("path", ["/auth/tiktok/session", "/auth/tiktok/callback", "/account"])
def test_last_message_of_a_response_has_more_body_false(app: Quart, path: str) -> None:
    """Quart's test client requires it since 0.23."""
    ends: list[bool] = []

    async def server(scope: Scope, receive: Receive, send: Send) -> None:
        async def watch(message: Message) -> None:
            if message["type"] == "http.response.body":
                ends.append(message["more_body"])
            await send(message)

        await cast(Any, app).asgi_app(scope, receive, watch)

    new_browser(server).get(path)
    assert ends[-1] is False


async def test_init_app_installs_into_several_apps(tiktok: TikTok) -> None:
    auth = TikTokAuth(tiktok=tiktok, protect=("/",))
    for _ in range(2):
        app = Quart(__name__)
        auth.init_app(app)
        assert (await fetch(app, "/"))[0] == 401
        assert (await fetch(app, "/", display_name="Bob"))[0] == 404


async def test_decorators_work_with_the_middleware_alone(tiktok: TikTok) -> None:
    app = Quart(__name__)
    app.get("/account")(login_required(lambda: {"name": current_user.display_name}))
    app.asgi_app = TikTokAuthMiddleware(app.asgi_app, tiktok)  # type: ignore[method-assign, assignment]

    assert (await fetch(app, "/account"))[0] == 401
    assert await fetch(app, "/account", display_name="Bob") == (200, {"name": "Bob"})


async def mistake(app: Quart, caplog: pytest.LogCaptureFixture, path: str) -> str:
    """Return the error in the log of a page that fails."""
    assert (await app.test_client().get(path)).status_code == 500
    (error,) = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert isinstance(error, ConfigurationError)
    return str(error)


class TestMistakes:
    async def test_second_install_is_reported(self, app: Quart, tiktok: TikTok) -> None:
        with pytest.raises(
            ConfigurationError, match=r"has a TikTokAuth already\. Write TikTokAuth\(app, tiktok\) once"
        ):
            TikTokAuth(app, tiktok)

    async def test_value_that_is_not_an_app_is_reported(self, tiktok: TikTok) -> None:
        wrapped: Any = TikTokAuthMiddleware(Quart(__name__), tiktok)
        with pytest.raises(ConfigurationError, match=r"app must be a Quart, .*Write TikTokAuth\(app, tiktok\)"):
            TikTokAuth(wrapped, tiktok)

    async def test_missing_install_names_the_line_to_write(self, caplog: pytest.LogCaptureFixture) -> None:
        app = Quart(__name__)
        app.get("/account")(login_required(lambda: ""))
        assert "did not pass TikTokAuth. Write TikTokAuth(app, tiktok)." in await mistake(app, caplog, "/account")

    async def test_current_user_outside_a_request_raises(self) -> None:
        with pytest.raises(RuntimeError, match="Not within a request context"):
            current_user.display_name  # noqa: B018

    async def test_wrong_use_of_a_decorator_is_reported(self) -> None:
        with pytest.raises(ConfigurationError, match="Write @login_required"):
            login_required()
        with pytest.raises(ConfigurationError, match=r'Write requires_scope\("video.list"\)'):
            requires_scope()
        bare: Any = requires_scope
        with pytest.raises(ConfigurationError, match=r'Write requires_scope\("video.list"\)'):
            bare(lambda: "")
        with pytest.raises(ConfigurationError, match=r"requires_scope contains 'video_list', .* Write 'video.list'"):
            requires_scope("video_list")

    async def test_undeclared_scope_is_named(self, app: Quart, caplog: pytest.LogCaptureFixture) -> None:
        app.get("/publish")(requires_scope("video.publish")(lambda: ""))
        assert "'video.publish' is not declared" in await mistake(app, caplog, "/publish")

    async def test_undeclared_scope_is_found_at_start(self, app: Quart) -> None:
        app.get("/publish")(requires_scope("video.list")(requires_scope("video.publish")(lambda: "")))
        with pytest.raises(
            ConfigurationError,
            match=r"'video\.publish' is not declared, but /publish requires it\. Add it to TikTok\(optional",
        ):
            await app.startup()
