"""Sessions that were stolen, have ended or were set by an attacker (K-10 to K-12)."""

from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware, TikTokUser
from asgi_tiktok.emulator import Emulator
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.people import AMARA, JUN
from tests.support.requests import send_request, user_of
from tests.support.settings import SESSION_COOKIE

pytestmark = pytest.mark.anyio


@pytest.fixture
async def cookie(site: ASGIApp, victim: Browser) -> str:
    """A Cookie header with a genuine session, which an attacker may have stolen."""
    await victim.sign_in()
    header = f"{SESSION_COOKIE}={victim.session_cookie}"
    assert await user_of(site, header) == AMARA.display_name
    return header


ENDED: dict[str, Callable[[Browser, TikTok], Awaitable[object]]] = {
    "K-11 after a sign-out": lambda victim, tiktok: victim.sign_out(),
    "K-11 after all sessions of the user have ended": lambda victim, tiktok: tiktok.end_sessions(AMARA.open_id),
    "K-11 after the app was disconnected": lambda victim, tiktok: tiktok.disconnect(AMARA.open_id),
    "K-11 after another login": lambda victim, tiktok: victim.sign_in(JUN),
}


@pytest.mark.parametrize("end", ENDED.values(), ids=ENDED.keys())
async def test_cookie_of_an_ended_session_is_rejected(
    site: ASGIApp,
    tiktok: TikTok,
    store: MemoryStore,
    victim: Browser,
    cookie: str,
    end: Callable[[Browser, TikTok], Awaitable[object]],
) -> None:
    await end(victim, tiktok)
    records = set(store._records)

    assert await user_of(site, cookie) == ""
    assert set(store._records) <= records, "the session was restored"


async def test_k11_session_ends_after_a_week_without_use(site: ASGIApp, cookie: str, clock: Clock) -> None:
    clock.advance(1, days=7)

    assert await user_of(site, cookie) == ""


async def test_k11_session_in_use_ends_after_thirty_days(site: ASGIApp, cookie: str, clock: Clock) -> None:
    for day in range(1, 30):
        clock.offset = day * 86400
        assert await user_of(site, cookie) == AMARA.display_name
    clock.offset = 30 * 86400 + 1

    assert await user_of(site, cookie) == ""


async def test_k10_session_id_set_before_the_login_is_not_adopted(
    site: ASGIApp, tiktok: TikTok, victim: Browser
) -> None:
    attackers_cookie = tiktok._sessions.cookies.signer.sign(b"i" * 43).decode()
    victim.jar.store(victim.home, f"{SESSION_COOKIE}={attackers_cookie}; Secure; Path=/")
    await victim.sign_in()

    assert victim.session_cookie != attackers_cookie
    assert await user_of(site, f"{SESSION_COOKIE}={attackers_cookie}") == ""


async def test_k10_attackers_session_set_before_the_login_is_ended(
    site: ASGIApp, attacker: Browser, victim: Browser
) -> None:
    await attacker.sign_in(JUN)
    attackers_cookie = attacker.session_cookie
    victim.jar.store(victim.home, f"{SESSION_COOKIE}={attackers_cookie}; Secure; Path=/")
    await victim.sign_in(AMARA)

    assert victim.session_cookie != attackers_cookie
    assert await attacker.display_name() == ""
    assert await victim.display_name() == AMARA.display_name


async def test_k10_login_ends_all_sessions_that_the_browser_had(
    site: ASGIApp, emulator: Emulator, attacker: Browser, victim: Browser
) -> None:
    """A browser may have two genuine cookies, because an attacker has set one for a longer path."""
    first = Browser(site, emulator)
    await first.sign_in()
    await attacker.sign_in(JUN)
    callback = await victim.approve_login()
    sessions = "; ".join(f"{SESSION_COOKIE}={browser.session_cookie}" for browser in (first, attacker))
    await victim.request(callback, headers=[("cookie", sessions)])

    assert await victim.display_name() == AMARA.display_name
    assert await first.display_name() == await attacker.display_name() == ""


async def test_k12_cookies_contain_nothing_about_the_user(victim: Browser) -> None:
    await victim.sign_in()
    await victim.start_login("next=/secret-place")
    assert len([*victim.jar]) == 2
    for cookie in victim.jar:
        raw = urlsafe_b64decode(cookie.value.split(".")[0] + "==") + cookie.value.encode()
        for secret in (AMARA.open_id, AMARA.display_name, "secret-place", "user.info"):
            assert secret.encode() not in raw


async def test_k11_session_that_ends_while_it_is_touched_stays_ended(
    site: ASGIApp, store: MemoryStore, cookie: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker ends the session after our read and before our write of the last-seen time."""
    touch = store.touch

    async def delete_and_touch(key: str, *args: Any, **kwargs: Any) -> bool:
        await store.delete(key)
        return await touch(key, *args, **kwargs)

    monkeypatch.setattr(store, "touch", delete_and_touch)
    clock.advance(hours=1)
    await user_of(site, cookie)

    assert not any(key.startswith("session:") for key in store._records)
    assert await user_of(site, cookie) == ""


async def test_k10_five_hundred_concurrent_users_are_never_mixed(tiktok: TikTok) -> None:
    async def slow_app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(hash(scope["user"].open_id) % 5):
            await anyio.sleep(0)
        body = f"{scope['user'].open_id} {scope['tiktok'].user.open_id}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    site = TikTokAuthMiddleware(slow_app, tiktok)
    bodies: dict[str, str] = {}

    async def visit(open_id: str) -> None:
        _, (_, line) = await tiktok._sessions.create(TikTokUser(open_id=open_id), (), {})
        response = await send_request(site, "GET", "/", headers=[("cookie", line.split(b";")[0])])
        bodies[open_id] = response.text

    async with anyio.create_task_group() as group:
        for number in range(500):
            group.start_soon(visit, f"person-{number}")

    assert bodies == {open_id: f"{open_id} {open_id}" for open_id in bodies}
    assert len(bodies) == 500
