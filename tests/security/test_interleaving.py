"""Two actions at the same time, in both orders: one runs at each step of the other."""

import random
import time
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import httpx2
import pytest

from asgi_tiktok import MemoryStore, Store, StoreError, TikTokAuthMiddleware, TikTokError
from asgi_tiktok.accounts import refresh as refreshes
from asgi_tiktok.emulator import Emulator, Person
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.interleaving import Action, Scene, SteppedStore, interleave, step_hook
from tests.support.people import AMARA, JUN, QUILL
from tests.support.requests import RawResponse
from tests.support.tiktok import new_tiktok

pytestmark = pytest.mark.anyio

PEOPLE = (AMARA, JUN, QUILL)
FAST_STORES = pytest.mark.parametrize("each_store", ["memory", "sqlite"], indirect=True)
ALL_STORES = pytest.mark.parametrize("each_store", ["memory", "sqlite", "redis", "postgresql"], indirect=True)
BOTH_ORDERS = pytest.mark.parametrize("swapped", [False, True], ids=["", "swapped"])


def in_order(first: Action, second: Action, swapped: bool) -> tuple[Action, Action]:
    return (second, first) if swapped else (first, second)


def refresh(scene: Scene) -> Coroutine[Any, Any, Any]:
    return scene.tiktok.token(AMARA.open_id)


def sign_out(scene: Scene) -> Coroutine[Any, Any, RawResponse]:
    return scene.second_tab.sign_out()


def signed_in(store: Store, *, expired: bool = True) -> Callable[[], Coroutine[Any, Any, Scene]]:
    """Return a function that makes a scene in which Amara is signed in. Her access token has expired, or is valid."""

    async def prepare() -> Scene:
        scene = Scene(store)
        await scene.sign_in()
        if expired:
            await scene.expire_token()
        return scene

    return prepare


def check_outcomes(scene: Scene) -> None:
    """The actions raised only our own errors, and got no response with status 500."""
    for outcome in scene.outcomes:
        assert not isinstance(outcome, BaseException) or isinstance(outcome, TikTokError), outcome
        assert not isinstance(outcome, RawResponse) or outcome.status in (200, 303, 503), outcome.text


@FAST_STORES
@BOTH_ORDERS
async def test_sign_out_during_a_refresh_ends_the_session_and_keeps_the_token(
    each_store: Store, swapped: bool
) -> None:
    """The session has ended, and the new token is saved (R-37)."""
    steps = 0
    async for scene in interleave(signed_in(each_store), *in_order(refresh, sign_out, swapped)):
        steps += 1
        check_outcomes(scene)
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.count_sessions() == 0
        assert await scene.has_live_token()
        assert not await scene.has_lease()
    assert steps >= (4 if swapped else 12)


@ALL_STORES
@BOTH_ORDERS
async def test_removal_during_a_refresh_deletes_the_session_and_the_token(each_store: Store, swapped: bool) -> None:
    """After TikTok's event there is no token and no session, even if the refresh ends later (R-43)."""
    steps = 0
    async for scene in interleave(signed_in(each_store), *in_order(refresh, Scene.send_removal, swapped)):
        steps += 1
        check_outcomes(scene)
        assert 200 in scene.outcomes
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.count_sessions() == 0
        assert await scene.stored_token() is None
        assert not await scene.has_lease()
    assert steps >= (8 if swapped else 12)


@FAST_STORES
@BOTH_ORDERS
@pytest.mark.parametrize("expired", [True, False], ids=["expired token", "rejected token"])
async def test_disconnect_during_a_refresh_leaves_no_token_session_or_grant(
    each_store: Store, swapped: bool, expired: bool
) -> None:
    """The result does not depend on which worker was faster."""

    async def renew(scene: Scene) -> object:
        stored = await scene.stored_token()
        rejected = stored.token.access_token if stored else None
        return await scene.tiktok._tokens.get(AMARA.open_id, rejected=None if expired else rejected)

    async def disconnect(scene: Scene) -> None:
        await scene.second_tiktok.disconnect(AMARA.open_id)

    steps = 0
    async for scene in interleave(signed_in(each_store, expired=expired), *in_order(renew, disconnect, swapped)):
        steps += 1
        check_outcomes(scene)
        await scene.second_tiktok.disconnect(AMARA.open_id)  # as an app does after an error
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.stored_token() is None
        assert not scene.emulator.grants.grants
        assert not await scene.has_lease()
    assert steps >= 6


