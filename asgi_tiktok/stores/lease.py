"""A lease: the right to do one thing, held by one worker at a time, and lost by one that dies."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from asgi_tiktok.errors import StoreError
from asgi_tiktok.stores import Store

logger = logging.getLogger("asgi_tiktok")

LEASE = 5  # seconds that a lease outlives its holder
RENEWAL = 1.5  # seconds
PATIENCE = 10  # seconds to wait for somebody else's
POLL = 0.05  # seconds


@asynccontextmanager
async def lease(store: Store, name: str) -> AsyncIterator[bool]:
    """Hold the lease, renewed until the block ends; False when somebody else held it for too long."""
    holder = secrets.token_bytes(16)
    # Every renewal puts the other mark into the store, so that whoever waits can tell a holder who lives.
    marks = (holder + b"0", holder + b"1")
    if not await take(store, name, marks[0]):
        yield False
        return
    renewing = asyncio.create_task(renew(store, name, marks))
    try:
        yield True
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        await give_back(store, name, marks)


async def take(store: Store, name: str, mark: bytes) -> bool:
    """Whether the lease could be had in time."""
    deadline = time.monotonic() + PATIENCE
    seen: bytes | None = None
    unchanged = 0
    while not await store.add(name, mark, ttl=LEASE):
        if time.monotonic() > deadline:
            return False
        standing = await store.get(name)
        unchanged = unchanged + 1 if standing == seen else 0
        seen = standing
        # Nobody renews it, so it has ended, whatever a clock says that was set back meanwhile.
        if seen is not None and unchanged * POLL > LEASE and await store.replace(name, seen, mark, ttl=LEASE):
            return True
        await asyncio.sleep(POLL)
    return True


async def renew(store: Store, name: str, marks: tuple[bytes, bytes]) -> None:
    one, other = marks
    held = True
    while held:
        await asyncio.sleep(RENEWAL)
        with suppress(StoreError):  # perhaps the next attempt comes in time; who holds a lease must survive its loss
            held = await store.replace(name, one, other, ttl=LEASE) or await store.replace(
                name, other, one, ttl=LEASE
            )


async def give_back(store: Store, name: str, marks: tuple[bytes, bytes]) -> None:
    try:
        if not await store.delete(name, marks[0]):
            await store.delete(name, marks[1])
    except StoreError as error:
        logger.warning("a lease could not be given back and ends in %s seconds: %s", LEASE, error)
