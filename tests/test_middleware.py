"""What the middleware gives the app, and what it does instead of the app."""

from dataclasses import replace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from asgi_tiktok import ConfigurationError, TikTok, TikTokAuthMiddleware, TikTokError, tiktok_session
from asgi_tiktok.emulator import DEFAULT_APP, Emulator
from tests.support.app import app
from tests.support.canaries import SECRET_KEY
from tests.support.login import display_name, new_browser, sign_in, start_login
from tests.support.people import AMARA
from tests.support.settings import CALLBACK, FETCH, LOGIN_COOKIE, NAVIGATION, ORIGIN, SAME_ORIGIN, SESSION_COOKIE
from tests.support.tiktok import new_tiktok

WSS = "wss://testserver"


class TestUser:
    def test_without_a_cookie_is_anonymous(self, browser: TestClient) -> None:
        assert browser.get("/me").json() == {"name": "", "id": "", "scopes": []}
        assert browser.get("/auth/tiktok/session").json() == {"user": None}

    def test_has_the_scopes_that_starlettes_requires_checks(self, browser: TestClient, emulator: Emulator) -> None:
        assert browser.get("/videos").status_code == 403
        sign_in(browser, emulator)
        assert browser.get("/videos").status_code == 403
        sign_in(browser, emulator, "scopes=video.list")
        assert browser.get("/videos").status_code == 200

    def test_is_json_at_the_session_route(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        response = browser.get("/auth/tiktok/session")

        assert response.json()["user"]["open_id"] == AMARA.open_id
        assert response.json()["scopes"] == ["user.info.basic"]
        assert response.headers["cache-control"] == "no-store"
        assert "token" not in response.text

    def test_has_links_for_templates(self, browser: TestClient, emulator: Emulator) -> None:
        assert browser.get("/links").json()["since"] is None
        sign_in(browser, emulator)
        links = browser.get("/links").json()

        assert links["login"] == "/auth/tiktok/login?next=%2Fme"
        assert links["more"] == "/auth/tiktok/login?scopes=video.list&switch_account=1"
        assert links["logout"] == "/auth/tiktok/logout?next=%2Fbye"
        assert links["since"] > 1_700_000_000

    def test_has_a_token(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)

        assert browser.get("/token").json() == {"scopes": ["user.info.basic"]}

    def test_that_an_outer_layer_has_set_is_overwritten(self, tiktok: TikTok) -> None:
        async def outer(scope: Scope, receive: Receive, send: Send) -> None:
            scope["user"], scope["auth"], scope["tiktok"] = "root", "all", "session"
            await TikTokAuthMiddleware(app, tiktok)(scope, receive, send)

        assert display_name(TestClient(outer, base_url=ORIGIN)) == ""

    def test_is_not_put_into_the_session_of_starlette(self, tiktok: TikTok) -> None:
        seen: list[Scope] = []

        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope)
            await PlainTextResponse("ok")(scope, receive, send)

        TestClient(TikTokAuthMiddleware(inner, tiktok)).get("/")
        assert {"user", "auth", "tiktok"} <= seen[0].keys()
        assert "session" not in seen[0]

    def test_without_the_middleware_is_an_error_with_the_line_to_write(self) -> None:
        with pytest.raises(ConfigurationError, match=r"add_middleware\(TikTokAuthMiddleware"):
            tiktok_session(HTTPConnection({"type": "http", "headers": []}))

    def test_that_is_anonymous_must_sign_in_for_a_token(self, browser: TestClient) -> None:
        assert browser.get("/token", headers=FETCH).json()["error"] == "login_required"
        assert browser.get("/token", headers=NAVIGATION).headers["location"] == "/auth/tiktok/login?next=%2Ftoken"


class TestResponsesOfTheApp:
    def test_vary_by_cookie(self, browser: TestClient) -> None:
        assert browser.get("/me").headers["vary"] == "Cookie"

    def test_keep_their_own_headers(self, browser: TestClient) -> None:
        response = browser.get("/decorated")

        assert response.headers.get_list("vary") == ["Accept", "Cookie"]
        assert response.headers["cache-control"] == "max-age=60"
        assert len(response.headers.get_list("set-cookie")) == 2

    @pytest.mark.parametrize("vary", ["cookie", "Accept, COOKIE", "*"])
    def test_that_vary_by_cookie_already_are_unchanged(self, tiktok: TikTok, vary: str) -> None:
        inner = PlainTextResponse("ok", headers={"Vary": vary})
        response = TestClient(TikTokAuthMiddleware(inner, tiktok)).get("/")

        assert response.headers.get_list("vary") == [vary]

    def test_can_have_headers_from_a_generator(self, tiktok: TikTok) -> None:
        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            headers = ((name, value) for name, value in [(b"x-one", b"1")])
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"ok"})

        response = TestClient(TikTokAuthMiddleware(inner, tiktok)).get("/")
        assert (response.headers["x-one"], response.headers["vary"]) == ("1", "Cookie")

    def test_are_streamed_completely(self, browser: TestClient) -> None:
        assert browser.get("/stream").content == b"".join(b"%03d" % number * 1000 for number in range(100))

    def test_are_not_replaced_if_the_app_raises(self, tiktok: TikTok) -> None:
        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            raise RuntimeError("error of the app")

        with pytest.raises(RuntimeError, match="error of the app"):
            TestClient(TikTokAuthMiddleware(inner, tiktok)).get("/")

    @pytest.mark.parametrize("method", ["OPTIONS", "PUT"])
    def test_are_given_for_every_method(self, browser: TestClient, method: str) -> None:
        assert browser.request(method, "/anything").json() == {"path": "/anything", "method": method}


