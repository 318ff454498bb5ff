"""Two things at once: one is held at each step it takes to the store or to TikTok, while the other happens."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from dataclasses import replace
from hashlib import sha256
from itertools import count
from typing import Any, ParamSpec, TypeVar

import httpx2

from asgi_tiktok import Store, TikTokAuthMiddleware
from asgi_tiktok.emulator import CAST, DEFAULT_APP, Emulator, Person
from asgi_tiktok.tokens import Kept
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.requests import ask
from tests.support.settings import SESSION_COOKIE, WEBHOOK
from tests.support.tiktok import new_tiktok
from tests.support.webhooks import event, sign

P = ParamSpec("P")
T = TypeVar("T")
Reach = Callable[[], Awaitable[None]]
Deed = Callable[["Scene"], Coroutine[Any, Any, Any]]

AMARA, JUN = CAST[0], CAST[1]
HELD = 0.03  # seconds after which the one goes on all the same, because the other may be waiting for it

reached: ContextVar[Reach | None] = ContextVar("reached", default=None)


async def midway() -> None:
    """A moment before or after a step. Whose steps are watched is a matter of context, so the other's are not."""
    if reach := reached.get():
        await reach()


async def stepwise(step: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    await midway()
    result = await step(*args, **kwargs)
    await midway()
    return result


class MidwayStore:
    """A store whose steps can be watched; it sees to it that no `ttl` breaks the contract."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    async def get(self, key: str) -> bytes | None:
        return await stepwise(self.inner.get, key)

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        assert ttl >= 1
        await stepwise(self.inner.set, key, value, ttl=ttl, owner=owner)

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        assert ttl >= 1
        return await stepwise(self.inner.add, key, value, ttl=ttl, owner=owner)

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        assert ttl >= 1
        return await stepwise(self.inner.replace, key, old, new, ttl=ttl, owner=owner)

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        return await stepwise(self.inner.delete, key, value)

    async def owned(self, owner: str) -> AsyncIterator[str]:
        await midway()
        async for key in self.inner.owned(owner):
            yield key
        await midway()

    async def delete_owned(self, owner: str) -> int:
        return await stepwise(self.inner.delete_owned, owner)

    async def aclose(self) -> None:
        """The store outlives the scene."""


class MidwayTransport(httpx2.AsyncBaseTransport):
    """TikTok, whose answers can be watched."""

    def __init__(self, emulator: Emulator) -> None:
        self.inner = httpx2.ASGITransport(emulator)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await stepwise(self.inner.handle_async_request, request)


class Scene:
    """A browser, two workers of one site, and a TikTok app that no other scene has, so that stores can be shared."""

    def __init__(self, store: Store) -> None:
        client_key = f"sb{secrets.token_hex(8)}"
        self.emulator = Emulator([replace(DEFAULT_APP, client_key=client_key)], rotate="strict")
        self.store = MidwayStore(store)
        self.tiktok, self.other = (
            new_tiktok(MidwayTransport(self.emulator), store=self.store, client_key=client_key) for _ in range(2)
        )
        self.browser, self.tab = (
            Browser(TikTokAuthMiddleware(app, tiktok), self.emulator) for tiktok in (self.tiktok, self.other)
        )
        self.tab.jar = self.browser.jar
        self.cookie = self.back = ""
        self.outcomes: list[Any] = []

    async def sign_in(self, person: Person = AMARA) -> None:
        await self.browser.sign_in(person)
        self.cookie = self.browser.session

    async def end_token(self, person: Person = AMARA) -> None:
        """Let the access token end now; its refresh token lives on."""
        kept = await self.kept(person)
        assert kept
        await self.tiktok.tokens.save(replace(kept.token, expires_at=int(time.time()) - 1))
        self.emulator.exchanges.clear()

    async def kept(self, person: Person = AMARA) -> Kept | None:
        return await self.tiktok.tokens.load(person.open_id)

    async def sessions(self, person: Person = AMARA) -> int:
        """How many sessions the store holds of this person."""
        return len([name async for name in self.store.owned(self.tiktok.sessions.owner(person.open_id))])

    async def whose(self, session: str) -> str:
        """Who is there for a browser with this session cookie, whichever worker it asks."""
        names = set()
        for browser in (self.browser, self.tab):
            answer = await ask(browser.app, "GET", "/me", headers=[("cookie", f"{SESSION_COOKIE}={session}")])
            names.add(str(answer.json()["name"]))
        assert len(names) == 1
        return names.pop()

    async def remove(self, person: Person = AMARA) -> int:
        """TikTok says that the person has disconnected the app."""
        self.emulator.grants.remove(self.tiktok.client.client_key, person.open_id)
        body = self.removal(person)
        headers = [("tiktok-signature", sign(body))]
        return (await ask(self.tab.app, "POST", WEBHOOK, headers=headers, body=body)).status

    def removal(self, person: Person) -> bytes:
        return event(user_openid=person.open_id, client_key=self.tiktok.client.client_key)

    async def forget_event(self, person: Person = AMARA) -> bool:
        """Let the minute pass in which an event counts as being dealt with; whether it did."""
        return await self.store.delete("webhook:" + sha256(self.removal(person)).hexdigest(), b"-")

    async def has_lease(self, person: Person = AMARA) -> bool:
        return await self.store.get("lease:" + self.tiktok.tokens.record_key(person.open_id)) is not None

    async def is_alive(self, person: Person = AMARA) -> bool:
        """Whether the token that is kept is the one that TikTok knows."""
        kept = await self.kept(person)
        return kept is not None and kept.token.refresh_token in self.emulator.grants.refresh_tokens

    async def settle(self) -> None:
        await self.tiktok.tokens.aclose()
        await self.other.tokens.aclose()


class Halt:
    """Holds a deed at one of its steps, until something else is done or waits for it."""

    def __init__(self, step: int, meanwhile: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.left = step
        self.meanwhile = meanwhile
        self.outside = copy_context()
        self.task: asyncio.Task[Any] | None = None

    def begin(self, deed: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        watched: Context = copy_context()
        watched.run(reached.set, self.reach)
        return asyncio.create_task(deed, context=watched)

    async def reach(self) -> None:
        self.left -= 1
        if self.left == -1:
            self.task = asyncio.create_task(self.meanwhile(), context=self.outside)
            await asyncio.wait({self.task}, timeout=HELD)


async def interleave(prepare: Callable[[], Awaitable[Scene]], first: Deed, second: Deed) -> AsyncIterator[Scene]:
    """A scene for each step of the first deed, after both are done, the second having happened at that step."""
    for step in count():
        scene = await prepare()
        halt = Halt(step, lambda scene=scene: second(scene))  # type: ignore[misc]
        deed = halt.begin(first(scene))
        await asyncio.wait({deed})
        if halt.task is None:
            deed.result()
            return
        scene.outcomes = [*await asyncio.gather(deed, halt.task, return_exceptions=True)]
        await scene.settle()
        yield scene
