"""Logins of native apps: `TikTok(native_redirect_uris=...)`."""

import logging
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from asgi_tiktok import Grant, LoginDenied, MemoryStore, TikTok, TikTokAuthMiddleware, TikTokError, TikTokUser
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.routes import native as native_route
from tests.support.app import app
from tests.support.login import new_browser, set_cookie_lines, sign_in
from tests.support.native import (
    NATIVE,
    NATIVE_URI,
    OTHER_NATIVE_URI,
    as_json,
    get_code,
    native_emulator,
    native_tiktok,
)
from tests.support.people import AMARA, JUN
from tests.support.settings import LOGOUT, SESSION_COOKIE
from tests.support.tiktok import count_requests


@pytest.fixture
def emulator() -> Emulator:
    return native_emulator()


@pytest.fixture
def tiktok(emulator: Emulator, store: MemoryStore) -> TikTok:
    return native_tiktok(emulator, store=store)


@pytest.fixture
def phone(browser: TestClient) -> TestClient:
    """A native app. Unlike a browser, it sends neither Origin nor Sec-Fetch-*."""
    return browser


def sign_in_for_bearer(phone: TestClient, emulator: Emulator, **asked: Any) -> dict[str, str]:
    """Sign in without cookies. Returns the header that shows the session."""
    response = phone.post(NATIVE, json={**get_code(emulator, **asked), "session": "bearer"})
    assert response.status_code == 200, response.text
    assert set_cookie_lines(response) == {}
    return {"authorization": f"Bearer {response.json()['bearer_token']}"}


def test_app_with_cookies_is_signed_in(phone: TestClient, emulator: Emulator, store: MemoryStore) -> None:
    response = phone.post(NATIVE, json=get_code(emulator, JUN))

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert list(set_cookie_lines(response)) == [SESSION_COOKIE]
    assert response.json().keys() == {"user", "scopes"}
    assert response.json()["user"]["display_name"] == JUN.display_name
    assert phone.get("/me").json()["id"] == JUN.open_id
    assert phone.get("/token").json() == {"scopes": ["user.info.basic"]}


def test_app_without_cookies_is_signed_in_until_it_signs_out(
    phone: TestClient, emulator: Emulator, store: MemoryStore
) -> None:
    bearer = sign_in_for_bearer(phone, emulator)

    assert phone.get("/me", headers=bearer).json()["id"] == AMARA.open_id
    assert phone.get("/studio", headers=bearer).status_code == 200
    assert phone.get("/auth/tiktok/session", headers=bearer).json()["scopes"] == ["user.info.basic"]
    assert phone.get("/studio").status_code == 401
    assert phone.get("/me", headers=bearer).headers.get_list("vary") == ["Authorization", "Cookie"]
    with phone.websocket_connect("/studio/socket", headers=bearer) as websocket:
        assert websocket.receive_json()["name"] == AMARA.display_name

    assert phone.post(LOGOUT, headers=bearer).status_code == 303
    assert phone.get("/studio", headers=bearer).status_code == 401
    assert not any(name.startswith("session:") for name in store._records)


def test_next_login_ends_the_session_before(phone: TestClient, emulator: Emulator) -> None:
    bearer = sign_in_for_bearer(phone, emulator)
    response = phone.post(NATIVE, json=get_code(emulator, JUN), headers=bearer)

    assert response.status_code == 200
    assert phone.get("/studio").json() == {"studio": JUN.display_name}
    phone.cookies.clear()
    assert phone.get("/studio", headers=bearer).status_code == 401


def test_hook_gets_the_grant_and_adds_data(phone: TestClient, tiktok: TikTok, emulator: Emulator) -> None:
    grants: list[Grant] = []

    @tiktok.on_login
    async def remember(user: TikTokUser, request: Request, grant: Grant) -> Mapping[str, Any]:
        grants.append(grant)
        return {"user_id": 7}

    bearer = sign_in_for_bearer(phone, emulator, scopes=("user.info.basic", "video.list"))

    assert phone.get("/links", headers=bearer).json()["data"] == {"user_id": 7}
    assert phone.get("/videos", headers=bearer).status_code == 200
    assert set(grants[0].scopes) == {"user.info.basic", "video.list"}
    assert (grants[0].missing_scopes, grants[0].params, grants[0].next) == ((), {}, "/")


def test_user_whom_the_hook_denies_is_not_signed_in(
    phone: TestClient, tiktok: TikTok, emulator: Emulator, store: MemoryStore
) -> None:
    failed: list[TikTokError] = []

    @tiktok.on_login
    async def deny(user: TikTokUser, request: Request) -> None:
        raise LoginDenied("Members only.")

    @tiktok.on_failed_login
    async def count(error: TikTokError, request: Request) -> None:
        failed.append(error)

    response = phone.post(NATIVE, json=get_code(emulator))

    assert (response.status_code, response.json()["error"]) == (403, "login_denied")
    assert [error.code for error in failed] == ["login_denied"]
    assert not any(name.startswith(("session:", "token:")) for name in store._records)


