"""Django: request.tiktok, the decorators, the template tag, and its own test clients."""

from collections.abc import Callable, Iterator
from typing import Any

import django
import httpx2
import pytest
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.test import AsyncClient, Client, override_settings
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from asgi_tiktok import AlreadyConnected, ConfigurationError, TikTok, TikTokAuthMiddleware, tiktok_button
from asgi_tiktok.django import TikTokRequest, login_required, requires_scope
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.testing import login_as
from tests.support.login import new_browser
from tests.support.people import AMARA
from tests.support.settings import FETCH, NAVIGATION, ORIGIN
from tests.support.sites import django as site

OURS = "asgi_tiktok.django.TikTokMiddleware"
SYNC = f"{__name__}.sync_middleware"
TEMPLATES = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "OPTIONS": {
        "builtins": ["asgi_tiktok.django"],
        "context_processors": ["django.template.context_processors.request"],
    },
}


def sync_middleware(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Set a user, as the middleware of django.contrib.auth does. It is not async, like that of many projects."""

    def middleware(request: Any) -> Any:
        request.user = "staff"
        return get_response(request)

    return middleware


def name_of(request: TikTokRequest) -> HttpResponse:
    return JsonResponse({"name": request.tiktok.user.display_name})


@method_decorator(login_required, name="dispatch")
class Profile(View):  # type: ignore[misc]
    async def get(self, request: TikTokRequest) -> HttpResponse:
        return name_of(request)


@method_decorator(requires_scope("video.publish"), name="dispatch")
class Publish(Profile):
    pass


async def token(request: TikTokRequest) -> HttpResponse:
    return JsonResponse({"ends": (await request.tiktok.token()).expires_at})


def page(request: TikTokRequest) -> HttpResponse:
    template = engines["django"].from_string(request.GET["template"])
    return HttpResponse(template.render(request=request))


async def accounts(request: TikTokRequest) -> HttpResponse:
    """The user's accounts, in an app that knows its own users by a header."""
    user = request.headers["x-user"]
    if account := await request.tiktok.connected(user):
        if user == "bob":
            raise AlreadyConnected("The account belongs to another user.")
        return HttpResponse(account.open_id)
    return HttpResponse(request.tiktok.connect_url(user, next=request.path))


def button(request: TikTokRequest) -> HttpResponse:
    template = engines["django"].from_string("{{ button }}")
    return HttpResponse(template.render({"button": tiktok_button(request)}))


urlpatterns = [
    *site.urlpatterns,
    path("account/sync", login_required(name_of)),
    path("account/<slug:year>", login_required(lambda request, year: JsonResponse({"year": year}))),
    path("profile", Profile.as_view()),
    path("profile/decorated", login_required(Profile.as_view())),
    path("videos/counted", requires_scope("video.list", "user.info.stats")(name_of)),
    path("publish", requires_scope("video.publish")(name_of)),
    path("token", token),
    path("accounts", accounts),
    path("page", page),
    path("button", button),
    path("staff", lambda request: HttpResponse(request.user)),
    path("about", lambda request: HttpResponse("about us")),
]


@pytest.fixture(autouse=True)
def project() -> Iterator[None]:
    """The settings of a project. Those that are not here come from `tests.support.sites.django`."""
    django.setup()
    with override_settings(ROOT_URLCONF=__name__, TEMPLATES=[TEMPLATES]):
        yield


@pytest.fixture(params=[[OURS], [SYNC, OURS], [OURS, SYNC]], ids=["alone", "inside a sync one", "around a sync one"])
def middleware(request: pytest.FixtureRequest) -> Iterator[None]:
    with override_settings(MIDDLEWARE=request.param):
        yield


@pytest.fixture
def application(tiktok: TikTok) -> ASGIApp:
    return TikTokAuthMiddleware(get_asgi_application(), tiktok)


@pytest.fixture
def browser(application: ASGIApp) -> TestClient:
    return new_browser(application, headers=FETCH)


@pytest.mark.usefixtures("middleware")
class TestViews:
    @pytest.mark.parametrize("path", ["/account", "/account/sync", "/profile", "/profile/decorated"])
    def test_login_required_admits_signed_in_users(self, browser: TestClient, path: str) -> None:
        refused = browser.get(path)
        assert (refused.status_code, refused.json()["error"]) == (401, "login_required")
        login_as(browser)
        assert browser.get(path).json() == {"name": "Ada"}

    def test_requires_scope_admits_users_who_granted_the_scopes(self, browser: TestClient) -> None:
        login_as(browser, scopes=["video.list"])
        refused = browser.get("/videos/counted")
        assert (refused.status_code, refused.json()["error"]) == (403, "scope_required")
        assert refused.json()["login_url"].endswith("scopes=video.list%2Cuser.info.stats")
        login_as(browser, scopes=["video.list", "user.info.stats"])
        assert browser.get("/videos/counted").json() == {"name": "Ada"}

    @pytest.mark.parametrize("user", ["ada", "bob"])
    def test_users_of_the_app_connect_accounts(self, browser: TestClient, emulator: Emulator, user: str) -> None:
        browser.headers["x-user"] = user
        link = browser.get("/accounts").text
        callback_url = emulator.consent(browser.get(link, headers=NAVIGATION).headers["location"])
        returned = browser.get(browser.get(callback_url).headers["location"])

        if user == "ada":
            assert returned.text == AMARA.open_id
        else:
            assert (returned.status_code, returned.json()["error"]) == (403, "already_connected")

    def test_missing_token_requires_a_login(self, browser: TestClient) -> None:
        assert browser.get("/token").status_code == 401
        login_as(browser, token=True)
        assert browser.get("/token").status_code == 200


def test_user_is_redirected_to_tiktok_and_back(browser: TestClient, emulator: Emulator) -> None:
    to_login = browser.get("/account", headers=NAVIGATION)
    assert to_login.status_code == 303
    to_tiktok = browser.get(to_login.headers["location"], headers=NAVIGATION)
    back = browser.get(emulator.consent(to_tiktok.headers["location"]))
    assert back.headers["location"] == "/account"
    assert browser.get("/account").json() == {"name": AMARA.display_name}


def test_decorated_view_keeps_its_name_and_arguments(browser: TestClient) -> None:
    assert site.account.__name__ == "account"
    login_as(browser)
    assert browser.get("/account/2026").json() == {"year": "2026"}


def test_request_user_stays_the_user_of_the_project(tiktok: TikTok) -> None:
    with override_settings(MIDDLEWARE=[SYNC, OURS]):
        browser = TestClient(TikTokAuthMiddleware(get_asgi_application(), tiktok), base_url=ORIGIN)
    login_as(browser)
    assert browser.get("/staff").text == "staff"


class TestTemplates:
    def test_tag_renders_the_button(self, browser: TestClient) -> None:
        arguments = 'next="/account" scopes="video.list,user.info.stats" switch_account=True label="A & B"'
        template = f"{{% tiktok_button {arguments} %}}"
        text = browser.get("/page", params={"template": template}).text
        assert text.startswith('<link rel="stylesheet" href="/auth/tiktok/button.css?v=')
        assert "next=%2Faccount&amp;scopes=video.list%2Cuser.info.stats&amp;switch_account=1" in text
        assert text.endswith("A &amp; B</a>")

    def test_tag_is_in_the_language_of_the_visitor(self, browser: TestClient) -> None:
        parameters = {"template": "{% tiktok_button %}"}
        response = browser.get("/page", params=parameters, headers={"accept-language": "de"})
        assert response.text.endswith("Weiter mit TikTok</a>")
        assert "Accept-Language" in response.headers["vary"]

    def test_button_of_the_view_is_not_escaped(self, browser: TestClient) -> None:
        assert browser.get("/button").text.startswith('<link rel="stylesheet" href="/auth/tiktok/button.css?v=')

    def test_request_tiktok_is_the_session(self, browser: TestClient) -> None:
        login_as(browser, display_name="<Bob>")
        template = "{{ request.tiktok.user.display_name }}: {{ request.tiktok.logout_url }}"
        assert browser.get("/page", params={"template": template}).text == "&lt;Bob&gt;: /auth/tiktok/logout"


@pytest.mark.anyio
async def test_async_client_of_the_application_can_be_signed_in(application: ASGIApp) -> None:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(application), base_url=ORIGIN) as client:
        login_as(client)
        assert (await client.get("/account")).json() == {"name": "Ada"}


