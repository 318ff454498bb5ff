"""The hooks `on_login` and `on_logout`, and the limit of sessions for one user."""

import functools
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from asgi_tiktok import ConfigurationError, LoginDenied, MemoryStore, TikTok, TikTokAuthMiddleware, TikTokUser
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.login import approve_login, display_name, new_browser, set_cookie_lines, sign_in
from tests.support.people import AMARA, JUN
from tests.support.settings import SAME_ORIGIN, SESSION_COOKIE
from tests.support.tiktok import new_tiktok


def test_dicts_of_on_login_are_stored_with_the_session(
    browser: TestClient, tiktok: TikTok, emulator: Emulator
) -> None:
    calls: list[tuple[str, str]] = []

    @tiktok.on_login
    async def find_or_create(user: TikTokUser, request: Request) -> dict[str, Any]:
        calls.append((user.open_id, request.url.path))
        return {"user_id": 42, "role": "member"}

    @tiktok.on_login
    async def promote(user: TikTokUser, request: Request) -> dict[str, Any]:
        return {"role": "admin"}

    @tiktok.on_login
    async def count(user: TikTokUser, request: Request) -> None:
        calls.append((user.open_id, "counted"))

    sign_in(browser, emulator)

    assert browser.get("/links").json()["data"] == {"user_id": 42, "role": "admin"}
    assert calls == [(AMARA.open_id, "/auth/tiktok/callback"), (AMARA.open_id, "counted")]


def test_login_denied_shows_its_reason_and_stores_nothing(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, store: MemoryStore
) -> None:
    @tiktok.on_login
    async def only_members(user: TikTokUser, request: Request) -> None:
        raise LoginDenied("Only members of <the club> can sign in.")

    response = browser.get(approve_login(browser, emulator))

    assert response.status_code == 403
    assert "Only members of &lt;the club&gt; can sign in." in response.text
    assert SESSION_COOKIE not in set_cookie_lines(response)
    assert not any(key.startswith(("session:", "token:")) for key in store._records)


@pytest.mark.parametrize("result", [RuntimeError("the database is down"), {"when": object()}, [1, 2], "text"])
def test_failing_on_login_shows_an_error_page_and_creates_no_session(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, caplog: pytest.LogCaptureFixture, result: Any
) -> None:
    @tiktok.on_login
    async def broken(user: TikTokUser, request: Request) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    response = browser.get(approve_login(browser, emulator))

    assert response.status_code == 500
    assert "Sign-in does not work on this site" in response.text
    assert "database" not in response.text
    assert SESSION_COOKIE not in set_cookie_lines(response)
    assert display_name(browser) == ""
    assert "Traceback" in caplog.text
    assert "broken" in caplog.text


def test_previous_session_survives_a_failing_on_login(
    browser: TestClient, tiktok: TikTok, emulator: Emulator
) -> None:
    sign_in(browser, emulator, person=JUN)

    @tiktok.on_login
    async def broken(user: TikTokUser, request: Request) -> None:
        raise RuntimeError

    assert browser.get(approve_login(browser, emulator)).status_code == 500
    assert display_name(browser) == JUN.display_name


def test_on_logout_is_called_with_the_user_who_signed_out(
    browser: TestClient, tiktok: TikTok, emulator: Emulator
) -> None:
    signed_out: list[str] = []

    @tiktok.on_logout
    async def broken(user: TikTokUser, request: Request) -> None:
        raise RuntimeError("the hook failed")

    @tiktok.on_logout
    async def record(user: TikTokUser, request: Request) -> None:
        signed_out.append(user.open_id)

    browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN)
    sign_in(browser, emulator)
    assert browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN).status_code == 303
    browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN)

    assert signed_out == [AMARA.open_id]
    assert display_name(browser) == ""


def test_hook_that_is_not_async_is_refused(tiktok: TikTok) -> None:
    def hook(user: TikTokUser, request: Request) -> None: ...

    with pytest.raises(ConfigurationError, match="on_login needs an async function"):
        tiktok.on_login(hook)  # type: ignore[type-var]
    with pytest.raises(ConfigurationError, match="on_logout needs an async function"):
        tiktok.on_logout(hook)  # type: ignore[type-var]


def test_sessions_beyond_max_sessions_end(emulator: Emulator, store: MemoryStore) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store, max_sessions=3)
    site = TikTokAuthMiddleware(app, tiktok)
    browsers = [new_browser(site) for _ in range(5)]
    for browser in browsers:
        sign_in(browser, emulator)
    other = new_browser(site)
    sign_in(other, emulator, person=JUN)

    assert [display_name(browser) != "" for browser in browsers] == [False, False, True, True, True]
    assert display_name(other) == JUN.display_name


def test_newest_session_is_never_evicted(emulator: Emulator, store: MemoryStore) -> None:
    """With a shorter timeout, the newest session is the one that would end first."""
    changes: list[dict[str, Any]] = [{}, {"idle_timeout": 3600}]
    for settings in changes:
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store, max_sessions=2, **settings)
        browsers = [new_browser(TikTokAuthMiddleware(app, tiktok)) for _ in range(2)]
        for browser in browsers:
            sign_in(browser, emulator)
        assert display_name(browsers[-1]) != ""


def test_hook_can_be_any_async_callable(browser: TestClient, tiktok: TikTok, emulator: Emulator) -> None:
    async def fail(reason: str, user: TikTokUser, request: Request) -> None:
        raise RuntimeError(reason)

    tiktok.on_login(functools.partial(fail, "reason"))
    assert browser.get(approve_login(browser, emulator)).status_code == 500


def test_max_sessions_must_be_at_least_one() -> None:
    with pytest.raises(ConfigurationError, match="max_sessions=0 is too small"):
        new_tiktok(max_sessions=0)
