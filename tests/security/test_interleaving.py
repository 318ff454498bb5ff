"""Two things at once, in both orders: the one that happens meanwhile comes at every step of the other."""

import random
import time
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import httpx2
import pytest

from asgi_tiktok import MemoryStore, Store, StoreError, TikTokAuthMiddleware, TikTokError
from asgi_tiktok.accounts import tokens
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
FEW = pytest.mark.parametrize("each_store", ["memory", "sqlite"], indirect=True)
KEY = pytest.mark.parametrize("each_store", ["memory", "sqlite", "redis", "postgresql"], indirect=True)
BOTH = pytest.mark.parametrize("turned", [False, True], ids=["", "the other way round"])


def either(first: Action, second: Action, turned: bool) -> tuple[Action, Action]:
    return (second, first) if turned else (first, second)


def refresh(scene: Scene) -> Coroutine[Any, Any, Any]:
    return scene.tiktok.token(AMARA.open_id)


def sign_out(scene: Scene) -> Coroutine[Any, Any, RawResponse]:
    return scene.second_tab.sign_out()


def scenes(store: Store, *, ended: bool = True) -> Callable[[], Coroutine[Any, Any, Scene]]:
    """Scenes in which Amara is signed in, with an access token that has ended."""

    async def prepare() -> Scene:
        scene = Scene(store)
        await scene.sign_in()
        if ended:
            await scene.expire_token()
        return scene

    return prepare


def check_outcomes(scene: Scene) -> None:
    """Nothing but our own errors, and no page that says 500."""
    for outcome in scene.outcomes:
        assert not isinstance(outcome, BaseException) or isinstance(outcome, TikTokError), outcome
        assert not isinstance(outcome, RawResponse) or outcome.status in (200, 303, 503), outcome.text


@FEW
@BOTH
async def test_sign_out_during_a_refresh_ends_the_session_and_keeps_the_token(
    each_store: Store, turned: bool
) -> None:
    """The session stays dead, and the new token is not lost (R-37)."""
    steps = 0
    async for scene in interleave(scenes(each_store), *either(refresh, sign_out, turned)):
        steps += 1
        check_outcomes(scene)
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.count_sessions() == 0
        assert await scene.has_live_token()
        assert not await scene.has_lease()
    assert steps >= (4 if turned else 12)


@KEY
@BOTH
async def test_removal_during_a_refresh_deletes_the_session_and_the_token(each_store: Store, turned: bool) -> None:
    """TikTok's word is the last: no token comes back, and nobody stays signed in (R-43)."""
    steps = 0
    async for scene in interleave(scenes(each_store), *either(refresh, Scene.send_removal, turned)):
        steps += 1
        check_outcomes(scene)
        assert 200 in scene.outcomes
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.count_sessions() == 0
        assert await scene.stored_token() is None
        assert not await scene.has_lease()
    assert steps >= (8 if turned else 12)


@FEW
@BOTH
@pytest.mark.parametrize("ended", [True, False], ids=["ended token", "rejected token"])
async def test_disconnect_during_a_refresh_leaves_no_token_session_or_grant(
    each_store: Store, turned: bool, ended: bool
) -> None:
    """After it there is no token, no session and no grant, whichever worker was faster."""

    async def renew(scene: Scene) -> object:
        kept = await scene.stored_token()
        rejected = kept.token.access_token if kept else None
        return await scene.tiktok._tokens.get(AMARA.open_id, rejected=None if ended else rejected)

    async def disconnect(scene: Scene) -> None:
        await scene.second_tiktok.disconnect(AMARA.open_id)

    steps = 0
    async for scene in interleave(scenes(each_store, ended=ended), *either(renew, disconnect, turned)):
        steps += 1
        check_outcomes(scene)
        await scene.second_tiktok.disconnect(AMARA.open_id)  # as an app does if TikTok did not confirm
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.stored_token() is None
        assert not scene.emulator.grants.grants
        assert not await scene.has_lease()
    assert steps >= 6


