"""Actions that are cancelled: by a timeout, a client that disconnects or a worker that stops (R-34, R-51)."""

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


async def cancel_at_every_await(prepare: Prepare, action: Action) -> AsyncIterator[Scene]:
    """Run the action again and again, cancelled one turn of the event loop later each time. Yield every scene."""
    for turns in count():
        scene = await prepare(MemoryStore())
        # The memory store never waits. Each of its operations gets an await before and after it.
        token = step_hook.set(let_others_run)
        task = asyncio.create_task(action(scene))
        step_hook.reset(token)
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.done():
            task.result()
            return
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled(), "the cancellation was suppressed"
        await scene.aclose()
        yield scene


async def cancel_within_every_step(store: Store, prepare: Prepare, action: Action) -> AsyncIterator[Scene]:
    """Run the action again and again, cancelled within one step later each time. Yield every scene.

    A step is an operation of the store or a request to TikTok.
    """
    for step in count():
        scene = await prepare(store)
        if not await cancel_within(step, action(scene)):
            return
        await scene.aclose()
        yield scene


async def cancel_within(step: int, action: Coroutine[Any, Any, Any]) -> bool:
    """Cancel the action within this step. Return False if it has ended before."""

    async def cancel() -> None:
        asyncio.get_running_loop().call_soon(task.cancel)

    pause = Pause(step, cancel)
    task = pause.start(action)
    await asyncio.wait({task})
    if pause.task is None:
        task.result()
    return pause.task is not None


async def signed_in(store: Store) -> Scene:
    scene = Scene(store)
    await scene.sign_in()
    return scene


async def with_expired_token(store: Store) -> Scene:
    scene = await signed_in(store)
    await scene.expire_token()
    return scene


async def before_switch_of_user(store: Store) -> Scene:
    """Amara is signed in, and Jun has approved a login in the same browser."""
    scene = await signed_in(store)
    scene.callback_url = await scene.browser.approve_login(person=JUN)
    scene.emulator.exchanges.clear()
    return scene


def open_callback(scene: Scene) -> Coroutine[Any, Any, Any]:
    return scene.browser.request(scene.callback_url)


def request_token(scene: Scene) -> Coroutine[Any, Any, Any]:
    return scene.browser.request("/token")


def sign_out(scene: Scene) -> Coroutine[Any, Any, Any]:
    return scene.browser.sign_out()


def disconnect(scene: Scene) -> Coroutine[Any, Any, Any]:
    return scene.tiktok.disconnect(AMARA.open_id)


async def check_callback(scene: Scene) -> None:
    """The code was sent at most once, no user was mixed up with another, and a new login works."""
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
    """The next caller gets the new token, which was requested once, and the lease is free."""
    await scene.tiktok.token(AMARA.open_id)
    assert await scene.has_live_token()
    assert count_requests(scene.emulator) == 1
    assert not await scene.has_lease()
    assert await scene.user_of(scene.session_cookie) == AMARA.display_name


async def check_sign_out(scene: Scene) -> None:
    """The sign-out was either complete or had no effect, and a second attempt completes it."""
    if await scene.browser.display_name() == "":
        assert await scene.count_sessions() == 0
    await scene.browser.sign_out()
    assert await scene.user_of(scene.session_cookie) == ""
    assert await scene.count_sessions() == 0


async def check_removal(scene: Scene) -> None:
    """TikTok sends the event again. It is processed now, or at the latest after the lease has expired."""
    status = await scene.send_removal()
    if status == 503:
        assert await scene.expire_event_lease()
        status = await scene.send_removal()
    assert status == 200
    assert await scene.user_of(scene.session_cookie) == ""
    assert await scene.stored_token() is None


async def check_disconnect(scene: Scene) -> None:
    """No user was mixed up with another, and a second attempt completes the disconnect."""
    name = await scene.user_of(scene.session_cookie)
    await scene.tiktok.disconnect(AMARA.open_id)
    assert name in ("", AMARA.display_name)
    assert await scene.user_of(scene.session_cookie) == ""
    assert await scene.stored_token() is None
    assert not scene.emulator.grants.grants
    assert not await scene.has_lease()


Check = Callable[[Scene], Awaitable[None]]
ACTIONS: dict[str, tuple[Prepare, Action, Check, int, int]] = {
    "callback": (before_switch_of_user, open_callback, check_callback, 20, 15),
    "refresh": (with_expired_token, request_token, check_refresh, 5, 12),
    "sign-out": (signed_in, sign_out, check_sign_out, 5, 4),
    "removal": (with_expired_token, Scene.send_removal, check_removal, 9, 8),
    "disconnect": (with_expired_token, disconnect, check_disconnect, 25, 16),
}
IN_OTHER_STORES = [
    *(("sqlite", name) for name in ACTIONS),
    *(("redis", name) for name in ("callback", "refresh", "sign-out")),
    *(("postgresql", name) for name in ("refresh", "sign-out")),
]


@pytest.mark.parametrize("name", ACTIONS)
async def test_action_cancelled_at_any_await_leaves_a_consistent_state(name: str) -> None:
    prepare, action, check, min_awaits, _ = ACTIONS[name]
    awaits = 0
    async for scene in cancel_at_every_await(prepare, action):
        awaits += 1
        await check(scene)
    assert awaits >= min_awaits


@pytest.mark.parametrize(("each_store", "name"), IN_OTHER_STORES, indirect=["each_store"])
async def test_action_cancelled_within_any_step_leaves_a_consistent_state(each_store: Store, name: str) -> None:
    prepare, action, check, _, min_steps = ACTIONS[name]
    steps = 0
    async for scene in cancel_within_every_step(each_store, prepare, action):
        steps += 1
        await check(scene)
    assert steps >= min_steps
