"""An app of any framework asks for a sign-in with a header; the middleware does the rest."""

import logging

import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from asgi_tiktok import LoginRequired, ScopeRequired, TikTok, TikTokAuthMiddleware, TikTokUser, tiktok_session
from asgi_tiktok.emulator import Emulator
from tests.support.login import new_browser, sign_in
from tests.support.people import AMARA
from tests.support.settings import FETCH, NAVIGATION, ORIGIN


async def challenge(request: Request) -> Response:
    """Answers what the visitor's query says an app of some framework answers."""
    query = request.query_params
    headers = {"WWW-Authenticate": query["line"], "X-Own": "kept"}
    return StreamingResponse(iter([b"the app's", b" own words"]), int(query["status"]), headers)


async def needs(request: Request) -> Response:
    try:
        user: TikTokUser = tiktok_session(request).require(*request.query_params.getlist("scope"))
    except LoginRequired as error:
        return Response(status_code=error.status_code, headers={"WWW-Authenticate": error.challenge})
    return Response(f"{user.display_name} may")


ROUTES = [Route("/challenge", challenge), Route("/needs", needs, methods=["GET", "POST"])]


@pytest.fixture
def browser(tiktok: TikTok) -> TestClient:
    app = Starlette(routes=ROUTES)
    return new_browser(TikTokAuthMiddleware(app, tiktok))


