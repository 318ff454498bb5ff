"""The link to the login, and every later link that starts the same login again."""

import html
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.testclient import TestClient

from asgi_tiktok import ConfigurationError, Grant, LoginDenied, MemoryStore, TikTok, TikTokAuthMiddleware, TikTokUser
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.session import TikTokSession
from tests.support.app import app
from tests.support.canaries import OLD_SECRET_KEY, SECRET_KEY
from tests.support.clock import Clock
from tests.support.faults import FaultyTransport, raising
from tests.support.login import new_browser, sign_in
from tests.support.people import JUN
from tests.support.settings import FETCH
from tests.support.tiktok import new_tiktok

PARAMS = {"invite": "x7", "cart": [1, 2], "größe": "ü"}
ATTEMPT: dict[str, Any] = {"next": "/studio", "scopes": ["video.list"], "params": PARAMS, "switch_account": True}


def login_url(tiktok: TikTok, **arguments: Any) -> str:
    """The link that an anonymous visitor of the app gets."""
    return TikTokSession(tiktok, None, "").login_url(**arguments)


@pytest.fixture
def grants(tiktok: TikTok) -> list[Grant]:
    """The grants of all logins."""
    grants: list[Grant] = []

    @tiktok.on_login
    async def remember(user: TikTokUser, request: Request, grant: Grant) -> None:
        grants.append(grant)

    return grants


