"""TikTok down, slow or out of its mind while somebody signs in."""

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
def test_a_fault_at_tiktok_is_a_page_with_a_way_on(
    browser: TestClient, emulator: Emulator, faulty: FaultyTransport, endpoint: str, fault: Fault, status: int
) -> None:
    sign_in(browser, emulator, person=JUN)
    back = approve_login(browser, emulator, "next=/me")
    faulty.path, faulty.fault = endpoint, fault
    answer = browser.get(back)

    assert answer.status_code == status
    assert 'class="button" href="/auth/tiktok/login?next=%2Fme"' in answer.text
    assert "Traceback" not in answer.text
    assert ("retry-after" in answer.headers) is (status == 503)
    assert SESSION_COOKIE not in set_cookie_lines(answer)
    assert faulty.calls == 1, "a code must not be sent twice"
    assert display_name(browser) == "Jun", "the earlier login is gone"

    faulty.fault = None
    assert sign_in(browser, emulator).status_code == 303


def test_being_asked_to_wait_is_passed_on(browser: TestClient, emulator: Emulator, faulty: FaultyTransport) -> None:
    back = approve_login(browser, emulator)
    faulty.path, (faulty.fault, _) = "/v2/oauth/token/", FAULTS["429"]

    assert browser.get(back).headers["retry-after"] == "9"


def test_a_trickle_ends_at_the_deadline(
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
    answer = browser.get(back)

    assert answer.status_code == 504
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
def test_a_refusal_is_told_to_the_right_people(
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
    answer = browser.get(back)

    assert answer.status_code == status
    assert title in answer.text
    assert "For the log only" not in answer.text
    assert "20261120LOGID" in caplog.text


def test_a_user_info_refusal_is_no_half_login(
    browser: TestClient, emulator: Emulator, faulty: FaultyTransport
) -> None:
    back = approve_login(browser, emulator)
    body = {"error": {"code": "scope_not_authorized", "message": "No.", "log_id": "1"}}
    faulty.path, faulty.fault = "/v2/user/info/", responding(401, json=body)

    assert browser.get(back).status_code == 502
    assert display_name(browser) == ""


def test_somebody_elses_user_info_is_no_login(
    browser: TestClient, emulator: Emulator, faulty: FaultyTransport
) -> None:
    back = approve_login(browser, emulator)
    body = {"data": {"user": {"open_id": "somebody"}}, "error": {"code": "ok"}}
    faulty.path, faulty.fault = "/v2/user/info/", responding(200, json=body)

    assert browser.get(back).status_code == 502
    assert display_name(browser) == ""


class TestWithoutAStore:
    @pytest.fixture
    def store(self) -> FailingStore:
        return FailingStore()

    @pytest.fixture
    def browser(self, emulator: Emulator, store: FailingStore) -> TestClient:
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store)
        site = TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
        return new_browser(site)

    def test_a_login_begins_all_the_same(self, browser: TestClient, store: FailingStore) -> None:
        store.failures = {"get": 1, "set": 1, "add": 1}

        assert start_login(browser)

    def test_a_callback_can_be_reloaded_when_the_store_is_back(
        self, browser: TestClient, emulator: Emulator, store: FailingStore
    ) -> None:
        back = approve_login(browser, emulator)
        store.failures = {"add": 1}
        answer = browser.get(back)

        assert answer.status_code == 503
        assert "This site is having a problem right now" in answer.text
        assert browser.get(back).status_code == 303

    def test_a_store_that_stumbles_loses_no_login(
        self, browser: TestClient, emulator: Emulator, store: FailingStore
    ) -> None:
        back = approve_login(browser, emulator)
        store.failures = {"set": 2}

        assert browser.get(back).status_code == 303
        assert display_name(browser) == AMARA.display_name

    def test_a_store_that_stays_away_signs_nobody_in(
        self, browser: TestClient, emulator: Emulator, store: FailingStore
    ) -> None:
        back = approve_login(browser, emulator)
        store.failures = {"set": 9}
        answer = browser.get(back)

        assert answer.status_code == 503
        assert SESSION_COOKIE not in set_cookie_lines(answer)

    def test_pages_go_on_without_the_user_and_guarded_ones_say_so(
        self, browser: TestClient, emulator: Emulator, store: FailingStore
    ) -> None:
        sign_in(browser, emulator)
        store.failures = {"get": 2}

        assert display_name(browser) == ""
        guarded = browser.get("/studio")
        assert guarded.status_code == 503
        assert "set-cookie" not in guarded.headers
        assert display_name(browser) == AMARA.display_name

    def test_the_session_route_says_so(self, browser: TestClient, emulator: Emulator, store: FailingStore) -> None:
        sign_in(browser, emulator)
        store.failures = {"get": 1}
        answer = browser.get("/auth/tiktok/session", headers={"accept": "*/*"})

        assert answer.status_code == 503
        assert answer.json()["error"] == "store_unavailable"

    def test_a_sign_out_holds_even_before_the_store_knows(
        self, browser: TestClient, emulator: Emulator, store: FailingStore
    ) -> None:
        sign_in(browser, emulator)
        cookie = browser.cookies[SESSION_COOKIE]
        store.failures = {"delete": 1}
        answer = browser.post("/auth/tiktok/logout", headers={"sec-fetch-site": "same-origin"})

        assert answer.status_code == 503
        assert "Max-Age=0" in set_cookie_lines(answer)[SESSION_COOKIE]
        thief = TestClient(browser.app, base_url=ORIGIN, cookies={SESSION_COOKIE: cookie})
        assert display_name(thief) == ""
        assert not any(key.startswith("session:") for key in store.memory._records)

    def test_a_touch_that_fails_signs_nobody_out(
        self, browser: TestClient, emulator: Emulator, store: FailingStore, clock: Clock
    ) -> None:
        sign_in(browser, emulator)
        clock.advance(600)
        store.failures = {"replace": 1}

        assert display_name(browser) == AMARA.display_name


def test_json_callers_get_json(browser: TestClient, emulator: Emulator, faulty: FaultyTransport) -> None:
    back = approve_login(browser, emulator)
    faulty.path, faulty.fault = "/v2/oauth/token/", responding(200, content=json.dumps([]).encode())
    answer = browser.get(back, headers={"accept": "application/json"})

    assert answer.status_code == 502
    assert answer.json()["error"] == "invalid_response"