@FAST_STORES
@BOTH_ORDERS
async def test_sign_in_during_a_sign_out_ends_the_earlier_session(each_store: Store, swapped: bool) -> None:
    """The earlier session has ended, and the browser shows either the new user or an anonymous visitor."""
    callback_urls: dict[Scene, str] = {}

    async def prepare() -> Scene:
        scene = await signed_in(each_store, expired=False)()
        callback_urls[scene] = await scene.browser.approve_login(person=JUN)
        return scene

    async def open_callback(scene: Scene) -> RawResponse:
        return await scene.browser.request(callback_urls[scene])

    steps = 0
    async for scene in interleave(prepare, *in_order(open_callback, sign_out, swapped)):
        steps += 1
        check_outcomes(scene)
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.count_sessions() == 0
        assert await scene.browser.display_name() in ("", JUN.display_name)
    assert steps >= (4 if swapped else 12)


@FAST_STORES
@BOTH_ORDERS
async def test_logins_of_two_users_in_two_tabs_are_not_mixed(each_store: Store, swapped: bool) -> None:
    """The cookie of each response belongs to its own user, and the last response decides (R-39, R-40)."""
    callback_urls: dict[Scene, tuple[str, str]] = {}
    people = (JUN, QUILL)

    async def prepare() -> Scene:
        scene = await signed_in(each_store, expired=False)()
        callback_urls[scene] = (
            await scene.browser.approve_login(person=people[0]),
            await scene.second_tab.approve_login(person=people[1]),
        )
        return scene

    async def open_first_callback(scene: Scene) -> tuple[Person, str]:
        await scene.browser.request(callback_urls[scene][0])
        return people[0], scene.browser.session_cookie

    async def open_second_callback(scene: Scene) -> tuple[Person, str]:
        await scene.second_tab.request(callback_urls[scene][1])
        return people[1], scene.second_tab.session_cookie

    steps = 0
    async for scene in interleave(prepare, *in_order(open_first_callback, open_second_callback, swapped)):
        steps += 1
        for person, cookie in scene.outcomes:
            assert await scene.user_of(cookie) == person.display_name
            assert await scene.has_live_token(person)
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.browser.display_name() in [person.display_name for person in people]
    assert steps >= 12


@ALL_STORES
@BOTH_ORDERS
async def test_request_during_a_sign_out_does_not_restore_the_session(
    each_store: Store, swapped: bool, clock: Clock
) -> None:
    """A late write of the last-seen time does not restore the session (C-52, R-38)."""

    async def prepare() -> Scene:
        clock.offset = 0
        scene = await signed_in(each_store, expired=False)()
        clock.offset = 600
        return scene

    def open_page(scene: Scene) -> Coroutine[Any, Any, str]:
        return scene.browser.display_name()

    steps = 0
    async for scene in interleave(prepare, *in_order(open_page, sign_out, swapped)):
        steps += 1
        check_outcomes(scene)
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.count_sessions() == 0
    assert steps >= 4


async def test_concurrent_users_are_never_mixed(emulator: Emulator) -> None:
    """Each step of each request takes a random time (C-81)."""
    store = SteppedStore(MemoryStore())
    site = TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator), store=store))
    random_numbers = random.Random(7)

    async def wait() -> None:
        await anyio.sleep(random_numbers.random() / 1000)

    async def use_the_site(person: Person) -> None:
        browser = Browser(site, emulator)
        await browser.sign_in(person)
        for _ in range(10):
            seen.append((await browser.display_name(), person.display_name))

    seen: list[tuple[str, str | None]] = []
    step_hook.set(wait)
    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(use_the_site, PEOPLE[number % len(PEOPLE)])

    assert len(seen) == 400
    assert [(shown, expected) for shown, expected in seen if shown != expected] == []


@pytest.mark.parametrize("meanwhile", ["a newer sign-in", "nothing"])
async def test_unsaved_token_is_not_reswapped_after_its_expiry(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, meanwhile: str
) -> None:
    """The store is unavailable when TikTok responds, and is back after the new token has expired (R-35)."""
    monkeypatch.setattr(refreshes, "SAVE_PAUSES", ())
    scene = await signed_in(MemoryStore())()
    replace, token_writes = scene.store.replace, 0

    async def failing_replace(key: str, *values: bytes, ttl: int, owner: str | None = None) -> bool:
        nonlocal token_writes
        token_writes += key.startswith("token:")
        if key.startswith("token:") and token_writes > 1:
            raise StoreError("unavailable")
        return await replace(key, *values, ttl=ttl, owner=owner)

    with monkeypatch.context() as patch:
        patch.setattr(scene.store, "replace", failing_replace)
        with pytest.raises(StoreError):
            await refresh(scene)
    if meanwhile == "a newer sign-in":
        await scene.sign_in()
    clock.advance(hours=2.5)

    assert (await refresh(scene)).expires_at > time.time()
    assert await scene.has_live_token()
