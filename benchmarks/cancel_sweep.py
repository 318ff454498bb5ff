"""A refresh that is interrupted at each await in turn: is the new token in the store every time?"""

import asyncio
import secrets
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
from starlette.types import Receive, Scope, Send

from asgi_tiktok import MemoryStore, TikTok, Token
from asgi_tiktok.emulator import CAST, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator
from benchmarks.table import print_table
from benchmarks.tokens import expire, sign_in

OPEN_ID = CAST[0].open_id
SECRET_KEY = secrets.token_urlsafe(32)
MAX_POINTS = 1000  # await points; a refresh has far fewer


class StepwiseStore:
    """A memory store that yields to the event loop before and after each call, like a store on a network."""

    def __init__(self) -> None:
        self.inner = MemoryStore()

    async def get(self, key: str) -> bytes | None:
        await asyncio.sleep(0)
        value = await self.inner.get(key)
        await asyncio.sleep(0)
        return value

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        await asyncio.sleep(0)
        await self.inner.set(key, value, ttl=ttl, owner=owner)
        await asyncio.sleep(0)

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        await asyncio.sleep(0)
        added = await self.inner.add(key, value, ttl=ttl, owner=owner)
        await asyncio.sleep(0)
        return added

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        await asyncio.sleep(0)
        replaced = await self.inner.replace(key, old, new, ttl=ttl, owner=owner)
        await asyncio.sleep(0)
        return replaced

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        await asyncio.sleep(0)
        deleted = await self.inner.delete(key, value)
        await asyncio.sleep(0)
        return deleted

    def owned(self, owner: str) -> AsyncIterator[str]:
        return self.inner.owned(owner)

    async def delete_owned(self, owner: str) -> int:
        return await self.inner.delete_owned(owner)

    async def aclose(self) -> None:
        await self.inner.aclose()


class SlowEmulator:
    """An emulator that yields to the event loop before and after it rotates the token."""

    def __init__(self) -> None:
        self.emulator = Emulator(rotate="strict")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)
        await self.emulator(scope, receive, send)
        await asyncio.sleep(0)


@dataclass
class Sweep:
    """Totals over all await points."""

    points: int = 0
    kept: int = 0
    one_refresh: int = 0
    orphan_leases: int = 0
    lost_tokens: int = 0


class Scene:
    """A user whose access token has expired, and the app that is about to refresh it."""

    def __init__(self) -> None:
        self.store = StepwiseStore()
        self.slow = SlowEmulator()
        self.tiktok = TikTok(
            DEFAULT_CLIENT_KEY,
            DEFAULT_CLIENT_SECRET,
            "http://localhost:8000/auth/tiktok/callback",
            SECRET_KEY,
            store=self.store,
            base_url="http://127.0.0.1:8700",
            transport=httpx2.ASGITransport(self.slow),
        )

    async def prepare(self) -> None:
        await sign_in(self.tiktok, self.slow.emulator, OPEN_ID)
        await expire(self.tiktok, OPEN_ID)
        self.slow.emulator.exchanges.clear()

    async def begin(self, steps: int) -> asyncio.Task[Token]:
        """Ask for the token, and let the event loop take this number of steps."""
        task = asyncio.create_task(self.tiktok.token(OPEN_ID))
        for _ in range(steps):
            await asyncio.sleep(0)
        return task

    async def judge(self, sweep: Sweep) -> None:
        """Add to the totals: whether TikTok accepts the stored token, and whether a lease is left."""
        tokens = self.slow.emulator.grants
        kept = await self.tiktok._tokens.records.load(OPEN_ID)
        alive = kept is not None and kept.token.refresh_token in tokens.refresh_tokens
        fresh = kept is not None and tokens.access(kept.token.access_token) and kept.token.expires_at > time.time()
        sweep.points += 1
        sweep.kept += bool(alive and fresh)
        sweep.lost_tokens += not alive
        sweep.one_refresh += len(self.slow.emulator.exchanges) == 1
        leases = [record for key, record in self.store.inner._records.items() if key.startswith("lease:")]
        sweep.orphan_leases += len(leases)


async def cancel_requests() -> Sweep:
    """Cancel the only request that waits for the refresh."""
    sweep = Sweep()
    for steps in range(MAX_POINTS):
        scene = Scene()
        await scene.prepare()
        task = await scene.begin(steps)
        if task.done():
            return sweep
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(*scene.tiktok._tokens.in_flight.values(), return_exceptions=True)
        # At the first points the refresh has not started yet, so the next request starts it.
        await scene.tiktok.token(OPEN_ID)
        await scene.judge(sweep)
    raise RuntimeError(f"The refresh took more than {MAX_POINTS} steps.")


def shut_down() -> Sweep:
    """Close the app and end its event loop, as a server does when it shuts down."""
    sweep = Sweep()
    for steps in range(MAX_POINTS):
        scene = Scene()

        async def live(scene: Scene = scene, steps: int = steps) -> bool:
            await scene.prepare()
            task = await scene.begin(steps)
            done = task.done()
            await scene.tiktok.aclose()
            return done

        async def after(scene: Scene = scene) -> None:
            await scene.judge(sweep)

        if asyncio.run(live()):
            return sweep
        asyncio.run(after())
    raise RuntimeError(f"The refresh took more than {MAX_POINTS} steps.")


def main() -> None:
    ArgumentParser(description=__doc__).parse_args()
    rows = [
        ["the request is cancelled", *vars(asyncio.run(cancel_requests())).values()],
        ["the app shuts down", *vars(shut_down()).values()],
    ]
    headers = ["interruption at each await", "points", "new token saved", "one refresh", "leases left", "tokens lost"]
    print_table(headers, rows)
