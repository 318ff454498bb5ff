"""Login by QR code: a page shows the code, a phone scans it, and this browser is signed in."""

import re
import sys
from typing import Any

import httpx2
import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient

from asgi_tiktok import (
    ConfigurationError,
    Grant,
    LoginDenied,
    MemoryStore,
    TikTok,
    TikTokAuthMiddleware,
    TikTokError,
    TikTokUser,
)
from asgi_tiktok.client import qr_polls
from asgi_tiktok.emulator import DEFAULT_APP, Emulator, run_emulator
from asgi_tiktok.http.login_link import LoginAttempt
from tests.support.app import app
from tests.support.chromium import LOOPBACK_ONLY, open_chromium
from tests.support.faults import FailingStore, Fault, FaultyTransport, raising, responding
from tests.support.login import display_name, new_browser, set_cookie_lines, sign_in
from tests.support.people import AMARA, JUN
from tests.support.qr import CHECK, QR, Phone, ask, line, open_page, page
from tests.support.servers import serve_in_thread
from tests.support.settings import FETCH, LOGIN_COOKIE, NAVIGATION, SESSION_COOKIE
from tests.support.tiktok import count_requests, new_tiktok

pytestmark = pytest.mark.usefixtures("poll_at_once")


@pytest.fixture
def tiktok(transport: FaultyTransport, store: MemoryStore) -> TikTok:
    return new_tiktok(transport, store=store, qr=True)


@pytest.fixture
def failures(tiktok: TikTok) -> list[str]:
    """The codes of the failed logins."""
    codes: list[str] = []

    @tiktok.on_failed_login
    async def note(error: TikTokError, request: object) -> None:
        codes.append(error.code)

    return codes


@pytest.fixture
def browser(tiktok: TikTok) -> TestClient:
    return new_browser(TikTokAuthMiddleware(app, tiktok))


def without_value(set_cookie: str) -> str:
    return re.sub("=[^;]*", "", set_cookie, count=1)


def test_phone_signs_in_the_browser_that_shows_the_code(
    browser: TestClient, emulator: Emulator, store: MemoryStore
) -> None:
    address = open_page(browser)
    assert line(page(browser, address)) == "Waiting for your phone."
    phone = Phone(emulator)
    phone.scan()
    assert line(page(browser, address)) == "Now continue on your phone."
    assert store._records == {}

    phone.decide()
    response = page(browser, address)
    assert (response.status_code, response.headers["location"]) == (303, "/studio")
    assert display_name(browser) == AMARA.display_name

    lines = set_cookie_lines(response)
    assert [name for name in lines if name != SESSION_COOKIE] == [min(lines)]
    assert min(lines).startswith(LOGIN_COOKIE)
    redirected = set_cookie_lines(sign_in(new_browser(browser.app), emulator))
    assert without_value(lines[SESSION_COOKIE]) == without_value(redirected[SESSION_COOKIE])


def test_script_gets_the_progress_and_at_the_end_the_session(browser: TestClient, emulator: Emulator) -> None:
    address = open_page(browser, "next=/me")
    assert ask(browser, address) == {"progress": "new"}
    Phone(emulator).scan()
    assert ask(browser, address) == {"progress": "scanned"}
    Phone(emulator).decide(person=JUN)

    assert ask(browser, address) == {"next": "/me"}
    assert display_name(browser) == JUN.display_name


@pytest.mark.parametrize("form", ["redirect_uri", "code"])
def test_both_documented_forms_of_the_result_are_understood(form: Any) -> None:
    emulator = Emulator([DEFAULT_APP], qr_confirmed=form)
    uri = next(uri for uri in DEFAULT_APP.redirect_uris if ":*/" not in uri)
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), qr=True, redirect_uri=uri)
    browser = new_browser(TikTokAuthMiddleware(app, tiktok), origin=uri.removesuffix("/auth/tiktok/callback"))
    address = open_page(browser)
    Phone(emulator).confirm()

    assert page(browser, address).headers["location"] == "/studio"


def test_hooks_get_what_the_link_asks_for(browser: TestClient, emulator: Emulator, tiktok: TikTok) -> None:
    grants: list[Grant] = []

    @tiktok.on_login
    async def note(user: TikTokUser, request: object, grant: Grant) -> None:
        grants.append(grant)

    link = tiktok._login_links.write(
        LoginAttempt(next_path="/me", scopes=("video.list",), params={"a": 1}, route="qr"), ""
    )
    address = str(browser.get(link, headers=NAVIGATION).headers["location"])
    Phone(emulator).confirm()
    page(browser, address)

    (grant,) = grants
    assert (grant.params, grant.next, grant.requested_scopes) == ({"a": 1}, "/me", ("user.info.basic", "video.list"))


