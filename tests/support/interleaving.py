"""Two actions at the same time. One is paused at each of its steps while the other runs.

A step is an operation of the store or a request to TikTok.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from dataclasses import replace
from hashlib import sha256
from itertools import count
from typing import Any, TypeVar

import httpx2

from asgi_tiktok import Store, TikTokAuthMiddleware
from asgi_tiktok.accounts.token_records import StoredToken
from asgi_tiktok.emulator import DEFAULT_APP, Emulator, Person
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.people import AMARA
from tests.support.requests import send_request, user_of
from tests.support.settings import SESSION_COOKIE, WEBHOOK
from tests.support.tiktok import new_tiktok
from tests.support.webhooks import sign_webhook, webhook_body
from tests.support.wrapped_store import WrappedStore

StepHook = Callable[[], Awaitable[None]]
Action = Callable[["Scene"], Coroutine[Any, Any, Any]]
T = TypeVar("T")

MAX_PAUSE = 0.03  # seconds; the paused action then goes on, because the other action may be waiting for it

step_hook: ContextVar[StepHook | None] = ContextVar("step_hook", default=None)
"""Called before and after each step of the current task. Other tasks have another context, so they run freely."""


async def run_step_hook() -> None:
    if hook := step_hook.get():
        await hook()


class SteppedStore(WrappedStore):
    """A store whose operations are steps."""

    async def before(self, operation: str) -> None:
        await run_step_hook()

    async def after(self, operation: str) -> None:
        await run_step_hook()


class SteppedTransport(httpx2.AsyncBaseTransport):
    """A transport to the emulator whose requests are steps."""

    def __init__(self, emulator: Emulator) -> None:
        self.inner = httpx2.ASGITransport(emulator)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await run_step_hook()
        response = await self.inner.handle_async_request(request)
        await run_step_hook()
        return response


class Scene:
    """A browser with two tabs, at two workers of one site.

    Each scene has its own TikTok app, so that scenes can share a store.

    Attributes:
        browser, second_tab: Tabs of one browser. They share cookies and talk to different workers.
        tiktok, second_tiktok: The TikTok objects of the two workers.
        session_cookie: The session cookie after `sign_in`.
        callback_url: A callback that the browser has not opened yet.
        outcomes: What the two actions returned or raised.
    """

    def __init__(self, store: Store) -> None:
        client_key = f"sb{secrets.token_hex(8)}"
        self.emulator = Emulator([replace(DEFAULT_APP, client_key=client_key)], rotate="strict")
        self.store = SteppedStore(store)
        self.tiktok, self.second_tiktok = (
            new_tiktok(SteppedTransport(self.emulator), store=self.store, client_key=client_key) for _ in range(2)
        )
        self.browser, self.second_tab = (
            Browser(TikTokAuthMiddleware(app, tiktok), self.emulator) for tiktok in (self.tiktok, self.second_tiktok)
        )
        self.second_tab.jar = self.browser.jar
        self.session_cookie = self.callback_url = ""
        self.removed_at = int(time.time())
        self.outcomes: list[Any] = []

    async def sign_in(self, person: Person = AMARA) -> None:
        await self.browser.sign_in(person)
        self.session_cookie = self.browser.session_cookie

    async def expire_token(self, person: Person = AMARA) -> None:
        """Expire the access token. The refresh token stays valid."""
        stored = await self.stored_token(person)
        assert stored
        await self.tiktok._tokens.save(replace(stored.token, expires_at=int(time.time()) - 1))
        self.emulator.exchanges.clear()

    async def stored_token(self, person: Person = AMARA) -> StoredToken | None:
        return await self.tiktok._tokens.records.load(person.open_id)

    async def count_sessions(self, person: Person = AMARA) -> int:
        """Return the number of the person's sessions in the store."""
        return len([name async for name in self.store.owned(self.tiktok._sessions.records.owner(person.open_id))])

    async def user_of(self, session_cookie: str) -> str:
        """Return the name that both workers see for this session cookie."""
        cookie = f"{SESSION_COOKIE}={session_cookie}"
        first, second = [await user_of(browser.app, cookie) for browser in (self.browser, self.second_tab)]
        assert first == second
        return first

    async def send_removal(self, person: Person = AMARA) -> int:
        """Let TikTok send the event that the person has disconnected the app. Return the status of the response."""
        self.emulator.grants.remove(self.tiktok._client.client_key, person.open_id)
        body = self.removal_body(person)
        headers = [("tiktok-signature", sign_webhook(body))]
        return (await send_request(self.second_tab.app, "POST", WEBHOOK, headers=headers, body=body)).status

    def removal_body(self, person: Person) -> bytes:
        client_key = self.tiktok._client.client_key
        return webhook_body(user_openid=person.open_id, client_key=client_key, create_time=self.removed_at)

    async def expire_event_lease(self, person: Person = AMARA) -> bool:
        """Delete the lease of the worker that processes an event. Return whether there was one."""
        return await self.store.delete(f"webhook:{sha256(self.removal_body(person)).hexdigest()}:lease")

    async def has_lease(self, person: Person = AMARA) -> bool:
        return await self.store.get("lease:" + self.tiktok._tokens.records.name_of(person.open_id)) is not None

    async def has_live_token(self, person: Person = AMARA) -> bool:
        """Whether TikTok accepts the stored refresh token."""
        stored = await self.stored_token(person)
        return stored is not None and stored.token.refresh_token in self.emulator.grants.refresh_tokens

    async def aclose(self) -> None:
        """Finish the work that both workers do in the background."""
        for tiktok in (self.tiktok, self.second_tiktok):
            await tiktok._logins.aclose()
            await tiktok._tokens.aclose()


class Pause:
    """Pauses an action at one of its steps while another action runs.

    The pause ends when the other action is done, or after `MAX_PAUSE`.

    Args:
        step: The number of the step, from 0.
        meanwhile: Starts the other action.

    Attributes:
        task: The other action. None: the paused action has not reached the step.
    """

    def __init__(self, step: int, meanwhile: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.steps_left = step
        self.meanwhile = meanwhile
        self.outside = copy_context()
        self.task: asyncio.Task[Any] | None = None

    def start(self, action: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start the action that will be paused."""
        context: Context = copy_context()
        context.run(step_hook.set, self.on_step)
        return asyncio.create_task(action, context=context)

    async def on_step(self) -> None:
        self.steps_left -= 1
        if self.steps_left == -1:
            self.task = asyncio.create_task(self.meanwhile(), context=self.outside)
            await asyncio.wait({self.task}, timeout=MAX_PAUSE)


async def interleave(prepare: Callable[[], Awaitable[Scene]], first: Action, second: Action) -> AsyncIterator[Scene]:
    """Run `second` at each step of `first`, each time in a new scene. Yield every scene after both are done."""
    for step in count():
        scene = await prepare()
        pause = Pause(step, lambda scene=scene: second(scene))  # type: ignore[misc]
        action = pause.start(first(scene))
        await asyncio.wait({action})
        if pause.task is None:
            action.result()
            return
        scene.outcomes = [*await asyncio.gather(action, pause.task, return_exceptions=True)]
        await scene.aclose()
        yield scene