class TestGuardedPaths:
    def test_redirect_a_page_request_to_the_login_and_back(self, browser: TestClient, emulator: Emulator) -> None:
        response = browser.get("/studio/films?sort=new&q=ü", headers=NAVIGATION)

        assert response.status_code == 303
        assert response.headers["location"].startswith(
            "/auth/tiktok/login?next=%2Fstudio%2Ffilms%3Fsort%3Dnew%26q%3D"
        )
        login = browser.get(response.headers["location"])
        callback = browser.get(emulator.consent(login.headers["location"]))
        assert callback.headers["location"] == "/studio/films?sort=new&q=%C3%BC"
        assert browser.get(callback.headers["location"]).json() == {"studio": AMARA.display_name}

    def test_return_the_login_url_to_an_api_call(self, browser: TestClient) -> None:
        for _ in range(30):
            response = browser.get("/studio", headers=FETCH)

        assert response.status_code == 401
        assert response.json()["login_url"] == "/auth/tiktok/login?next=%2Fstudio"
        assert not any(cookie.startswith(LOGIN_COOKIE) for cookie in browser.cookies)

    def test_do_not_redirect_a_form(self, browser: TestClient) -> None:
        assert browser.post("/studio", headers=NAVIGATION).status_code == 401

    @pytest.mark.parametrize("path", ["/", "/me", "/studi", "/my-studio", "/x/studi", "/x-studio/studi"])
    def test_leave_other_paths_alone(self, browser: TestClient, path: str) -> None:
        assert browser.get(path).status_code == 200

    @pytest.mark.parametrize("path", ["/studios", "/x/studio", "/x/studios/y", "/x//studio", "/%2573tudio"])
    def test_guard_every_path_that_a_router_could_read_as_one_of_them(self, browser: TestClient, path: str) -> None:
        assert browser.get(path).status_code == 401

    @pytest.mark.parametrize(
        ("settings", "fix"),
        [
            ({"protect": "/studio"}, "tuple"),
            ({"protect": ("studio",)}, "slash"),
            ({"protect": ("/",), "public": ("health",)}, "slash"),
            ({"public": ("/health",)}, "protect="),
            ({"protect": ("/studio/*",)}, "plain path"),
            ({"protect": None}, "tuple"),
            ({"websocket_origins": "https://front.test"}, "tuple"),
            ({"websocket_origins": ("https://front.test/",)}, "no slash"),
            ({"websocket_origins": ("https://Front.test",)}, "lower-case"),
            ({"on_error": "page.html"}, "Write def on_error"),
        ],
    )
    def test_and_origins_that_cannot_work_are_errors(
        self, tiktok: TikTok, settings: dict[str, Any], fix: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=fix):
            TikTokAuthMiddleware(app, tiktok, **settings)


@pytest.mark.parametrize(("root_path", "status"), [("/app", 200), ("/other", 401)])
def test_public_path_is_public_below_the_mount_of_redirect_uri(root_path: str, status: int) -> None:
    tiktok = new_tiktok(redirect_uri=f"{ORIGIN}/app/auth/tiktok/callback")
    site = TikTokAuthMiddleware(app, tiktok, protect=("/",), public=("/me",))
    browser = TestClient(site, base_url=ORIGIN, root_path=root_path)

    assert browser.get(f"{root_path}/me", headers=FETCH).status_code == status
    assert browser.get(f"{root_path}/links", headers=FETCH).status_code == 401