def test_two_tabs_both_end_signed_in(browser: TestClient, emulator: Emulator) -> None:
    first = open_page(browser, "next=/one")
    on_first = Phone(emulator)
    second = open_page(browser, "next=/two")
    Phone(emulator).confirm()
    on_first.confirm()

    assert page(browser, first).headers["location"] == "/one"
    assert page(browser, second).headers["location"] == "/two"


def test_code_that_is_refused_on_the_phone_or_too_old_is_replaced(
    browser: TestClient, emulator: Emulator, failures: list[str]
) -> None:
    refused = open_page(browser)
    Phone(emulator).scan()
    Phone(emulator).decide("deny")
    old = open_page(browser)
    Phone(emulator).login.expires_at = 0

    for address in (refused, old):
        response = page(browser, address)
        assert (response.status_code, "This code no longer works" in response.text) == (400, True)
        assert f'href="{QR}?next=%2Fstudio">Show a new code' in response.text
        assert any(name.startswith(LOGIN_COOKIE) for name in set_cookie_lines(response))
    assert failures == ["expired", "expired"]


def test_error_that_tiktok_returns_instead_of_a_code(
    browser: TestClient, emulator: Emulator, transport: FaultyTransport, failures: list[str]
) -> None:
    address = open_page(browser)
    phone = Phone(emulator)
    transport.path = CHECK
    url = "https://testserver/auth/tiktok/callback?error=access_denied&error_description=no"
    transport.fault = responding(
        200, json={"status": "confirmed", "client_ticket": phone.ticket, "redirect_uri": url}
    )

    assert ask(browser, address) == {"progress": "ended"}
    response = page(browser, address)
    assert (response.status_code, "You cancelled the sign-in" in response.text) == (403, True)
    assert failures == ["access_denied"]
    assert count_requests(emulator) == 0


def test_user_whom_the_app_rejects_sees_why_at_once(
    browser: TestClient,
    emulator: Emulator,
    tiktok: TikTok,
    failures: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @tiktok.on_login
    async def reject(user: TikTokUser, request: object) -> None:
        raise LoginDenied("Members only.")

    address = open_page(browser)
    Phone(emulator).confirm()
    monkeypatch.setattr(qr_polls, "INTERVAL", 60)

    assert ask(browser, address) == {"progress": "ended"}
    response = page(browser, address)
    assert (response.status_code, "Members only." in response.text) == (403, True)
    assert failures == ["login_denied"]
    assert display_name(browser) == ""


def test_response_that_was_lost_comes_again_from_another_worker(
    browser: TestClient, emulator: Emulator, store: MemoryStore
) -> None:
    address = open_page(browser)
    cookies = dict(browser.cookies)
    Phone(emulator).confirm()
    page(browser, address)
    worker = TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator), store=store, qr=True))

    response = page(new_browser(worker, cookies=cookies), address)
    assert response.headers["location"] == "/studio"
    assert SESSION_COOKIE in set_cookie_lines(response)


@pytest.mark.parametrize("path", [CHECK, "/v2/oauth/token/"])
def test_page_goes_on_when_tiktok_can_be_reached_again(
    browser: TestClient, emulator: Emulator, transport: FaultyTransport, path: str
) -> None:
    address = open_page(browser)
    Phone(emulator).confirm()
    transport.path, transport.fault = path, raising(httpx2.ConnectError("refused"))
    assert line(page(browser, address)) == "No answer at the moment. This page keeps trying."
    assert ask(browser, address) == {"progress": "unavailable"}
    transport.fault = None

    assert page(browser, address).headers["location"] == "/studio"


def test_page_goes_on_when_the_store_is_back(emulator: Emulator) -> None:
    store = FailingStore()
    browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator), store=store, qr=True)))
    address = open_page(browser)
    Phone(emulator).confirm()
    store.failures["add"] = 1

    assert ask(browser, address) == {"progress": "unavailable"}
    assert ask(browser, address) == {"next": "/studio"}