class TestWhoNeedsToSignIn:
    def test_is_led_to_tiktok_and_back(self, browser: TestClient, emulator: Emulator) -> None:
        answer = browser.get("/needs?scope=video.list", headers=NAVIGATION)

        assert answer.status_code == 303
        to_tiktok = browser.get(answer.headers["location"]).headers["location"]
        back = browser.get(emulator.consent(to_tiktok))
        assert back.headers["location"] == "/needs?scope=video.list"
        assert browser.get(back.headers["location"]).text == f"{AMARA.display_name} may"

    def test_is_led_there_whatever_user_the_app_has_of_its_own(self, tiktok: TikTok) -> None:
        class Own(AuthenticationBackend):
            async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser]:
                return AuthCredentials(["staff"]), SimpleUser("ada")

        app = AuthenticationMiddleware(Starlette(routes=[Route("/needs", needs)]), backend=Own())
        browser = new_browser(TikTokAuthMiddleware(app, tiktok))

        assert browser.get("/needs", headers=NAVIGATION).status_code == 303

    def test_is_told_where_when_a_script_asks(self, browser: TestClient) -> None:
        answer = browser.post("/needs", headers=FETCH)

        assert answer.status_code == 401
        assert answer.json()["error"] == "login_required"
        assert answer.json()["login_url"] == "/auth/tiktok/login"
        assert answer.headers["cache-control"] == "no-store"

    def test_is_asked_before_they_leave_when_signed_in_already(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        answer = browser.get("/challenge?status=401&line=TikTok", headers=NAVIGATION)

        assert answer.status_code == 401
        assert "<h1>Please sign in</h1>" in answer.text

    def test_need_not_be_caught_in_starlette(self, tiktok: TikTok) -> None:
        async def careless(request: Request) -> Response:
            return Response(tiktok_session(request).require("video.list").open_id)

        app = Starlette(routes=[Route("/careless", careless)])
        for site in (TikTokAuthMiddleware(app, tiktok), Starlette(routes=[Mount("/", app)])):
            if isinstance(site, Starlette):
                site.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
            browser = new_browser(site)
            location = browser.get("/careless", headers=NAVIGATION).headers["location"]
            assert location == "/auth/tiktok/login?next=%2Fcareless&scopes=video.list"

    def test_finds_the_login_from_a_mounted_app(self, tiktok: TikTok) -> None:
        app = Starlette(routes=[Mount("/inner", Starlette(routes=[Mount("/most", Starlette(routes=ROUTES))]))])
        browser = new_browser(TikTokAuthMiddleware(app, tiktok))
        path = "/inner/most/needs"

        assert (
            browser.get(path, headers=NAVIGATION).headers["location"].endswith("login?next=%2Finner%2Fmost%2Fneeds")
        )
        assert browser.get(path, headers=FETCH).json()["login_url"].startswith("/auth/tiktok/login?")


class TestWhoHasNotGrantedAScope:
    def test_keeps_what_other_pages_asked_for(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator, "scopes=video.list&next=/me")
        answer = browser.get("/needs?scope=user.info.stats", headers=FETCH)
        browser.get(emulator.consent(browser.get(answer.json()["login_url"]).headers["location"]))

        assert browser.get("/needs?scope=user.info.stats").status_code == 200
        assert browser.get("/needs?scope=video.list").status_code == 200

    def test_finds_a_link_that_asks_for_it(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        answer = browser.get("/needs?scope=video.list", headers=NAVIGATION)

        assert answer.status_code == 403
        assert "<h1>This page needs one more permission</h1>" in answer.text
        link = "/auth/tiktok/login?next=%2Fneeds%3Fscope%3Dvideo.list&scopes=video.list"
        assert link in answer.text.replace("&amp;", "&")
        back = browser.get(emulator.consent(browser.get(link).headers["location"]))
        assert browser.get(back.headers["location"]).text == f"{AMARA.display_name} may"

    def test_is_told_so_when_a_script_asks(self, browser: TestClient, emulator: Emulator) -> None:
        sign_in(browser, emulator)
        answer = browser.get("/needs?scope=video.list&scope=user.info.stats", headers=FETCH)

        assert (answer.status_code, answer.json()["error"]) == (403, "scope_required")
        assert answer.json()["login_url"].endswith("&scopes=video.list%2Cuser.info.stats")


class TestAChallenge:
    @pytest.mark.parametrize(
        ("status", "line"),
        [(200, "TikTok"), (401, "Basic"), (401, "TikTokish"), (401, "TikTok token"), (403, ""), (407, "TikTok")],
    )
    def test_of_another_kind_is_the_apps_own(self, browser: TestClient, status: int, line: str) -> None:
        answer = browser.get("/challenge", params={"status": status, "line": line})

        assert (answer.status_code, answer.text) == (status, "the app's own words")
        assert answer.headers["x-own"] == "kept"

    @pytest.mark.parametrize("line", ["TikTok", "tiktok", "Tiktok", 'TIKTOK  scope="video.list"'])
    def test_is_read_in_any_case(self, browser: TestClient, line: str) -> None:
        answer = browser.get("/challenge", params={"status": 401, "line": line})

        assert answer.json()["error"] == "login_required"
        assert "x-own" not in answer.headers

    @pytest.mark.parametrize("scope", ["video_list", "research.data.basic", "<b>"])
    def test_for_what_no_login_asks_is_a_mistake_of_the_app(
        self, browser: TestClient, scope: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        params: dict[str, str | int] = {"status": 403, "line": f'TikTok scope="{scope}"'}
        answer = browser.get("/challenge", params=params, headers=FETCH)

        assert (answer.status_code, answer.json()["error"]) == (500, "configuration")
        assert answer.json()["message"] == "Sign-in does not work on this site"
        (told,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert repr(scope) in told.getMessage()

    def test_is_what_the_errors_say(self) -> None:
        assert LoginRequired().challenge == "TikTok"
        assert ScopeRequired(scopes=["video.list", "a.b"]).challenge == 'TikTok scope="video.list a.b"'


def test_an_undeclared_scope_is_a_mistake_whoever_is_there(browser: TestClient) -> None:
    with pytest.raises(ValueError, match=r"'video.publish' is not declared. Add it to TikTok\(optional_scopes"):
        browser.get("/needs?scope=video.publish")
    with pytest.raises(ValueError, match=r"Write 'video\.list'"):
        browser.get("/needs?scope=video_list")


def test_a_preflight_reaches_the_app(tiktok: TikTok) -> None:
    async def answer(request: Request) -> Response:
        return Response("preflight")

    app = Starlette(routes=[Route("/studio", answer, methods=["OPTIONS"])])
    browser = TestClient(TikTokAuthMiddleware(app, tiktok, protect=("/studio",)), base_url=ORIGIN)
    asking = {"origin": "https://front.test", "access-control-request-method": "PUT"}

    assert browser.options("/studio", headers=asking).text == "preflight"
    assert browser.options("/studio").status_code == 401
