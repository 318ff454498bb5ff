"""LoginRequired, ScopeRequired and AlreadyConnected become the right response wherever the app raises them."""

from collections.abc import Awaitable, Callable
from typing import Any

import django
import pytest
from asgiref.sync import markcoroutinefunction
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path
from litestar import Litestar, get
from quart import Quart
from quart import request as quart_request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import AlreadyConnected, LoginRequired, TikTok, TikTokAuthMiddleware, tiktok_session
from asgi_tiktok.django import login_required
from asgi_tiktok.litestar import TikTokPlugin
from asgi_tiktok.quart import TikTokAuth
from asgi_tiktok.testing import login_as
from tests.support.login import new_browser
from tests.support.settings import FETCH, NAVIGATION
from tests.support.sites import django as django_site

Build = Callable[[TikTok], ASGIApp]


def require(scope: Any) -> None:
    """Require a user, or a scope on the path /videos. With the query `taken`, refuse to connect an account."""
    if scope["query_string"] == b"taken":
        raise AlreadyConnected("The account belongs to another user.")
    scopes = ["video.list"] if scope["path"] == "/videos" else []
    tiktok_session(Request(scope)).require(*scopes)


class PureMiddleware:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            require(scope)
        await self.app(scope, receive, send)


class BaseMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        require(request.scope)
        return await call_next(request)


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def apologize(request: Request, error: Exception) -> Response:
    return PlainTextResponse("sorry", status_code=500)


def build_starlette(middleware: Any, *, wrap: bool, **settings: Any) -> Build:
    def build(tiktok: TikTok) -> ASGIApp:
        app = Starlette(routes=[Route(path, hello) for path in ("/account", "/videos")], **settings)
        app.add_middleware(middleware)
        if wrap:
            return TikTokAuthMiddleware(app, tiktok)
        app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
        return app

    return build


def build_bare(tiktok: TikTok) -> ASGIApp:
    return TikTokAuthMiddleware(PureMiddleware(PlainTextResponse("hello")), tiktok)


def build_quart(*, hook: bool) -> Build:
    def build(tiktok: TikTok) -> ASGIApp:
        app: Any = Quart(__name__)
        for path_of_page in ("/account", "/videos"):
            app.add_url_rule(path_of_page, view_func=lambda: "hello", endpoint=path_of_page)
        if hook:
            app.before_request(lambda: require(quart_request.scope))
        else:
            app.asgi_app = PureMiddleware(app.asgi_app)
        TikTokAuth(app, tiktok)
        return app  # type: ignore[no-any-return]

    return build


def build_litestar(*, wrap: bool) -> Build:
    @get(["/account", "/videos"])
    async def page() -> str:
        return "hello"

    def build(tiktok: TikTok) -> ASGIApp:
        plugins = [] if wrap else [TikTokPlugin(tiktok)]
        app: Any = Litestar([page], middleware=[PureMiddleware], plugins=plugins)
        return TikTokAuthMiddleware(app, tiktok) if wrap else app

    return build


class SyncDjangoMiddleware:
    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        require(request.scope)
        return self.get_response(request)


class AsyncDjangoMiddleware(SyncDjangoMiddleware):
    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        markcoroutinefunction(self)

    async def __call__(self, request: Any) -> Any:
        require(request.scope)
        return await self.get_response(request)


def permission_view() -> Any:
    # Not imported above, because Django REST framework reads Django's settings when it is imported.
    from rest_framework.permissions import BasePermission
    from rest_framework.views import APIView

    class SignedIn(BasePermission):  # type: ignore[misc]
        def has_permission(self, request: Any, view: Any) -> Any:
            require(request.scope)
            return True

    class View(APIView):  # type: ignore[misc]
        authentication_classes = ()
        permission_classes = (SignedIn,)

        def get(self, request: Any) -> HttpResponse:
            return greet(request)

    return View.as_view()


def function_view(function: Any) -> Any:
    from rest_framework.decorators import api_view, authentication_classes

    return api_view(["GET"])(authentication_classes([])(function))


def greet_user(request: Any) -> HttpResponse:
    require(request.scope)
    return greet(request)


def greet(request: Any) -> HttpResponse:
    return HttpResponse(b"hello")


class Pages:
    """A ROOT_URLCONF with the view at two paths. The other settings are those of `tests.support.sites.django`."""

    def __init__(self, view: Any) -> None:
        self.urlpatterns = [path("account", view), path("videos", view), *django_site.urlpatterns]


OURS = "asgi_tiktok.django.TikTokMiddleware"
SYNC, ASYNC = (f"{__name__}.{name}" for name in ("SyncDjangoMiddleware", "AsyncDjangoMiddleware"))
REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None}