FAULTS: dict[str, tuple[str, Fault, int]] = {
    "no connection": ("get", raising(httpx2.ConnectError("refused")), 503),
    "no code": ("get", responding(200, json={"token": "T"}), 502),
    "no place for the ticket": ("get", responding(200, json={"token": "T", "scan_qrcode_url": "aweme://a"}), 502),
    "text is too long": (
        "get",
        responding(200, json={"token": "T", "scan_qrcode_url": "aweme://a?client_ticket=tobefilled" + "x" * 600}),
        502,
    ),
    "refused": ("get", responding(200, json={"error": "invalid_client", "error_description": ""}), 500),
    "unknown token": ("check", responding(200, json={"error": "invalid_request", "error_description": ""}), 500),
    "unknown status": ("check", responding(200, json={"status": "lost", "client_ticket": ""}), 200),
}


@pytest.mark.parametrize(("endpoint", "fault", "status"), FAULTS.values(), ids=FAULTS.keys())
def test_response_that_tiktok_never_sends(
    browser: TestClient, transport: FaultyTransport, endpoint: str, fault: Fault, status: int
) -> None:
    transport.path = f"/v2/oauth/{endpoint}_qrcode/"
    if endpoint == "get":
        transport.fault = fault
        response = browser.get(f"{QR}?next=/studio", headers=NAVIGATION)
        assert f'href="{QR}?next=%2Fstudio"' in response.text or status == 500
        assert not response.headers.get_list("set-cookie")
    else:
        address = open_page(browser)
        transport.fault = fault
        response = page(browser, address)

    assert response.status_code == status


def test_only_a_page_request_starts_a_login(browser: TestClient, emulator: Emulator) -> None:
    answers = [
        browser.get(QR, headers=FETCH),
        browser.head(QR),
        browser.get(QR, headers={**NAVIGATION, "sec-purpose": "prefetch"}),
        browser.get(f"{QR}?scopes=video.publish", headers=NAVIGATION),
    ]

    assert [answer.status_code for answer in answers] == [401, 405, 503, 400]
    assert answers[0].json()["login_url"].startswith(QR)
    assert count_requests(emulator, "get_qrcode") == 0


def test_largest_login_fits_into_a_cookie(browser: TestClient, tiktok: TikTok, transport: FaultyTransport) -> None:
    transport.path = "/v2/oauth/get_qrcode/"
    text = "aweme://authorize?client_ticket=tobefilled&".ljust(600, "x")
    transport.fault = responding(200, json={"token": "T" * 128, "scan_qrcode_url": text})
    attempt = LoginAttempt(
        next_path="/" + "x" * 1023, scopes=tiktok._optional_scopes, params={"a": "x" * 500}, route="qr"
    )
    response = browser.get(tiktok._login_links.write(attempt, ""), headers=NAVIGATION)

    (cookie,) = set_cookie_lines(response).values()
    assert len(cookie.partition(";")[0]) <= 4096


def test_route_is_there_only_if_it_is_turned_on(emulator: Emulator) -> None:
    browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator))))

    assert browser.get(QR, headers=NAVIGATION).status_code == 200  # the app's
    assert count_requests(emulator, "get_qrcode") == 0


def test_missing_segno_is_reported_when_the_app_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'asgi-tiktok\[qr\]'"):
        new_tiktok(qr=True)


@pytest.mark.browser
def test_in_chromium_the_emulated_phone_signs_in_the_page(port: int) -> None:
    home = f"http://localhost:{port}"
    with run_emulator() as running, open_chromium(LOOPBACK_ONLY) as chromium:
        tiktok = new_tiktok(redirect_uri=f"{home}/auth/tiktok/callback", base_url=running.url, qr=True)
        with serve_in_thread(TikTokAuthMiddleware(app, tiktok), port):
            context = chromium.new_context(viewport={"width": 320, "height": 640}, color_scheme="dark")
            tab = context.new_page()
            problems: list[str] = []
            tab.on("console", lambda message: problems.append(message.text))
            tab.clock.install()
            tab.goto(f"{home}{QR}?next=/me")
            expect(tab.get_by_role("status")).to_have_text("Waiting for your phone.")
            expect(tab.get_by_role("img", name="QR code")).to_be_visible()
            assert tab.evaluate("document.documentElement.scrollWidth") == 320

            with context.expect_page() as opened:
                tab.get_by_role("link", name="emulated phone").click()
            phone = opened.value
            phone.get_by_role("button", name="Scan").click()
            expect(phone.get_by_role("button", name="Continue")).to_be_visible()
            tab.clock.run_for(3000)
            expect(tab.get_by_role("status")).to_have_text("Now continue on your phone.")
            phone.get_by_role("button", name="Continue").click()
            tab.clock.run_for(3000)
            tab.wait_for_url("**/me")

            expect(tab.locator("body")).to_contain_text(AMARA.display_name)
            assert problems == []