class TestWebSockets:
    def test_have_the_same_user(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator, "scopes=video.list")
        with browser.websocket_connect(f"{WSS}/socket", headers={"origin": ORIGIN}) as socket:
            message = socket.receive_json()

        assert message["name"] == AMARA.display_name
        assert set(message["scopes"]) == {"authenticated", "user.info.basic", "video.list"}

    def test_of_websocket_origins_have_the_user(self, tiktok: TikTok, emulator: Emulator) -> None:
        site = TikTokAuthMiddleware(app, tiktok, websocket_origins=["https://front.test"])
        browser = new_browser(site)
        sign_in(browser, emulator)
        with browser.websocket_connect(f"{WSS}/socket", headers={"origin": "https://front.test"}) as socket:
            assert socket.receive_json()["name"] == AMARA.display_name

    @pytest.mark.parametrize(("allowed", "name"), [(False, ""), (True, AMARA.display_name)])
    def test_without_an_origin_are_anonymous_unless_allowed(
        self, tiktok: TikTok, emulator: Emulator, allowed: bool, name: str
    ) -> None:
        site = TikTokAuthMiddleware(app, tiktok, allow_missing_origin=allowed)
        browser = new_browser(site)
        sign_in(browser, emulator)
        with browser.websocket_connect(f"{WSS}/socket") as socket:
            assert socket.receive_json()["name"] == name

    def test_on_guarded_paths_require_a_user(self, browser: TestClient, emulator: Emulator) -> None:
        with (
            pytest.raises(WebSocketDenialResponse) as caught,
            browser.websocket_connect(f"{WSS}/studio/socket", headers={"origin": ORIGIN}),
        ):
            pass
        assert caught.value.status_code == 401

        sign_in(browser, emulator)
        with browser.websocket_connect(f"{WSS}/studio/socket", headers={"origin": ORIGIN}) as socket:
            assert socket.receive_json()["name"] == AMARA.display_name

    def test_are_refused_with_1008_if_the_server_cannot_send_a_response(self, browser: TestClient) -> None:
        async def server(scope: Scope, receive: Receive, send: Send) -> None:
            scope.pop("extensions", None)
            await browser.app(scope, receive, send)

        with (
            pytest.raises(WebSocketDisconnect) as caught,
            TestClient(server, base_url=ORIGIN).websocket_connect(f"{WSS}/studio/socket", headers={"origin": ORIGIN}),
        ):
            pass
        assert caught.value.code == 1008


class TestRestart:
    @pytest.mark.parametrize("times", [1, 2])
    def test_leaves_the_middleware_usable(self, tiktok: TikTok, emulator: Emulator, times: int) -> None:
        for _ in range(times):
            with new_browser(TikTokAuthMiddleware(app, tiktok)) as browser:
                sign_in(browser, emulator)
                assert display_name(browser) == AMARA.display_name


