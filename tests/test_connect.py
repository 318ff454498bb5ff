"""TikTok accounts that are connected to the users whom an app already has."""

import html
import re
import subprocess
import sys
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from asgi_tiktok import (
    AlreadyConnected,
    ConfigurationError,
    ConnectRefused,
    LoginRequired,
    MemoryStore,
    StoreError,
    TikTok,
    TikTokAuthMiddleware,
    TikTokError,
    TikTokSession,
    tiktok_session,
)
from asgi_tiktok.emulator import Emulator, Person
from tests.support.clock import Clock
from tests.support.login import display_name, new_browser, set_cookie_lines, sign_in
from tests.support.people import AMARA, JUN
from tests.support.settings import FETCH, LOGIN_COOKIE, NAVIGATION, SESSION_COOKIE
from tests.support.tiktok import new_tiktok
from tests.support.wrapped_store import WrappedStore

CONNECTED_COOKIE = f"{SESSION_COOKIE}.connected"
SETTINGS = "/settings/tiktok"


async def link(request: Request) -> Response:
    """A page of the app with the link for its user, who is signed in by the app's own cookie."""
    return PlainTextResponse(tiktok_session(request).connect_url(request.cookies["user"], next=SETTINGS))


async def settings(request: Request) -> Response:
    account = await tiktok_session(request).connected(request.cookies.get("user"))
    if account is None:
        return JSONResponse(None)
    if account.open_id == request.cookies.get("taken"):
        raise AlreadyConnected("This account belongs to another user.")
    found = {"open_id": account.open_id, "name": account.profile.display_name, "scopes": account.scopes}
    return JSONResponse({**found, "token": account.token.open_id})


async def me(request: Request) -> Response:
    return JSONResponse({"name": request.user.display_name})


def new_site(tiktok: TikTok, **options: Any) -> TikTokAuthMiddleware:
    site = Starlette(routes=[Route("/link", link), Route(SETTINGS, settings), Route("/me", me)])
    return TikTokAuthMiddleware(site, tiktok, **options)


def as_user(site: Any, user: str, **settings: Any) -> TestClient:
    """A browser in which this user is signed in to the app."""
    browser = new_browser(site, **settings)
    browser.cookies.set("user", user)
    return browser


def begin(browser: TestClient) -> str:
    """Follow the link of the app, and return the URL at TikTok."""
    response = browser.get(browser.get("/link").text)
    assert response.status_code == 302
    return str(response.headers["location"])


def connect(browser: TestClient, emulator: Emulator, person: Person = AMARA) -> httpx2.Response:
    """Connect the person's account, and return the response to the callback."""
    response = browser.get(emulator.consent(begin(browser), person))
    assert (response.status_code, response.headers["location"]) == (303, SETTINGS)
    return response


@pytest.fixture
def site(tiktok: TikTok) -> TikTokAuthMiddleware:
    return new_site(tiktok)


@pytest.fixture
def browser(site: TikTokAuthMiddleware) -> TestClient:
    return as_user(site, "ada")


def test_user_of_the_app_connects_an_account_and_takes_it_once(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, store: MemoryStore
) -> None:
    response = connect(browser, emulator)

    login_cookie, connected_cookie = sorted(set_cookie_lines(response))
    assert login_cookie.startswith(LOGIN_COOKIE)
    assert connected_cookie == CONNECTED_COOKIE
    assert display_name(browser) == ""
    assert not any(name.startswith(("session:", "token:")) for name in store._records)

    assert browser.get(SETTINGS).json() == {
        "open_id": AMARA.open_id,
        "name": AMARA.display_name,
        "scopes": ["user.info.basic"],
        "token": AMARA.open_id,
    }
    assert browser.get(SETTINGS).json() is None
    assert anyio.run(tiktok.token, AMARA.open_id).open_id == AMARA.open_id


def test_two_accounts_of_one_user_are_chosen_at_tiktok(browser: TestClient, emulator: Emulator) -> None:
    for person in (AMARA, JUN):
        connect(browser, emulator, person)
        assert browser.get(SETTINGS).json()["open_id"] == person.open_id
    assert parse_qs(urlsplit(begin(browser)).query)["disable_auto_auth"] == ["1"]