CODE = {"code": "c", "code_verifier": "v" * 43, "redirect_uri": NATIVE_URI}
BAD_BODIES: dict[str, tuple[int, bytes, str]] = {
    "no JSON": (400, b"code=c", "The body is not a JSON object."),
    "a list": (400, b"[]", "The body is not a JSON object."),
    "nested too deeply": (400, b"[" * 8000, "The body is not a JSON object."),
    "too large": (413, as_json({**CODE, "code": "c" * 9000}), "The body has more than 8192 bytes."),
    "a field twice": (400, b'{"code": "c", ' + as_json(CODE)[1:], "The body has a field twice."),
    "an unknown field": (400, as_json({**CODE, "codeVerifier": "v"}), "The body has an unknown field."),
    "no verifier": (400, as_json({"code": "c", "redirect_uri": NATIVE_URI}), "code_verifier is missing."),
    "a number": (400, as_json({**CODE, "code": 7}), "code must be the code that TikTok's SDK returned, not a URL."),
    "a URL": (400, as_json({**CODE, "code": f"{NATIVE_URI}?code=c"}), "code must be the code that"),
    "a long code": (400, as_json({**CODE, "code": "c" * 4097}), "code must be the code that"),
    "a short verifier": (400, as_json({**CODE, "code_verifier": "v" * 31}), "code_verifier must be"),
    "an address that is not listed": (
        400,
        as_json({**CODE, "redirect_uri": OTHER_NATIVE_URI}),
        "redirect_uri is not in TikTok(native_redirect_uris=...).",
    ),
    "an unknown kind of session": (400, as_json({**CODE, "session": "jwt"}), 'session must be "cookie" or "bearer".'),
}


@pytest.mark.parametrize(("status", "body", "description"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_bad_request_changes_nothing(
    phone: TestClient, emulator: Emulator, store: MemoryStore, status: int, body: bytes, description: str
) -> None:
    response = phone.post(NATIVE, content=body, headers={"content-type": "application/json"})

    assert response.status_code == status
    assert response.json()["description"].startswith(description)
    assert set_cookie_lines(response) == {}
    assert store._records == {}
    assert count_requests(emulator) == 0


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_only_json_is_accepted(phone: TestClient, emulator: Emulator, content_type: str) -> None:
    login = as_json(get_code(emulator))
    response = phone.post(NATIVE, content=login, headers={"content-type": content_type})

    assert (response.status_code, response.json()["error"]) == (415, "native_request")
    assert count_requests(emulator) == 0
    accepted = {"content-type": "Application/JSON; charset=utf-8"}
    assert phone.post(NATIVE, content=login, headers=accepted).status_code == 200


def test_get_has_no_page(phone: TestClient) -> None:
    response = phone.get(NATIVE)

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_attempts_are_limited_and_logged(
    phone: TestClient, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "asgi_tiktok")
    monkeypatch.setattr(native_route, "MAX_ATTEMPTS", 1)
    assert phone.post(NATIVE, json=get_code(emulator)).status_code == 200
    refused = phone.post(NATIVE, json=get_code(emulator))

    assert (refused.status_code, refused.json()["error"]) == (429, "too_many_attempts")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert count_requests(emulator) == 1
    events = [vars(record) for record in caplog.records if hasattr(record, "tiktok_flow")]
    assert [(each["tiktok_event"], each["tiktok_flow"]) for each in events] == [
        ("login.done", "native"),
        ("login.failed", "native"),
    ]


def test_code_that_did_not_reach_tiktok_can_be_sent_again(store: MemoryStore, emulator: Emulator) -> None:
    reachable = httpx2.ASGITransport(emulator)
    failures = [httpx2.ConnectError("refused")]

    async def answer(request: httpx2.Request) -> httpx2.Response:
        if failures:
            raise failures.pop()
        return await reachable.handle_async_request(request)

    tiktok = native_tiktok(emulator, store=store, transport=httpx2.MockTransport(answer))
    phone = new_browser(TikTokAuthMiddleware(app, tiktok))
    login = get_code(emulator)

    assert phone.post(NATIVE, json=login).status_code == 503
    assert phone.post(NATIVE, json=login).status_code == 200


def test_browsers_sign_in_as_before(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator)

    assert browser.get("/studio").json() == {"studio": AMARA.display_name}


def test_without_the_setting_there_is_no_route(emulator: Emulator) -> None:
    site = TikTokAuthMiddleware(app, native_tiktok(emulator, native_redirect_uris=()))

    assert new_browser(site).post(NATIVE, json=CODE).json() == {"path": NATIVE, "method": "POST"}
