"""Challenges: an app requires a sign-in or a scope with `WWW-Authenticate: TikTok`, and the middleware responds."""

import logging

import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from asgi_tiktok import LoginRequired, ScopeRequired, TikTok, TikTokAuthMiddleware, TikTokUser, tiktok_session
from asgi_tiktok.emulator import Emulator
from tests.support.login import new_browser, sign_in
from tests.support.people import AMARA
from tests.support.settings import FETCH, NAVIGATION


async def challenge(request: Request) -> Response:
    """Respond with the status and the challenge in the query, as an app of any framework does."""
    query = request.query_params
    headers = {"WWW-Authenticate": query["line"], "X-Own": "kept"}
    return StreamingResponse(iter([b"the app's", b" own body"]), int(query["status"]), headers)


async def require(request: Request) -> Response:
    try:
        user: TikTokUser = tiktok_session(request).require(*request.query_params.getlist("scope"))
    except LoginRequired as error:
        return Response(status_code=error.status_code, headers={"WWW-Authenticate": error.challenge})
    return Response(f"{user.display_name} is signed in")


ROUTES = [Route("/challenge", challenge), Route("/require", require, methods=["GET", "POST"])]


@pytest.fixture
def browser(tiktok: TikTok) -> TestClient:
    app = Starlette(routes=ROUTES)
    return new_browser(TikTokAuthMiddleware(app, tiktok))


