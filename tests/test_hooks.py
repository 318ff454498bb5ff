"""What the app does when people come and go."""

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


def test_what_on_login_returns_is_kept_with_the_session(
    browser: TestClient, tiktok: TikTok, emulator: Emulator
) -> None:
    seen: list[tuple[str, str]] = []

    @tiktok.on_login
    async def find_or_create(user: TikTokUser, request: Request) -> dict[str, Any]:
        seen.append((user.open_id, request.url.path))
        return {"user_id": 42, "role": "member"}

    @tiktok.on_login
    async def promote(user: TikTokUser, request: Request) -> dict[str, Any]:
        return {"role": "admin"}

    @tiktok.on_login
    async def count(user: TikTokUser, request: Request) -> None:
        seen.append((user.open_id, "counted"))

    sign_in(browser, emulator)

    assert browser.get("/links").json()["data"] == {"user_id": 42, "role": "admin"}
    assert seen == [(AMARA.open_id, "/auth/tiktok/callback"), (AMARA.open_id, "counted")]


def test_on_login_may_turn_a_person_away_with_a_reason(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, store: MemoryStore
) -> None:
    @tiktok.on_login
    async def only_friends(user: TikTokUser, request: Request) -> None:
        raise LoginDenied("Only friends of <the house> may come in.")

    answer = browser.get(approve_login(browser, emulator))

    assert answer.status_code == 403
    assert "Only friends of &lt;the house&gt; may come in." in answer.text
    assert SESSION_COOKIE not in set_cookie_lines(answer)
    assert not any(key.startswith(("session:", "token:")) for key in store.records)


@pytest.mark.parametrize("result", [RuntimeError("the database is away"), {"when": object()}, [1, 2], "text"])
def test_an_on_login_that_fails_ends_the_login_on_a_page_of_ours(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, caplog: pytest.LogCaptureFixture, result: Any
) -> None:
    @tiktok.on_login
    async def broken(user: TikTokUser, request: Request) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    answer = browser.get(approve_login(browser, emulator))

    assert answer.status_code == 500
    assert "Sign-in does not work on this site" in answer.text
    assert "database" not in answer.text
    assert SESSION_COOKIE not in set_cookie_lines(answer)
    assert display_name(browser) == ""
    assert "Traceback" in caplog.text
    assert "broken" in caplog.text


def test_an_earlier_session_survives_a_failing_hook(browser: TestClient, tiktok: TikTok, emulator: Emulator) -> None:
    sign_in(browser, emulator, person=JUN)

    @tiktok.on_login
    async def broken(user: TikTokUser, request: Request) -> None:
        raise RuntimeError

    browser.get(approve_login(browser, emulator))
    assert display_name(browser) == "Jun"


def test_on_logout_hears_who_left(browser: TestClient, tiktok: TikTok, emulator: Emulator) -> None:
    left: list[str] = []

    @tiktok.on_logout
    async def broken(user: TikTokUser, request: Request) -> None:
        raise RuntimeError("not so important")

    @tiktok.on_logout
    async def wave(user: TikTokUser, request: Request) -> None:
        left.append(user.open_id)

    browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN)
    sign_in(browser, emulator)
    assert browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN).status_code == 303
    browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN)

    assert left == [AMARA.open_id]
    assert display_name(browser) == ""


def test_hooks_are_async(tiktok: TikTok) -> None:
    def hook(user: TikTokUser, request: Request) -> None: ...

    with pytest.raises(ConfigurationError, match="on_login needs an async function"):
        tiktok.on_login(hook)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="on_logout needs an async function"):
        tiktok.on_logout(hook)  # type: ignore[arg-type]


def test_a_user_has_so_many_sessions_and_no_more(emulator: Emulator, store: MemoryStore) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store, max_sessions=3)
    site = TikTokAuthMiddleware(app, tiktok)
    browsers = [new_browser(site) for _ in range(5)]
    for browser in browsers:
        sign_in(browser, emulator)
    other = new_browser(site)
    sign_in(other, emulator, person=JUN)

    assert [display_name(browser) != "" for browser in browsers] == [False, False, True, True, True]
    assert display_name(other) == "Jun"


def test_a_shorter_timeout_turns_nobody_away(emulator: Emulator, store: MemoryStore) -> None:
    """A session that ends before all older ones is still the newest."""
    changes: list[dict[str, Any]] = [{}, {"idle_timeout": 3600}]
    for settings in changes:
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store, max_sessions=2, **settings)
        browsers = [new_browser(TikTokAuthMiddleware(app, tiktok)) for _ in range(2)]
        for browser in browsers:
            sign_in(browser, emulator)
        assert display_name(browsers[-1]) != ""


def test_a_hook_may_be_any_async_callable(browser: TestClient, tiktok: TikTok, emulator: Emulator) -> None:
    async def fail(word: str, user: TikTokUser, request: Request) -> None:
        raise RuntimeError(word)

    tiktok.on_login(functools.partial(fail, "no"))
    assert browser.get(approve_login(browser, emulator)).status_code == 500


def test_nobody_allowed_is_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="max_sessions"):
        new_tiktok(max_sessions=0)
