"""A lease: only one worker at a time holds it, and it expires soon if that worker dies."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from asgi_tiktok.errors import StoreError
from asgi_tiktok.events.event import Event, count_event
from asgi_tiktok.stores.protocol import Store

logger = logging.getLogger("asgi_tiktok")

LEASE_TTL = 5  # seconds after the last renewal
RENEW_INTERVAL = 1.5  # seconds
LEASE_WAIT = 10  # seconds that a worker waits for another worker's lease
POLL_INTERVAL = 0.05  # seconds


@asynccontextmanager
async def lease(store: Store, name: str, *, ttl: int | None = None, wait: float | None = None) -> AsyncIterator[bool]:
    """Hold the lease until the block ends. Yield False if another worker held it for longer than `wait`.

    Args:
        store (Store): Where the lease is kept.
        name (str): The key of the lease in the store.
        ttl (int | None): The seconds after the last renewal at which the lease of a dead worker expires.
            Default: LEASE_TTL.
        wait (float | None): The seconds to wait for another worker's lease. Default: LEASE_WAIT.
    """
    ttl = LEASE_TTL if ttl is None else ttl
    wait = LEASE_WAIT if wait is None else wait
    holder = secrets.token_bytes(16)
    # Each renewal switches to the other value, so that waiting workers see that the holder is alive.
    values = (holder + b"0", holder + b"1")
    if not await acquire(store, name, values[0], ttl, wait):
        yield False
        return
    renewing = asyncio.create_task(renew(store, name, values, ttl))
    try:
        yield True
    finally:
        renewing.cancel()
        try:
            # Not `await renewing`, because its CancelledError would look like a cancellation of the holder.
            await asyncio.wait({renewing})
        finally:
            await release(store, name, values, ttl)


async def acquire(store: Store, name: str, value: bytes, ttl: int, wait: float) -> bool:
    """Wait for the lease. Return False if another worker still holds it after `wait` seconds."""
    deadline = time.monotonic() + wait
    seen: bytes | None = None
    unchanged = 0
    while not await store.add(name, value, ttl=ttl):
        if time.monotonic() >= deadline:
            return False
        current = await store.get(name)
        unchanged = unchanged + 1 if current == seen else 0
        seen = current
        # A value that has not changed for `ttl` seconds is no longer renewed. It may still be in the store, if a
        # clock was set back.
        abandoned = unchanged * POLL_INTERVAL > ttl
        if abandoned and seen is not None and await store.replace(name, seen, value, ttl=ttl):
            return True
        await asyncio.sleep(POLL_INTERVAL)
    return True


async def renew(store: Store, name: str, values: tuple[bytes, bytes], ttl: int) -> None:
    one, other = values
    held = True
    while held:
        await asyncio.sleep(RENEW_INTERVAL)
        # The next renewal may succeed in time. If it does not, the holder must be able to work without the lease.
        with suppress(StoreError):
            held = await store.replace(name, one, other, ttl=ttl) or await store.replace(name, other, one, ttl=ttl)


async def release(store: Store, name: str, values: tuple[bytes, bytes], ttl: int) -> None:
    try:
        if not await store.delete(name, values[0]):
            await store.delete(name, values[1])
    except StoreError as error:
        extra = count_event(Event.STORE_FAILED, error)
        logger.warning("lease not released, it expires in %s seconds: %s", ttl, error, extra=extra)
