"""A lease: only one worker at a time holds it, and it expires soon if that worker dies."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from asgi_tiktok.errors import StoreError
from asgi_tiktok.stores.protocol import Store

logger = logging.getLogger("asgi_tiktok")

LEASE_TTL = 5  # seconds after the last renewal
RENEW_INTERVAL = 1.5  # seconds
LEASE_WAIT = 10  # seconds that a worker waits for another worker's lease
POLL_INTERVAL = 0.05  # seconds


@asynccontextmanager
async def lease(store: Store, name: str) -> AsyncIterator[bool]:
    """Hold the lease until the block ends. Yield False if another worker held it for longer than LEASE_WAIT."""
    holder = secrets.token_bytes(16)
    # Each renewal switches to the other value, so that waiting workers see that the holder is alive.
    values = (holder + b"0", holder + b"1")
    if not await acquire(store, name, values[0]):
        yield False
        return
    renewing = asyncio.create_task(renew(store, name, values))
    try:
        yield True
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        await release(store, name, values)


async def acquire(store: Store, name: str, value: bytes) -> bool:
    """Wait for the lease. Return False after LEASE_WAIT."""
    deadline = time.monotonic() + LEASE_WAIT
    seen: bytes | None = None
    unchanged = 0
    while not await store.add(name, value, ttl=LEASE_TTL):
        if time.monotonic() > deadline:
            return False
        current = await store.get(name)
        unchanged = unchanged + 1 if current == seen else 0
        seen = current
        # A value that has not changed for LEASE_TTL is no longer renewed. It may still be in the store, if a clock
        # was set back.
        abandoned = unchanged * POLL_INTERVAL > LEASE_TTL
        if abandoned and seen is not None and await store.replace(name, seen, value, ttl=LEASE_TTL):
            return True
        await asyncio.sleep(POLL_INTERVAL)
    return True


async def renew(store: Store, name: str, values: tuple[bytes, bytes]) -> None:
    one, other = values
    held = True
    while held:
        await asyncio.sleep(RENEW_INTERVAL)
        # The next renewal may succeed in time. If it does not, the holder must be able to work without the lease.
        with suppress(StoreError):
            held = await store.replace(name, one, other, ttl=LEASE_TTL) or await store.replace(
                name, other, one, ttl=LEASE_TTL
            )


async def release(store: Store, name: str, values: tuple[bytes, bytes]) -> None:
    try:
        if not await store.delete(name, values[0]):
            await store.delete(name, values[1])
    except StoreError as error:
        logger.warning("lease not released, it expires in %s seconds: %s", LEASE_TTL, error)