def test_session_of_ours_stays_and_no_hook_is_called(browser: TestClient, tiktok: TikTok, emulator: Emulator) -> None:
    sign_in(browser, emulator, person=JUN)
    called: list[Any] = []
    tiktok.on_login(called_with(called))
    callback_url = emulator.consent(begin(browser), AMARA)
    repeated = dict(browser.cookies)
    assert browser.get(callback_url).status_code == 303

    assert display_name(browser) == JUN.display_name
    assert browser.get(SETTINGS).json()["open_id"] == AMARA.open_id
    assert browser.get(callback_url, headers={"cookie": as_header(repeated)}).headers["location"] == SETTINGS
    assert display_name(browser) == JUN.display_name
    assert called == []


def called_with(called: list[Any]) -> Any:
    async def hook(user: Any, request: Any) -> None:
        called.append(user)

    return hook


def as_header(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def test_lost_response_is_repeated_once(browser: TestClient, emulator: Emulator) -> None:
    callback_url = emulator.consent(begin(browser), AMARA)
    before = as_header(dict(browser.cookies))
    new_browser(browser.app).get(callback_url, headers={"cookie": before})

    assert browser.get(callback_url).headers["location"] == SETTINGS
    assert browser.get(SETTINGS).json()["open_id"] == AMARA.open_id


@pytest.mark.parametrize("user", ["bob", ""], ids=["another user", "nobody"])
def test_account_is_refused_for_another_user(
    browser: TestClient, emulator: Emulator, store: MemoryStore, user: str
) -> None:
    connect(browser, emulator)
    browser.cookies.delete("user")
    browser.cookies.set("user", user)
    response = browser.get(SETTINGS, headers=NAVIGATION)

    assert response.status_code == 403
    assert "This TikTok account was not connected" in response.text
    assert not any(name.startswith("token:") for name in store._records)


def test_other_browser_of_the_user_gets_nothing(
    site: TikTokAuthMiddleware, browser: TestClient, emulator: Emulator
) -> None:
    connect(browser, emulator)

    assert as_user(site, "ada").get(SETTINGS).json() is None
    assert browser.get(SETTINGS).json()["open_id"] == AMARA.open_id


def test_account_that_belongs_to_another_user_gets_its_page(browser: TestClient, emulator: Emulator) -> None:
    browser.cookies.set("taken", AMARA.open_id)
    connect(browser, emulator)
    page = browser.get(SETTINGS, headers=NAVIGATION)
    connect(browser, emulator)
    answer = browser.get(SETTINGS, headers=FETCH)

    assert page.status_code == answer.status_code == 403
    assert "This TikTok account is already connected" in page.text
    assert 'class="button"' not in page.text
    assert answer.json()["error"] == "already_connected"


@pytest.mark.parametrize("decision", ["deny", "refuse"])
def test_flow_that_tiktok_does_not_complete_has_a_page_of_its_own(
    browser: TestClient, emulator: Emulator, decision: str
) -> None:
    callback_url = emulator.consent(begin(browser), decision="deny")
    title = "You did not connect TikTok"
    if decision == "refuse":
        callback_url += "&error_type=non_sandbox_target"
        title = "This account cannot be connected yet"
    page = browser.get(callback_url, headers=NAVIGATION)

    assert f"<h1>{title}</h1>" in page.text
    assert f'class="back" href="{SETTINGS}"' in page.text
    button = re.search(r'class="button" href="([^"]*)">Connect TikTok<', page.text)
    assert button
    again = browser.get(html.unescape(button[1])).headers["location"]
    browser.get(emulator.consent(again, JUN))
    assert browser.get(SETTINGS).json()["open_id"] == JUN.open_id


def test_own_page_for_a_cancelled_flow_starts_it_again(tiktok: TikTok, emulator: Emulator) -> None:
    def own_page(request: Any, error: TikTokError) -> Response:
        return PlainTextResponse(tiktok_session(request).login_url(), status_code=error.status_code)

    browser = as_user(new_site(tiktok, on_error=own_page), "ada")
    again = browser.get(emulator.consent(begin(browser), decision="deny")).text
    browser.get(emulator.consent(browser.get(again).headers["location"]))

    assert browser.get(SETTINGS).json()["open_id"] == AMARA.open_id


@pytest.mark.parametrize("sec_fetch_site", ["cross-site", "same-site"])
def test_page_of_another_site_starts_nothing(browser: TestClient, sec_fetch_site: str) -> None:
    url = browser.get("/link").text
    response = browser.get(url, headers={**NAVIGATION, "sec-fetch-site": sec_fetch_site})

    assert response.status_code == 403
    assert "This request came from another site" in response.text
    assert "set-cookie" not in response.headers
    assert "connect=" not in response.text
    assert browser.get(url, headers={**NAVIGATION, "sec-fetch-site": "same-origin"}).status_code == 302


@pytest.mark.parametrize("change", ["invented", "cut", "old", "other app"])
def test_link_that_is_not_genuine_starts_nothing(
    browser: TestClient, emulator: Emulator, clock: Clock, change: str
) -> None:
    url = browser.get("/link").text
    if change == "invented":
        url = "/auth/tiktok/login?connect=YWRh"
    elif change == "cut":
        url = re.sub(r"connect=[^&]*", lambda found: found[0][:-4], url)
    elif change == "old":
        clock.advance(601)
    else:
        other = new_tiktok(httpx2.ASGITransport(emulator), client_key="another-app")
        url = as_user(new_site(other), "ada").get("/link").text
    response = browser.get(url, headers=NAVIGATION)

    assert response.status_code == 403
    assert "This link no longer works" in response.text
    assert "set-cookie" not in response.headers


def test_account_waits_ten_minutes(browser: TestClient, emulator: Emulator, clock: Clock) -> None:
    connect(browser, emulator)
    clock.advance(601)

    assert browser.get(SETTINGS).json() is None


def test_account_without_kept_tokens(emulator: Emulator, store: MemoryStore) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store, keep_tokens=False)
    browser = as_user(new_site(tiktok), "ada")
    connect(browser, emulator)

    assert browser.get(SETTINGS).json()["token"] == AMARA.open_id
    with pytest.raises(LoginRequired):
        anyio.run(tiktok.token, AMARA.open_id)


