"""Whoever leaves, and whenever: an outer timeout, a client that hangs up, a worker that stops (R-34, R-51)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from itertools import count
from typing import Any

import pytest

from asgi_tiktok import MemoryStore, Store
from tests.support.interleaving import Action, Pause, Scene, step_hook
from tests.support.people import AMARA, JUN
from tests.support.tiktok import count_requests

pytestmark = pytest.mark.anyio

Prepare = Callable[[Store], Awaitable[Scene]]


async def let_others_run() -> None:
    await asyncio.sleep(0)


async def at_every_await(prepare: Prepare, deed: Action) -> AsyncIterator[Scene]:
    """A scene for each turn of the event loop that the deed takes, cancelled in it."""
    for turns in count():
        scene = await prepare(MemoryStore())
        # The memory store never waits, so each of its steps is given an await before and behind it.
        token = step_hook.set(let_others_run)
        task = asyncio.create_task(deed(scene))
        step_hook.reset(token)
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.done():
            task.result()
            return
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled(), "somebody caught the cancellation"
        await scene.aclose()
        yield scene


async def within_every_step(store: Store, prepare: Prepare, deed: Action) -> AsyncIterator[Scene]:
    """A scene for each step to the store or to TikTok, cancelled while the response is under way."""
    for step in count():
        scene = await prepare(store)
        if not await cancelled_within(step, deed(scene)):
            return
        await scene.aclose()
        yield scene


async def cancelled_within(step: int, deed: Coroutine[Any, Any, Any]) -> bool:
    """Cancel the deed within this step; False when it was done before."""

    async def cancel() -> None:
        asyncio.get_running_loop().call_soon(task.cancel)

    halt = Pause(step, cancel)
    task = halt.start(deed)
    await asyncio.wait({task})
    if halt.task is None:
        task.result()
    return halt.task is not None


async def signed_in(store: Store) -> Scene:
    scene = Scene(store)
    await scene.sign_in()
    return scene


async def signed_in_long_ago(store: Store) -> Scene:
    scene = await signed_in(store)
    await scene.expire_token()
    return scene


async def about_to_switch(store: Store) -> Scene:
    """Amara is signed in, and Jun has just agreed at TikTok in the same browser."""
    scene = await signed_in(store)
    scene.callback_url = await scene.browser.approve_login(person=JUN)
    scene.emulator.exchanges.clear()
    return scene


def come_back(scene: Scene) -> Coroutine[Any, Any, Any]:
    return scene.browser.request(scene.callback_url)


def ask_for_the_token(scene: Scene) -> Coroutine[Any, Any, Any]:
    return scene.browser.request("/token")


def sign_out(scene: Scene) -> Coroutine[Any, Any, Any]:
    return scene.browser.sign_out()


def disconnect(scene: Scene) -> Coroutine[Any, Any, Any]:
    return scene.tiktok.disconnect(AMARA.open_id)


async def check_callback(scene: Scene) -> None:
    """The code went out once at most, nobody is somebody else, and the browser can begin again."""
    assert count_requests(scene.emulator) <= 1
    assert await scene.user_of(scene.session_cookie) in ("", AMARA.display_name)
    assert await scene.browser.display_name() in ("", AMARA.display_name, JUN.display_name)
    assert await scene.count_sessions(JUN) <= 1
    assert (await scene.browser.request(scene.callback_url)).status in (303, 400)
    assert count_requests(scene.emulator) <= 1

    await scene.sign_in(JUN)
    assert await scene.user_of(scene.session_cookie) == JUN.display_name
    assert await scene.count_sessions(JUN) <= 2
    assert await scene.has_live_token(JUN)


async def check_refresh(scene: Scene) -> None:
    """The next who asks has the new token, which was fetched once, and nobody holds the lease."""
    await scene.tiktok.token(AMARA.open_id)
    assert await scene.has_live_token()
    assert count_requests(scene.emulator) == 1
    assert not await scene.has_lease()
    assert await scene.user_of(scene.session_cookie) == AMARA.display_name


async def check_sign_out(scene: Scene) -> None:
    """It happened or not, never by half; and a second try ends it."""
    if await scene.browser.display_name() == "":
        assert await scene.count_sessions() == 0
    await scene.browser.sign_out()
    assert await scene.user_of(scene.session_cookie) == ""
    assert await scene.count_sessions() == 0


async def check_removal(scene: Scene) -> None:
    """TikTok, which had no response, sends the event again, and at the latest when the mark has ended it counts."""
    status = await scene.send_removal()
    if status == 503:
        assert await scene.expire_event_marker()
        status = await scene.send_removal()
    assert status == 200
    assert await scene.user_of(scene.session_cookie) == ""
    assert await scene.stored_token() is None


async def check_disconnect(scene: Scene) -> None:
    """Nobody is signed in again by it, and a second try finishes it."""
    was_there = await scene.user_of(scene.session_cookie)
    await scene.tiktok.disconnect(AMARA.open_id)
    assert was_there in ("", AMARA.display_name)
    assert await scene.user_of(scene.session_cookie) == ""
    assert await scene.stored_token() is None
    assert not scene.emulator.grants.grants
    assert not await scene.has_lease()


Check = Callable[[Scene], Awaitable[None]]
DEEDS: dict[str, tuple[Prepare, Action, Check, int, int]] = {
    "callback": (about_to_switch, come_back, check_callback, 20, 15),
    "refresh": (signed_in_long_ago, ask_for_the_token, check_refresh, 5, 12),
    "sign-out": (signed_in, sign_out, check_sign_out, 5, 4),
    "removal": (signed_in_long_ago, Scene.send_removal, check_removal, 9, 8),
    "disconnect": (signed_in_long_ago, disconnect, check_disconnect, 25, 16),
}
AT_A_DISTANCE = [
    *(("sqlite", name) for name in DEEDS),
    *(("redis", name) for name in ("callback", "refresh", "sign-out")),
    *(("postgresql", name) for name in ("refresh", "sign-out")),
]


@pytest.mark.parametrize("name", DEEDS)
async def test_action_cancelled_at_any_await_leaves_a_consistent_state(name: str) -> None:
    prepare, deed, check, least, _ = DEEDS[name]
    awaits = 0
    async for scene in at_every_await(prepare, deed):
        awaits += 1
        await check(scene)
    assert awaits >= least


@pytest.mark.parametrize(("each_store", "name"), AT_A_DISTANCE, indirect=["each_store"])
async def test_action_cancelled_within_any_step_leaves_a_consistent_state(each_store: Store, name: str) -> None:
    prepare, deed, check, _, least = DEEDS[name]
    steps = 0
    async for scene in within_every_step(each_store, prepare, deed):
        steps += 1
        await check(scene)
    assert steps >= least