class TestRequiredSignIn:
    def test_redirects_a_page_request_to_the_login_and_back(self, browser: TestClient, emulator: Emulator) -> None:
        response = browser.get("/require?scope=video.list", headers=NAVIGATION)

        assert response.status_code == 303
        authorization_url = browser.get(response.headers["location"]).headers["location"]
        callback = browser.get(emulator.consent(authorization_url))
        assert callback.headers["location"] == "/require?scope=video.list"
        assert browser.get(callback.headers["location"]).text == f"{AMARA.display_name} is signed in"

    def test_redirects_an_anonymous_visitor_whom_the_app_knows(self, tiktok: TikTok) -> None:
        class Own(AuthenticationBackend):
            async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser]:
                return AuthCredentials(["staff"]), SimpleUser("ada")

        app = AuthenticationMiddleware(Starlette(routes=[Route("/require", require)]), backend=Own())
        browser = new_browser(TikTokAuthMiddleware(app, tiktok))

        assert browser.get("/require", headers=NAVIGATION).status_code == 303

    def test_gives_an_api_call_the_login_url(self, browser: TestClient) -> None:
        response = browser.post("/require", headers=FETCH)

        assert response.status_code == 401
        assert response.json()["error"] == "login_required"
        assert response.json()["login_url"] == "/auth/tiktok/login"
        assert response.headers["cache-control"] == "no-store"

    def test_asks_a_signed_in_user_before_the_redirect(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        response = browser.get("/challenge?status=401&line=TikTok", headers=NAVIGATION)

        assert response.status_code == 401
        assert "<h1>Please sign in</h1>" in response.text

    def test_error_need_not_be_caught_in_starlette(self, tiktok: TikTok) -> None:
        async def uncaught(request: Request) -> Response:
            return Response(tiktok_session(request).require("video.list").open_id)

        app = Starlette(routes=[Route("/uncaught", uncaught)])
        for site in (TikTokAuthMiddleware(app, tiktok), Starlette(routes=[Mount("/", app)])):
            if isinstance(site, Starlette):
                site.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
            browser = new_browser(site)
            location = browser.get("/uncaught", headers=NAVIGATION).headers["location"]
            assert location == "/auth/tiktok/login?next=%2Funcaught&scopes=video.list"

    def test_in_a_mounted_app_links_to_the_login_of_the_whole_site(self, tiktok: TikTok) -> None:
        app = Starlette(routes=[Mount("/outer", Starlette(routes=[Mount("/inner", Starlette(routes=ROUTES))]))])
        browser = new_browser(TikTokAuthMiddleware(app, tiktok))
        path = "/outer/inner/require"

        location = browser.get(path, headers=NAVIGATION).headers["location"]
        assert location == "/auth/tiktok/login?next=%2Fouter%2Finner%2Frequire"
        assert browser.get(path, headers=FETCH).json()["login_url"].startswith("/auth/tiktok/login?")


class TestRequiredScope:
    def test_link_keeps_the_scopes_of_other_pages(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator, "scopes=video.list&next=/me")
        response = browser.get("/require?scope=user.info.stats", headers=FETCH)
        browser.get(emulator.consent(browser.get(response.json()["login_url"]).headers["location"]))

        assert browser.get("/require?scope=user.info.stats").status_code == 200
        assert browser.get("/require?scope=video.list").status_code == 200

    def test_page_has_a_link_that_requests_the_scope(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        response = browser.get("/require?scope=video.list", headers=NAVIGATION)

        assert response.status_code == 403
        assert "<h1>This page needs one more permission</h1>" in response.text
        link = "/auth/tiktok/login?next=%2Frequire%3Fscope%3Dvideo.list&scopes=video.list"
        assert link in response.text.replace("&amp;", "&")
        callback = browser.get(emulator.consent(browser.get(link).headers["location"]))
        assert browser.get(callback.headers["location"]).text == f"{AMARA.display_name} is signed in"

    def test_gives_an_api_call_the_link_that_requests_it(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        response = browser.get("/require?scope=video.list&scope=user.info.stats", headers=FETCH)

        assert (response.status_code, response.json()["error"]) == (403, "scope_required")
        assert response.json()["login_url"].endswith("&scopes=video.list%2Cuser.info.stats")


class TestChallenge:
    @pytest.mark.parametrize(
        ("status", "line"),
        [(200, "TikTok"), (401, "Basic"), (401, "TikTokish"), (401, "TikTok token"), (403, ""), (407, "TikTok")],
    )
    def test_of_another_scheme_is_left_to_the_app(self, browser: TestClient, status: int, line: str) -> None:
        response = browser.get("/challenge", params={"status": status, "line": line})

        assert (response.status_code, response.text) == (status, "the app's own body")
        assert response.headers["x-own"] == "kept"

    @pytest.mark.parametrize("line", ["TikTok", "tiktok", "Tiktok", 'TIKTOK  scope="video.list"'])
    def test_is_case_insensitive(self, browser: TestClient, line: str) -> None:
        response = browser.get("/challenge", params={"status": 401, "line": line})

        assert response.json()["error"] == "login_required"
        assert "x-own" not in response.headers

    @pytest.mark.parametrize("scope", ["video_list", "research.data.basic", "<b>"])
    def test_with_an_undeclared_scope_is_a_configuration_error(
        self, browser: TestClient, scope: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        params: dict[str, str | int] = {"status": 403, "line": f'TikTok scope="{scope}"'}
        response = browser.get("/challenge", params=params, headers=FETCH)

        assert (response.status_code, response.json()["error"]) == (500, "configuration")
        assert response.json()["message"] == "Sign-in does not work on this site"
        (logged,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert repr(scope) in logged.getMessage()

    def test_of_an_error_names_its_scopes(self) -> None:
        assert LoginRequired().challenge == "TikTok"
        assert ScopeRequired(scopes=["video.list", "a.b"]).challenge == 'TikTok scope="video.list a.b"'


def test_requiring_an_undeclared_scope_is_an_error_for_anonymous_visitors_too(browser: TestClient) -> None:
    with pytest.raises(ValueError, match=r"'video.publish' is not declared. Add it to TikTok\(optional_scopes"):
        browser.get("/require?scope=video.publish")
    with pytest.raises(ValueError, match=r"Write 'video\.list'"):
        browser.get("/require?scope=video_list")


@pytest.mark.parametrize("protect", [("/studio",), ("/",)])
def test_preflight_of_a_guarded_path_is_refused(tiktok: TikTok, protect: tuple[str, ...]) -> None:
    async def options(request: Request) -> Response:
        return Response("for signed-in users")

    app = Starlette(routes=[Route("/studio", options, methods=["OPTIONS"])])
    preflight = {"origin": "https://front.test", "access-control-request-method": "PUT"}
    guarded = TikTokAuthMiddleware(app, tiktok, protect=protect)

    assert new_browser(guarded).options("/studio", headers=preflight).status_code == 401
    cors = CORSMiddleware(guarded, allow_origins=["https://front.test"], allow_methods=["PUT"])
    assert new_browser(cors).options("/studio", headers=preflight).text == "OK"