class StoreThatFails(WrappedStore):
    """A store in which the next token cannot be saved."""

    failures: ClassVar[list[StoreError]] = []

    async def before(self, operation: str) -> None:
        if operation == "add" and self.failures:
            raise self.failures.pop()


def test_store_that_fails_once_loses_no_account(emulator: Emulator) -> None:
    store = StoreThatFails(MemoryStore())
    site = new_site(new_tiktok(httpx2.ASGITransport(emulator), store=store))
    browser = as_user(site, "ada", raise_server_exceptions=False)
    connect(browser, emulator)
    store.failures.append(StoreError("Away."))

    assert browser.get(SETTINGS).status_code == 500
    assert browser.get(SETTINGS).json()["open_id"] == AMARA.open_id


@pytest.mark.parametrize("user_id", [None, "", True, 1.5, ["ada"], "x" * 129])
@pytest.mark.anyio
async def test_bad_user_id_is_refused_with_a_fix(tiktok: TikTok, user_id: Any) -> None:
    session = TikTokSession(tiktok, None, "")
    with pytest.raises(ConfigurationError, match=r"^user_id must .* Pass the id of the user who is signed in"):
        session.connect_url(user_id)
    with pytest.raises((ConfigurationError, ConnectRefused)):
        await session.connected(user_id)


def test_number_and_string_are_the_same_user(tiktok: TikTok, emulator: Emulator) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        session = tiktok_session(Request(scope))
        account = await session.connected("7") if scope["path"] == "/" else None
        text = session.connect_url(7) if account is None else account.open_id
        await PlainTextResponse(text)(scope, receive, send)

    browser = new_browser(TikTokAuthMiddleware(app, tiktok))
    browser.get(emulator.consent(browser.get(browser.get("/link").text).headers["location"]))

    assert browser.get("/").text == AMARA.open_id


def test_modules_are_imported_only_when_accounts_are_connected() -> None:
    modules = ("http.connect_link", "accounts.connections")
    code = f"import sys, asgi_tiktok\nprint([name for name in {modules} if f'asgi_tiktok.{{name}}' in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