def button(page: httpx2.Response) -> str:
    """The address of the button on one of our pages."""
    found = re.search(r'class="button" href="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


def assert_asks_for_the_same(link: str, browser: TestClient, emulator: Emulator, grants: list[Grant]) -> None:
    """Follow the link to TikTok and back."""
    at_tiktok = browser.get(link).headers["location"]
    query = parse_qs(urlsplit(at_tiktok).query)
    assert query["scope"] == ["user.info.basic,video.list"]
    assert query["disable_auto_auth"] == ["1"]
    assert browser.get(emulator.consent(at_tiktok)).headers["location"] == "/studio"
    assert grants[-1].params == PARAMS
    assert grants[-1].next == "/studio"


def test_params_come_back_with_the_grant(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, grants: list[Grant]
) -> None:
    assert_asks_for_the_same(login_url(tiktok, **ATTEMPT), browser, emulator, grants)
    sign_in(browser, emulator)
    assert grants[-1].params == {}


def test_params_cannot_be_read_or_written_by_visitors(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, grants: list[Grant], caplog: pytest.LogCaptureFixture
) -> None:
    link = login_url(tiktok, params=PARAMS)
    assert "invite" not in link

    for forged in ('{"invite":"x7"}', link.partition("params=")[2][:-2], "", "é", "A" * 3000):
        sign_in(browser, emulator, f"params={forged}")
        assert grants[-1].params == {}
    assert caplog.text.count("login link without its params") == 4


def test_params_are_valid_for_a_day(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, grants: list[Grant], clock: Clock
) -> None:
    link = login_url(tiktok, params=PARAMS)
    for hours, params in ((23, PARAMS), (2, {})):
        clock.advance(hours=hours)
        browser.get(emulator.consent(browser.get(link).headers["location"]))
        assert grants[-1].params == params


def test_params_of_a_rotated_key_are_read_and_those_of_another_app_are_not(emulator: Emulator) -> None:
    transport = httpx2.ASGITransport(emulator)
    link = login_url(new_tiktok(transport, secret_key=OLD_SECRET_KEY), params=PARAMS)
    found = []
    changes: list[dict[str, Any]] = [{"secret_key": [SECRET_KEY, OLD_SECRET_KEY]}, {"client_key": "other"}]
    for change in changes:
        tiktok = new_tiktok(transport, **{"secret_key": OLD_SECRET_KEY, **change})
        query = urlsplit(link).query
        found.append(tiktok._login_links.unseal(parse_qs(query)["params"][0]))

    assert found == [PARAMS, {}]


BAD_PARAMS: dict[str, Any] = {
    "list": ["a"],
    "string": "text",
    "object": {"a": object()},
    "not a number": {"a": float("nan")},
    "bytes": {"a": b"x"},
    "key": {(1, 2): 3},
    "number for a key": {1: 3},
    "half of a character": {"a": "\ud800"},
    "513 bytes": {"a": "x" * 505},
    "514 bytes": {"a": "é" * 253},
}


@pytest.mark.parametrize("params", BAD_PARAMS.values(), ids=BAD_PARAMS.keys())
def test_bad_params_are_refused_by_name(tiktok: TikTok, params: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^params .*Write a dict"):
        login_url(tiktok, params=params)


def test_error_names_the_param_that_is_not_json(tiktok: TikTok) -> None:
    with pytest.raises(ConfigurationError, match="'since'"):
        login_url(tiktok, params={"invite": "x7", "since": object()})


def test_switch_account_must_be_a_flag(tiktok: TikTok) -> None:
    with pytest.raises(ConfigurationError, match="switch_account must be True or False, not 1"):
        login_url(tiktok, switch_account=1)


@pytest.mark.parametrize(("switch_account", "sent"), [(None, None), (False, ["0"]), (True, ["1"])])
def test_switch_account_is_sent_to_tiktok(
    browser: TestClient, tiktok: TikTok, switch_account: bool | None, sent: list[str] | None
) -> None:
    at_tiktok = browser.get(login_url(tiktok, switch_account=switch_account)).headers["location"]

    assert parse_qs(urlsplit(at_tiktok).query).get("disable_auto_auth") == sent


def test_largest_login_fits_into_its_cookie(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, grants: list[Grant]
) -> None:
    params = {"a": "é" * 252}
    assert len(json.dumps(params, ensure_ascii=False, separators=(",", ":")).encode()) == 512
    scopes = ["user.info.profile", "user.info.stats", "video.list"]
    response = browser.get(
        login_url(tiktok, next="/" + "é" * 500, params=params, scopes=scopes, switch_account=False)
    )
    (cookie,) = response.headers.get_list("set-cookie")
    browser.get(emulator.consent(response.headers["location"]))

    assert len(cookie) < 4096
    assert grants[-1].params == params


def test_fetch_of_the_login_gets_a_link_that_asks_for_the_same(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, grants: list[Grant]
) -> None:
    response = browser.get(login_url(tiktok, **ATTEMPT), headers=FETCH)

    assert response.status_code == 401
    assert_asks_for_the_same(response.json()["login_url"], browser, emulator, grants)


def test_fetch_of_an_undeclared_scope_is_refused(browser: TestClient) -> None:
    response = browser.get("/auth/tiktok/login?next=/me&scopes=video.publish,video.list", headers=FETCH)

    assert response.status_code == 400
    assert response.json()["login_url"] == "/auth/tiktok/login?next=%2Fme&scopes=video.list"


def test_cancelled_page_asks_for_the_same(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, grants: list[Grant]
) -> None:
    at_tiktok = browser.get(login_url(tiktok, **ATTEMPT)).headers["location"]
    page = browser.get(emulator.consent(at_tiktok, decision="deny"))

    assert page.status_code == 403
    assert_asks_for_the_same(button(page), browser, emulator, grants)


def test_json_of_a_failed_callback_asks_for_the_same(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, grants: list[Grant]
) -> None:
    at_tiktok = browser.get(login_url(tiktok, **ATTEMPT)).headers["location"]
    response = browser.get(emulator.consent(at_tiktok, decision="deny"), headers={"accept": "application/json"})

    assert_asks_for_the_same(response.json()["login_url"], browser, emulator, grants)


def test_expired_page_asks_for_the_same(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, grants: list[Grant], clock: Clock
) -> None:
    callback_url = emulator.consent(browser.get(login_url(tiktok, **ATTEMPT)).headers["location"])
    cookies = dict(browser.cookies)
    clock.advance(601)
    page = browser.get(callback_url, headers={"cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})

    assert "This took too long" in page.text
    assert_asks_for_the_same(button(page), browser, emulator, grants)


def test_page_of_a_refused_code_asks_for_the_same(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, grants: list[Grant]
) -> None:
    callback_url = emulator.consent(browser.get(login_url(tiktok, **ATTEMPT)).headers["location"])
    page = browser.get(re.sub("code=[^&]*", "code=invented", callback_url))

    assert page.status_code == 400
    assert_asks_for_the_same(button(page), browser, emulator, grants)


def test_page_without_tiktok_asks_for_the_same(emulator: Emulator, store: MemoryStore) -> None:
    """The visitor may also reload it, because the code was not sent."""
    transport = FaultyTransport(emulator)
    transport.path, transport.fault = "/v2/oauth/token/", raising(httpx2.ConnectError("refused"))
    tiktok = new_tiktok(transport, store=store)
    browser = new_browser(TikTokAuthMiddleware(app, tiktok))
    page = browser.get(emulator.consent(browser.get(login_url(tiktok, **ATTEMPT)).headers["location"]))

    assert page.status_code == 503
    attempt = tiktok._login_links.read(QueryParams(urlsplit(button(page)).query), "")
    assert (attempt.next_path, attempt.scopes, attempt.params) == ("/studio", ("video.list",), PARAMS)
    assert attempt.switch_account is True


def test_login_of_a_signed_in_browser_requests_what_the_user_has_granted_elsewhere(
    browser: TestClient, emulator: Emulator
) -> None:
    desktop, phone = browser, new_browser(browser.app)
    sign_in(phone, emulator)
    sign_in(desktop, emulator, "scopes=video.list")
    at_tiktok = phone.get("/auth/tiktok/login?scopes=user.info.stats").headers["location"]

    assert parse_qs(urlsplit(at_tiktok).query)["scope"] == ["user.info.basic,user.info.stats,video.list"]


def test_login_of_a_signed_in_browser_keeps_the_scopes_of_its_session(emulator: Emulator, store: MemoryStore) -> None:
    """There is no token to ask for them."""
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store, keep_tokens=False)
    browser = new_browser(TikTokAuthMiddleware(app, tiktok))
    sign_in(browser, emulator, "scopes=video.list")
    sign_in(browser, emulator)

    assert "video.list" in browser.get("/me").json()["scopes"]


def test_scopes_that_the_app_no_longer_declares_are_not_requested(emulator: Emulator, store: MemoryStore) -> None:
    transport = httpx2.ASGITransport(emulator)
    before, after = (new_tiktok(transport, store=store, optional_scopes=scopes) for scopes in (["video.list"], []))
    browser = new_browser(TikTokAuthMiddleware(app, before))
    sign_in(browser, emulator, "scopes=video.list")
    browser = new_browser(TikTokAuthMiddleware(app, after), cookies=dict(browser.cookies))

    assert "scope=user.info.basic&" in browser.get("/auth/tiktok/login").headers["location"]


def test_login_to_switch_accounts_does_not_request_the_scopes_of_the_other_account(
    browser: TestClient, emulator: Emulator
) -> None:
    sign_in(browser, emulator, "scopes=video.list")

    assert "video.list" not in browser.get("/auth/tiktok/login?switch_account=1").headers["location"]
    assert "video.list" in browser.get("/auth/tiktok/login?switch_account=0").headers["location"]


def test_page_of_a_denied_login_has_no_button(browser: TestClient, tiktok: TikTok, emulator: Emulator) -> None:
    @tiktok.on_login
    async def nobody(user: TikTokUser, request: Request, grant: Grant) -> None:
        raise LoginDenied("Closed.")

    page = browser.get(emulator.consent(browser.get(login_url(tiktok)).headers["location"], JUN))

    assert "Closed." in page.text
    assert 'class="button"' not in page.text
