"""Errors of TikTok and of the store while a user signs in."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import TikTokAuthMiddleware
from asgi_tiktok.client import client
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.clock import Clock
from tests.support.faults import FAULTS, FailingStore, Fault, FaultyTransport, responding
from tests.support.login import approve_login, display_name, new_browser, set_cookie_lines, sign_in, start_login
from tests.support.people import AMARA, JUN
from tests.support.settings import ORIGIN, SESSION_COOKIE
from tests.support.tiktok import new_tiktok


@pytest.fixture
def faulty(emulator: Emulator) -> FaultyTransport:
    return FaultyTransport(emulator)


@pytest.fixture
def browser(faulty: FaultyTransport) -> TestClient:
    site = TikTokAuthMiddleware(app, new_tiktok(faulty))
    return new_browser(site)


@pytest.mark.parametrize("endpoint", ["/v2/oauth/token/", "/v2/user/info/"])
@pytest.mark.parametrize(("fault", "status"), FAULTS.values(), ids=FAULTS.keys())
def test_error_of_tiktok_shows_a_page_with_a_link_to_start_again(
    browser: TestClient, emulator: Emulator, faulty: FaultyTransport, endpoint: str, fault: Fault, status: int
) -> None:
    sign_in(browser, emulator, person=JUN)
    back = approve_login(browser, emulator, "next=/me")
    faulty.path, faulty.fault = endpoint, fault
    response = browser.get(back)

    assert response.status_code == status
    assert 'class="button" href="/auth/tiktok/login?next=%2Fme"' in response.text
    assert "Traceback" not in response.text
    assert ("retry-after" in response.headers) is (status == 503)
    assert SESSION_COOKIE not in set_cookie_lines(response)
    assert faulty.calls == 1, "the code was sent twice"
    assert display_name(browser) == "Jun", "the earlier session has ended"

    faulty.fault = None
    assert sign_in(browser, emulator).status_code == 303


def test_retry_after_of_tiktok_is_passed_on(browser: TestClient, emulator: Emulator, faulty: FaultyTransport) -> None:
    back = approve_login(browser, emulator)
    faulty.path, (faulty.fault, _) = "/v2/oauth/token/", FAULTS["429"]

    assert browser.get(back).headers["retry-after"] == "9"


def test_slow_response_ends_at_the_deadline(
    browser: TestClient, emulator: Emulator, faulty: FaultyTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Trickle(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.05)

    monkeypatch.setattr(client, "DEADLINE", 0.3)
    back = approve_login(browser, emulator)
    faulty.path, faulty.fault = "/v2/oauth/token/", lambda request: httpx2.Response(200, stream=Trickle())
    began = time.monotonic()
    response = browser.get(back)

    assert response.status_code == 504
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        ("invalid_grant", 400, "This took too long"),
        ("invalid_client", 500, "Sign-in does not work on this site"),
        ("unauthorized_client", 500, "Sign-in does not work on this site"),
        ("invalid_request", 500, "Sign-in does not work on this site"),
        ("temporarily_unavailable", 503, "TikTok cannot be reached"),
    ],
)
def test_refusal_is_logged_but_its_details_are_not_shown(
    browser: TestClient,
    emulator: Emulator,
    faulty: FaultyTransport,
    caplog: pytest.LogCaptureFixture,
    error: str,
    status: int,
    title: str,
) -> None:
    back = approve_login(browser, emulator)
    body = {"error": error, "error_description": "For the log only.", "log_id": "20261120LOGID"}
    faulty.path, faulty.fault = "/v2/oauth/token/", responding(200, json=body)
    response = browser.get(back)

    assert response.status_code == status
    assert title in response.text
    assert "For the log only" not in response.text
    assert "20261120LOGID" in caplog.text


def test_refused_user_info_signs_nobody_in(browser: TestClient, emulator: Emulator, faulty: FaultyTransport) -> None:
    back = approve_login(browser, emulator)
    body = {"error": {"code": "scope_not_authorized", "message": "No.", "log_id": "1"}}
    faulty.path, faulty.fault = "/v2/user/info/", responding(401, json=body)

    assert browser.get(back).status_code == 502
    assert display_name(browser) == ""


def test_user_info_of_another_user_signs_nobody_in(
    browser: TestClient, emulator: Emulator, faulty: FaultyTransport
) -> None:
    back = approve_login(browser, emulator)
    body = {"data": {"user": {"open_id": "somebody"}}, "error": {"code": "ok"}}
    faulty.path, faulty.fault = "/v2/user/info/", responding(200, json=body)

    assert browser.get(back).status_code == 502
    assert display_name(browser) == ""


class TestStoreFailure:
    @pytest.fixture
    def store(self) -> FailingStore:
        return FailingStore()

    @pytest.fixture
    def browser(self, emulator: Emulator, store: FailingStore) -> TestClient:
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store)
        site = TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
        return new_browser(site)

    def test_login_starts_without_the_store(self, browser: TestClient, store: FailingStore) -> None:
        store.failures = {"get": 1, "set": 1, "add": 1}

        assert start_login(browser)

    def test_callback_can_be_reloaded_when_the_store_is_back(
        self, browser: TestClient, emulator: Emulator, store: FailingStore
    ) -> None:
        back = approve_login(browser, emulator)
        store.failures = {"add": 1}
        response = browser.get(back)

        assert response.status_code == 503
        assert "This site is having a problem right now" in response.text
        assert browser.get(back).status_code == 303

    def test_login_survives_two_failed_writes(
        self, browser: TestClient, emulator: Emulator, store: FailingStore
    ) -> None:
        back = approve_login(browser, emulator)
        store.failures = {"set": 2}

        assert browser.get(back).status_code == 303
        assert display_name(browser) == AMARA.display_name

    def test_nobody_is_signed_in_while_the_store_is_unavailable(
        self, browser: TestClient, emulator: Emulator, store: FailingStore
    ) -> None:
        back = approve_login(browser, emulator)
        store.failures = {"set": 9}
        response = browser.get(back)

        assert response.status_code == 503
        assert SESSION_COOKIE not in set_cookie_lines(response)

    def test_public_page_is_served_to_an_anonymous_visitor_and_protected_page_gets_503(
        self, browser: TestClient, emulator: Emulator, store: FailingStore
    ) -> None:
        sign_in(browser, emulator)
        store.failures = {"get": 2}

        assert display_name(browser) == ""
        guarded = browser.get("/studio")
        assert guarded.status_code == 503
        assert "set-cookie" not in guarded.headers
        assert display_name(browser) == AMARA.display_name

    def test_session_route_returns_503(self, browser: TestClient, emulator: Emulator, store: FailingStore) -> None:
        sign_in(browser, emulator)
        store.failures = {"get": 1}
        response = browser.get("/auth/tiktok/session", headers={"accept": "*/*"})

        assert response.status_code == 503
        assert response.json()["error"] == "store_unavailable"

    def test_sign_out_takes_effect_even_if_the_store_fails_at_first(
        self, browser: TestClient, emulator: Emulator, store: FailingStore
    ) -> None:
        sign_in(browser, emulator)
        cookie = browser.cookies[SESSION_COOKIE]
        store.failures = {"delete": 1}
        response = browser.post("/auth/tiktok/logout", headers={"sec-fetch-site": "same-origin"})

        assert response.status_code == 503
        assert "Max-Age=0" in set_cookie_lines(response)[SESSION_COOKIE]
        thief = TestClient(browser.app, base_url=ORIGIN, cookies={SESSION_COOKIE: cookie})
        assert display_name(thief) == ""
        assert not any(key.startswith("session:") for key in store.memory._records)

    def test_failed_update_of_the_last_seen_time_signs_nobody_out(
        self, browser: TestClient, emulator: Emulator, store: FailingStore, clock: Clock
    ) -> None:
        sign_in(browser, emulator)
        clock.advance(600)
        store.failures = {"replace": 1}

        assert display_name(browser) == AMARA.display_name


def test_json_client_gets_a_json_error(browser: TestClient, emulator: Emulator, faulty: FaultyTransport) -> None:
    back = approve_login(browser, emulator)
    faulty.path, faulty.fault = "/v2/oauth/token/", responding(200, content=json.dumps([]).encode())
    response = browser.get(back, headers={"accept": "application/json"})

    assert response.status_code == 502
    assert response.json()["error"] == "invalid_response"