def build_django(new_view: Callable[[], Any], *middleware: str) -> Build:
    def build(tiktok: TikTok) -> ASGIApp:
        django.setup()
        pages = Pages(new_view())

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            with override_settings(ROOT_URLCONF=pages, MIDDLEWARE=middleware, REST_FRAMEWORK=REST_FRAMEWORK):
                await get_asgi_application()(scope, receive, send)

        return TikTokAuthMiddleware(app, tiktok)

    return build


APPS: dict[str, Build] = {
    "bare ASGI": build_bare,
    "Starlette, BaseHTTPMiddleware, added": build_starlette(BaseMiddleware, wrap=False),
    "Starlette, BaseHTTPMiddleware, wrapped": build_starlette(BaseMiddleware, wrap=True),
    "Starlette, ASGI middleware, added": build_starlette(PureMiddleware, wrap=False),
    "Starlette, ASGI middleware, wrapped": build_starlette(PureMiddleware, wrap=True),
    "Starlette, debug": build_starlette(BaseMiddleware, wrap=True, debug=True),
    "Starlette, its own page for errors": build_starlette(
        BaseMiddleware, wrap=True, exception_handlers={Exception: apologize}
    ),
    "Quart, before_request": build_quart(hook=True),
    "Quart, ASGI middleware": build_quart(hook=False),
    "Litestar, plugin": build_litestar(wrap=False),
    "Litestar, wrapped": build_litestar(wrap=True),
    "Django, sync middleware inside": build_django(lambda: greet, OURS, SYNC),
    "Django, sync middleware outside": build_django(lambda: greet, SYNC, OURS),
    "Django, async middleware inside": build_django(lambda: greet, OURS, ASYNC),
    "Django, async middleware outside": build_django(lambda: greet, ASYNC, OURS),
    "Django REST framework, permission": build_django(permission_view, OURS),
    "Django REST framework, function": build_django(lambda: function_view(greet_user), OURS),
    "Django REST framework, decorator": build_django(lambda: function_view(login_required(greet_user)), OURS),
}


@pytest.fixture(params=list(APPS.values()), ids=list(APPS))
def browser(request: pytest.FixtureRequest, tiktok: TikTok) -> TestClient:
    return new_browser(request.param(tiktok))


def test_visitor_is_led_to_tiktok(browser: TestClient) -> None:
    page = browser.get("/account?tab=1", headers=NAVIGATION)
    assert (page.status_code, page.headers["location"]) == (303, "/auth/tiktok/login?next=%2Faccount%3Ftab%3D1")

    call = browser.get("/account", headers=FETCH)
    assert (call.status_code, call.json()["error"]) == (401, "login_required")


def test_user_is_asked_for_a_missing_scope(browser: TestClient) -> None:
    login_as(browser)
    assert browser.get("/account").text == "hello"
    call = browser.get("/videos", headers=FETCH)
    assert (call.status_code, call.json()["error"]) == (403, "scope_required")
    assert "scopes=video.list" in call.json()["login_url"]

    login_as(browser, scopes=["video.list"])
    assert browser.get("/videos").text == "hello"


def test_page_says_that_an_account_is_already_connected(browser: TestClient) -> None:
    login_as(browser)  # which the decorator of one app requires
    page = browser.get("/account?taken", headers=NAVIGATION)
    call = browser.get("/account?taken", headers=FETCH)

    assert (page.status_code, call.status_code) == (403, 403)
    assert "This TikTok account is already connected" in page.text
    assert call.json()["error"] == "already_connected"


@pytest.mark.parametrize("wrap", [True, False])
def test_app_without_challenges_responds_401(tiktok: TikTok, wrap: bool) -> None:
    app: Any = Starlette(middleware=[Middleware(BaseMiddleware)]) if wrap else PureMiddleware(hello)
    response = new_browser(TikTokAuthMiddleware(app, tiktok, challenges=False)).get("/account", headers=NAVIGATION)

    assert (response.status_code, response.headers["www-authenticate"], response.text) == (401, "TikTok", "")


def test_error_after_the_start_of_the_response_is_raised(tiktok: TikTok) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        require(scope)

    with pytest.raises(LoginRequired):
        new_browser(TikTokAuthMiddleware(app, tiktok)).get("/account")


def test_500_of_another_error_is_left_alone(tiktok: TikTok) -> None:
    async def fail(request: Request) -> Response:
        raise RuntimeError("the database is down")

    app = Starlette(routes=[Route("/", fail)], exception_handlers={Exception: apologize})
    response = TestClient(TikTokAuthMiddleware(app, tiktok), raise_server_exceptions=False).get("/")
    assert (response.status_code, response.text) == (500, "sorry")