@FEW
@BOTH
async def test_sign_in_during_a_sign_out_ends_the_earlier_session(each_store: Store, turned: bool) -> None:
    """Who was there before is gone, and whoever the browser shows is the one who has just signed in."""
    backs: dict[Scene, str] = {}

    async def prepare() -> Scene:
        scene = await scenes(each_store, ended=False)()
        backs[scene] = await scene.browser.approve_login(person=JUN)
        return scene

    async def come_back(scene: Scene) -> RawResponse:
        return await scene.browser.request(backs[scene])

    steps = 0
    async for scene in interleave(prepare, *either(come_back, sign_out, turned)):
        steps += 1
        check_outcomes(scene)
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.count_sessions() == 0
        assert await scene.browser.display_name() in ("", JUN.display_name)
    assert steps >= (4 if turned else 12)


@FEW
@BOTH
async def test_logins_of_two_users_in_two_tabs_are_not_mixed(each_store: Store, turned: bool) -> None:
    """Each response's cookie is its own person's, and the last one wins (R-39, R-40)."""
    backs: dict[Scene, tuple[str, str]] = {}
    people = (JUN, QUILL)

    async def prepare() -> Scene:
        scene = await scenes(each_store, ended=False)()
        backs[scene] = (
            await scene.browser.approve_login(person=people[0]),
            await scene.second_tab.approve_login(person=people[1]),
        )
        return scene

    async def left(scene: Scene) -> tuple[Person, str]:
        await scene.browser.request(backs[scene][0])
        return people[0], scene.browser.session_cookie

    async def right(scene: Scene) -> tuple[Person, str]:
        await scene.second_tab.request(backs[scene][1])
        return people[1], scene.second_tab.session_cookie

    steps = 0
    async for scene in interleave(prepare, *either(left, right, turned)):
        steps += 1
        for person, cookie in scene.outcomes:
            assert await scene.user_of(cookie) == person.display_name
            assert await scene.has_live_token(person)
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.browser.display_name() in [person.display_name for person in people]
    assert steps >= 12


@KEY
@BOTH
async def test_request_during_a_sign_out_does_not_restore_the_session(
    each_store: Store, turned: bool, clock: Clock
) -> None:
    """A page of another tab brings no session back (C-52, R-38)."""

    async def prepare() -> Scene:
        clock.offset = 0
        scene = await scenes(each_store, ended=False)()
        clock.offset = 600
        return scene

    def look(scene: Scene) -> Coroutine[Any, Any, str]:
        return scene.browser.display_name()

    steps = 0
    async for scene in interleave(prepare, *either(look, sign_out, turned)):
        steps += 1
        check_outcomes(scene)
        assert await scene.user_of(scene.session_cookie) == ""
        assert await scene.count_sessions() == 0
    assert steps >= 4


async def test_concurrent_users_are_never_mixed(emulator: Emulator) -> None:
    """C-81, with steps that take each their own time."""
    store = SteppedStore(MemoryStore())
    site = TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator), store=store))
    chance = random.Random(7)

    async def dawdle() -> None:
        await anyio.sleep(chance.random() / 1000)

    async def live(person: Person) -> None:
        browser = Browser(site, emulator)
        await browser.sign_in(person)
        for _ in range(10):
            seen.append((await browser.display_name(), person.display_name))

    seen: list[tuple[str, str | None]] = []
    step_hook.set(dawdle)
    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(live, PEOPLE[number % len(PEOPLE)])

    assert len(seen) == 400
    assert [(shown, true) for shown, true in seen if shown != true] == []


@pytest.mark.parametrize("meanwhile", ["a newer sign-in", "nothing"])
async def test_unsaved_token_is_not_returned_after_its_expiry(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, meanwhile: str
) -> None:
    """The store was away when TikTok answered, and came back; what is given out must still be of use (R-35)."""
    monkeypatch.setattr(tokens, "SAVE_PAUSES", ())
    scene = await scenes(MemoryStore())()
    replace, calls = scene.store.replace, 0

    async def away(key: str, *values: bytes, ttl: int, owner: str | None = None) -> bool:
        nonlocal calls
        calls += key.startswith("token:")
        if key.startswith("token:") and calls > 1:
            raise StoreError("away")
        return await replace(key, *values, ttl=ttl, owner=owner)

    with monkeypatch.context() as patch:
        patch.setattr(scene.store, "replace", away)
        with pytest.raises(StoreError):
            await refresh(scene)
    if meanwhile == "a newer sign-in":
        await scene.sign_in()
    clock.advance(hours=2.5)

    assert (await refresh(scene)).expires_at > time.time()
    assert await scene.has_live_token()