class TestInstallation:
    def installations(self, tiktok: TikTok) -> list[Any]:
        added = Starlette(routes=app.routes)
        added.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
        declared = Starlette(routes=app.routes, middleware=[Middleware(TikTokAuthMiddleware, tiktok=tiktok)])
        return [TikTokAuthMiddleware(app, tiktok), added, declared]

    @pytest.mark.parametrize("form", [0, 1, 2], ids=["wrapped", "add_middleware", "Middleware"])
    def test_works_in_each_usual_form(self, tiktok: TikTok, emulator: Emulator, form: int) -> None:
        site = self.installations(tiktok)[form]
        browser = new_browser(site)
        sign_in(browser, emulator)
        assert display_name(browser) == AMARA.display_name
        assert browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN).status_code == 303
        assert display_name(browser) == ""

    @pytest.mark.parametrize("strips", [False, True], ids=["path with prefix", "path without prefix"])
    def test_works_below_a_prefix(self, strips: bool) -> None:
        redirect_uri = f"{ORIGIN}/app/auth/tiktok/callback"
        emulator = Emulator([replace(DEFAULT_APP, redirect_uris=(redirect_uri,))])
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri=redirect_uri, default_next="/app/")
        site = TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
        mounted = Starlette(routes=[Mount("/app", site)])

        async def stripping(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope["path"].removeprefix("/app")
            await site({**scope, "path": path, "root_path": "/app"}, receive, send)

        browser = new_browser(stripping if strips else mounted)
        guarded = browser.get("/app/studio", headers=NAVIGATION)
        assert guarded.headers["location"] == "/app/auth/tiktok/login?next=%2Fapp%2Fstudio"
        authorization_url = browser.get(guarded.headers["location"]).headers["location"]
        callback = browser.get(emulator.consent(authorization_url))
        assert callback.headers["location"] == "/app/studio"
        assert browser.get("/app/studio").json() == {"studio": AMARA.display_name}
        assert browser.get("/app/links").json()["logout"] == "/app/auth/tiktok/logout?next=%2Fbye"

    def test_behind_another_with_the_same_cookies_raises_an_error_that_names_both(self, tiktok: TikTok) -> None:
        other = new_tiktok(client_key="another_key")
        browser = TestClient(TikTokAuthMiddleware(TikTokAuthMiddleware(app, other, protect=("/studio",)), tiktok))
        for path in ("/studio", "/me"):
            with pytest.raises(ConfigurationError) as raised:
                browser.get(path)
            assert f"{tiktok!r} is in front of {other!r}" in str(raised.value)
        with pytest.raises(ConfigurationError), browser.websocket_connect("/ws"):
            pass

    def test_behind_another_with_the_same_tiktok_object_works(self, tiktok: TikTok, emulator: Emulator) -> None:
        browser = new_browser(TikTokAuthMiddleware(TikTokAuthMiddleware(app, tiktok, protect=("/studio",)), tiktok))
        assert browser.get("/studio").status_code == 401
        sign_in(browser, emulator)

        assert display_name(browser) == AMARA.display_name

    def test_of_two_tiktok_apps_keeps_them_apart(self, emulator: Emulator) -> None:
        one = new_tiktok(httpx2.ASGITransport(emulator))
        two = new_tiktok(
            httpx2.ASGITransport(Emulator()), redirect_uri=f"{ORIGIN}/auth/two/callback", path="/auth/two"
        )
        outer: list[str] = []

        async def both(scope: Scope, receive: Receive, send: Send) -> None:
            async def inner(scope: Scope, receive: Receive, send: Send) -> None:
                outer.append(scope["user"].identity)
                await TikTokAuthMiddleware(app, one)(scope, receive, send)

            await TikTokAuthMiddleware(inner, two)(scope, receive, send)

        browser = new_browser(both)
        sign_in(browser, emulator)
        assert display_name(browser) == AMARA.display_name
        assert outer[-1] == ""
        assert browser.get("/auth/two/login").status_code == 302
        assert SESSION_COOKIE in browser.cookies

    def test_can_take_all_settings_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TIKTOK_CLIENT_KEY", "awkey")
        monkeypatch.setenv("TIKTOK_CLIENT_SECRET", "secret")
        monkeypatch.setenv("TIKTOK_REDIRECT_URI", f"{ORIGIN}/auth/tiktok/callback")
        monkeypatch.setenv("TIKTOK_SECRET_KEY", SECRET_KEY)
        monkeypatch.setenv("TIKTOK_STORE", "memory://")
        browser = new_browser(TikTokAuthMiddleware(app))

        assert start_login(browser).startswith("https://www.tiktok.com/v2/auth/authorize/?client_key=awkey&")

    def test_with_arguments_in_the_wrong_order_is_an_error_with_the_fix(self, tiktok: TikTok) -> None:
        with pytest.raises(ConfigurationError, match=r"TikTokAuthMiddleware\(app, tiktok\)"):
            TikTokAuthMiddleware(tiktok, app)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match=r"TikTokAuthMiddleware\(app, tiktok\)"):
            TikTokAuthMiddleware(app, "tiktok")  # type: ignore[arg-type]


class TestOnErrorHook:
    @pytest.mark.parametrize("is_async", [False, True])
    def test_replaces_the_built_in_page(self, tiktok: TikTok, is_async: bool) -> None:
        def page(connection: HTTPConnection, error: TikTokError) -> Response:
            return PlainTextResponse(f"Oh no: {error.code}", status_code=error.status_code)

        async def async_page(connection: HTTPConnection, error: TikTokError) -> Response:
            return page(connection, error)

        site = TikTokAuthMiddleware(app, tiktok, on_error=async_page if is_async else page)
        response = TestClient(site, base_url=ORIGIN).get("/auth/tiktok/callback")

        assert (response.status_code, response.text) == (400, "Oh no: invalid_callback")
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"

    def test_may_return_one_object_for_all_visitors(self, tiktok: TikTok) -> None:
        sorry = PlainTextResponse("sorry", status_code=503)
        assert sorry.headers["content-length"] == "5"
        browser = new_browser(TikTokAuthMiddleware(app, tiktok, on_error=lambda connection, error: sorry))
        for _ in range(3):
            state = parse_qs(urlsplit(start_login(browser)).query)["state"][0]
            response = browser.get(f"{CALLBACK}?error=access_denied&state={state}")
            assert (response.text, len(response.headers.get_list("set-cookie"))) == ("sorry", 1)

        assert "set-cookie" not in sorry.headers

    @pytest.mark.parametrize("returned", [None, "page", ZeroDivisionError()])
    def test_that_fails_is_replaced_by_the_built_in_page(
        self, tiktok: TikTok, caplog: pytest.LogCaptureFixture, returned: Any
    ) -> None:
        def page(connection: HTTPConnection, error: TikTokError) -> Response:
            if isinstance(returned, Exception):
                raise returned
            return cast(Response, returned)

        site = TikTokAuthMiddleware(app, tiktok, on_error=page)
        response = TestClient(site, base_url=ORIGIN).get("/auth/tiktok/callback")

        assert response.status_code == 400
        assert "The sign-in did not work" in response.text
        assert "on_error" in caplog.text
