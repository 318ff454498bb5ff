"""TikTok down, slow or out of its mind while somebody signs in."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import TikTokAuthMiddleware, client
from asgi_tiktok.emulator import CAST, Emulator
from tests.support.app import app
from tests.support.faults import FAULTS, Failing, Fault, Faulty, answering
from tests.support.login import begin, come_back, cookies_set, name, sign_in
from tests.support.settings import ORIGIN, SESSION_COOKIE
from tests.support.tiktok import new_tiktok


@pytest.fixture
def faulty(emulator: Emulator) -> Faulty:
    return Faulty(emulator)


@pytest.fixture
def browser(faulty: Faulty) -> TestClient:
    site = TikTokAuthMiddleware(app, new_tiktok(faulty))
    return TestClient(site, base_url=ORIGIN, follow_redirects=False)


@pytest.mark.parametrize("endpoint", ["/v2/oauth/token/", "/v2/user/info/"])
@pytest.mark.parametrize(("fault", "status"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_at_tiktok_is_a_page_with_a_way_on(
    browser: TestClient, emulator: Emulator, faulty: Faulty, endpoint: str, fault: Fault, status: int
) -> None:
    sign_in(browser, emulator, person=CAST[1])
    back = come_back(browser, emulator, "next=/me")
    faulty.path, faulty.fault = endpoint, fault
    answer = browser.get(back)

    assert answer.status_code == status
    assert 'class="button" href="/auth/tiktok/login?next=%2Fme"' in answer.text
    assert "Traceback" not in answer.text
    assert ("retry-after" in answer.headers) is (status == 503)
    assert SESSION_COOKIE not in cookies_set(answer)
    assert faulty.calls == 1, "a code must not be sent twice"
    assert name(browser) == "Jun", "the earlier login is gone"

    faulty.fault = None
    assert sign_in(browser, emulator).status_code == 303


def test_being_asked_to_wait_is_passed_on(browser: TestClient, emulator: Emulator, faulty: Faulty) -> None:
    back = come_back(browser, emulator)
    faulty.path, (faulty.fault, _) = "/v2/oauth/token/", FAULTS["429"]

    assert browser.get(back).headers["retry-after"] == "9"


def test_a_trickle_ends_at_the_deadline(
    browser: TestClient, emulator: Emulator, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Trickle(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.05)

    monkeypatch.setattr(client, "DEADLINE", 0.3)
    back = come_back(browser, emulator)
    faulty.path, faulty.fault = "/v2/oauth/token/", lambda request: httpx2.Response(200, stream=Trickle())
    began = time.monotonic()
    answer = browser.get(back)

    assert answer.status_code == 504
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        ("invalid_grant", 400, "That took a little long"),
        ("invalid_client", 500, "The sign-in is out of order"),
        ("unauthorized_client", 500, "The sign-in is out of order"),
        ("invalid_request", 500, "The sign-in is out of order"),
        ("temporarily_unavailable", 503, "TikTok is busy"),
    ],
)
def test_a_refusal_is_told_to_the_right_people(
    browser: TestClient,
    emulator: Emulator,
    faulty: Faulty,
    caplog: pytest.LogCaptureFixture,
    error: str,
    status: int,
    title: str,
) -> None:
    back = come_back(browser, emulator)
    body = {"error": error, "error_description": "For the log only.", "log_id": "20261120LOGID"}
    faulty.path, faulty.fault = "/v2/oauth/token/", answering(200, json=body)
    answer = browser.get(back)

    assert answer.status_code == status
    assert title in answer.text
    assert "For the log only" not in answer.text
    assert "20261120LOGID" in caplog.text


def test_a_user_info_refusal_is_no_half_login(browser: TestClient, emulator: Emulator, faulty: Faulty) -> None:
    back = come_back(browser, emulator)
    body = {"error": {"code": "scope_not_authorized", "message": "No.", "log_id": "1"}}
    faulty.path, faulty.fault = "/v2/user/info/", answering(401, json=body)

    assert browser.get(back).status_code == 502
    assert name(browser) == ""


def test_somebody_elses_user_info_is_no_login(browser: TestClient, emulator: Emulator, faulty: Faulty) -> None:
    back = come_back(browser, emulator)
    body = {"data": {"user": {"open_id": "somebody"}}, "error": {"code": "ok"}}
    faulty.path, faulty.fault = "/v2/user/info/", answering(200, json=body)

    assert browser.get(back).status_code == 502
    assert name(browser) == ""


class TestWithoutAStore:
    @pytest.fixture
    def store(self) -> Failing:
        return Failing()

    @pytest.fixture
    def browser(self, emulator: Emulator, store: Failing) -> TestClient:
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store)
        site = TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
        return TestClient(site, base_url=ORIGIN, follow_redirects=False)

    def test_a_login_begins_all_the_same(self, browser: TestClient, store: Failing) -> None:
        store.failing = {"get": 1, "set": 1, "add": 1}

        assert begin(browser)

    def test_a_callback_can_be_reloaded_when_the_store_is_back(
        self, browser: TestClient, emulator: Emulator, store: Failing
    ) -> None:
        back = come_back(browser, emulator)
        store.failing = {"add": 1}
        answer = browser.get(back)

        assert answer.status_code == 503
        assert "That did not work just now" in answer.text
        assert browser.get(back).status_code == 303

    def test_a_store_that_stumbles_loses_no_login(
        self, browser: TestClient, emulator: Emulator, store: Failing
    ) -> None:
        back = come_back(browser, emulator)
        store.failing = {"set": 2}

        assert browser.get(back).status_code == 303
        assert name(browser) == CAST[0].display_name

    def test_a_store_that_stays_away_signs_nobody_in(
        self, browser: TestClient, emulator: Emulator, store: Failing
    ) -> None:
        back = come_back(browser, emulator)
        store.failing = {"set": 9}
        answer = browser.get(back)

        assert answer.status_code == 503
        assert SESSION_COOKIE not in cookies_set(answer)

    def test_pages_go_on_without_the_user_and_guarded_ones_say_so(
        self, browser: TestClient, emulator: Emulator, store: Failing
    ) -> None:
        sign_in(browser, emulator)
        store.failing = {"get": 2}

        assert name(browser) == ""
        guarded = browser.get("/studio")
        assert guarded.status_code == 503
        assert "set-cookie" not in guarded.headers
        assert name(browser) == CAST[0].display_name

    def test_the_session_route_says_so(self, browser: TestClient, emulator: Emulator, store: Failing) -> None:
        sign_in(browser, emulator)
        store.failing = {"get": 1}
        answer = browser.get("/auth/tiktok/session", headers={"accept": "*/*"})

        assert answer.status_code == 503
        assert answer.json()["error"] == "store_unavailable"

    def test_a_sign_out_holds_even_before_the_store_knows(
        self, browser: TestClient, emulator: Emulator, store: Failing
    ) -> None:
        sign_in(browser, emulator)
        cookie = browser.cookies[SESSION_COOKIE]
        store.failing = {"delete": 1}
        answer = browser.post("/auth/tiktok/logout", headers={"sec-fetch-site": "same-origin"})

        assert answer.status_code == 503
        assert "Max-Age=0" in cookies_set(answer)[SESSION_COOKIE]
        thief = TestClient(browser.app, base_url=ORIGIN, cookies={SESSION_COOKIE: cookie})
        assert name(thief) == ""
        assert not any(key.startswith("session:") for key in store.memory.records)

    def test_a_touch_that_fails_signs_nobody_out(
        self, browser: TestClient, emulator: Emulator, store: Failing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sign_in(browser, emulator)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 600)
        store.failing = {"replace": 1}

        assert name(browser) == CAST[0].display_name


def test_json_callers_get_json(browser: TestClient, emulator: Emulator, faulty: Faulty) -> None:
    back = come_back(browser, emulator)
    faulty.path, faulty.fault = "/v2/oauth/token/", answering(200, content=json.dumps([]).encode())
    answer = browser.get(back, headers={"accept": "application/json"})

    assert answer.status_code == 502
    assert answer.json()["error"] == "invalid_response"