class TestDjangosOwnClient:
    """Django's clients send requests past asgi.py."""

    def test_gets_pages_without_tiktok(self) -> None:
        assert Client().get("/about").content == b"about us"

    @pytest.mark.anyio
    async def test_async_client_gets_pages_without_tiktok(self) -> None:
        assert (await AsyncClient().get("/about")).content == b"about us"

    def test_error_names_the_client_to_use(self) -> None:
        with pytest.raises(ConfigurationError, match=r"through WSGI.* use Starlette's TestClient\(application\)"):
            Client().get("/account/sync")

    @pytest.mark.anyio
    async def test_async_error_names_the_application_to_use(self) -> None:
        with pytest.raises(ConfigurationError, match="send requests to that application"):
            await AsyncClient().get("/account")


def mistake(browser: TestClient, caplog: pytest.LogCaptureFixture, address: str) -> str:
    """Return the error in the log of a page that fails."""
    assert browser.get(address).status_code == 500
    (error,) = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert isinstance(error, ConfigurationError)
    return str(error)


class TestMistakes:
    @pytest.mark.parametrize("address", ["/account", "/page?template={%25 tiktok_button %25}"])
    def test_without_wrapped_application_the_error_names_the_line_to_write(
        self, caplog: pytest.LogCaptureFixture, address: str
    ) -> None:
        error = mistake(TestClient(get_asgi_application()), caplog, address)
        assert "Write in asgi.py: application = TikTokAuthMiddleware(get_asgi_application(), tiktok)" in error

    def test_without_django_middleware_the_error_names_the_setting(
        self, tiktok: TikTok, caplog: pytest.LogCaptureFixture
    ) -> None:
        with override_settings(MIDDLEWARE=[]):
            browser = TestClient(TikTokAuthMiddleware(get_asgi_application(), tiktok), base_url=ORIGIN)
        assert 'Add "asgi_tiktok.django.TikTokMiddleware" to MIDDLEWARE' in mistake(browser, caplog, "/account")

    def test_undeclared_scope_is_named(self, browser: TestClient, caplog: pytest.LogCaptureFixture) -> None:
        assert "'video.publish' is not declared" in mistake(browser, caplog, "/publish")

    @pytest.mark.parametrize("view", [requires_scope("video.publish")(name_of), Publish.as_view()])
    @pytest.mark.parametrize("urls", [lambda publish: (publish,), lambda publish: (path("", include([publish])),)])
    def test_undeclared_scope_is_reported_at_start(self, application: ASGIApp, view: Any, urls: Any) -> None:
        with (
            override_settings(ROOT_URLCONF=urls(path("publish", login_required(view)))),
            pytest.raises(
                ConfigurationError,
                match=r"'video\.publish' is not declared, but /publish requires it\. Add it to TikTok\(optional_sco",
            ),
            TestClient(application, base_url=ORIGIN),
        ):
            pass

    def test_template_without_request_is_reported(self) -> None:
        template = engines["django"].from_string("{% tiktok_button %}")
        with pytest.raises(ConfigurationError, match=r"found no request .* Write render\(request"):
            template.render()

    def test_wrong_use_of_a_decorator_is_reported(self) -> None:
        with pytest.raises(ConfigurationError, match="Write @login_required"):
            login_required()
        with pytest.raises(ConfigurationError, match=r'Write requires_scope\("video.list"\)'):
            requires_scope()
        bare: Any = requires_scope
        with pytest.raises(ConfigurationError, match=r'Write requires_scope\("video.list"\)'):
            bare(name_of)
        with pytest.raises(ConfigurationError, match=r"requires_scope contains 'video_list', .* Write 'video.list'"):
            requires_scope("video_list")

    def test_method_without_method_decorator_is_reported(self) -> None:
        method: Any = login_required(name_of)
        with pytest.raises(ConfigurationError, match=r"is a Profile, not a request.* write @method_decorator"):
            method(Profile(), None)
