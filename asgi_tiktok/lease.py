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
    deadline = time.monotonic() + PATIENCE
    while not await store.add(name, holder, ttl=LEASE):
        if time.monotonic() > deadline:
            yield False
            return
        await asyncio.sleep(POLL)
    renewing = asyncio.create_task(renew(store, name, holder))
    try:
        yield True
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        await give_back(store, name, holder)


async def renew(store: Store, name: str, holder: bytes) -> None:
    held = True
    while held:
        await asyncio.sleep(RENEWAL)
        with suppress(StoreError):  # perhaps the next attempt comes in time; who holds a lease must survive its loss
            held = await store.replace(name, holder, holder, ttl=LEASE)


async def give_back(store: Store, name: str, holder: bytes) -> None:
    try:
        await store.delete(name, holder)
    except StoreError as error:
        logger.warning("a lease could not be given back and ends in %s seconds: %s", LEASE, error)
