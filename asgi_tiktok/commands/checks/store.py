"""Checks of the store: whether it can be written, and who else writes to it."""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress

from asgi_tiktok.commands.checks.finding import Finding, error, ok
from asgi_tiktok.commands.checks.settings import value_of
from asgi_tiktok.errors import ConfigurationError, StoreError
from asgi_tiktok.stores import DEFAULT_URL, MemoryStore, Store, open_store
from asgi_tiktok.stores.workers import count_workers

DEADLINE = 6  # seconds
SHARED = "Choose sqlite:///… for one machine, or redis:// or postgresql+asyncpg:// for many."


async def check_store(environ: Mapping[str, str]) -> list[Finding]:
    """The store, and the number of workers that are to share it."""
    workers = count_all_workers(environ)
    try:
        store = open_store(value_of(environ, "TIKTOK_STORE") or DEFAULT_URL)
    except ConfigurationError as refusal:
        found, _, cure = refusal.description.partition(": ")
        return [error("store", found.replace("store", "TIKTOK_STORE", 1), cure or SHARED)]
    if isinstance(store, MemoryStore):
        return memory(workers)
    noted = ok("workers", f"{workers}; they share the store")
    return [await try_out(store), noted] if workers > 1 else [await try_out(store)]


def count_all_workers(environ: Mapping[str, str]) -> int:
    """The number that the environment gives to uvicorn or gunicorn."""
    uvicorn = value_of(environ, "UVICORN_WORKERS")
    arguments = environ.get("GUNICORN_CMD_ARGS", "").split() + (["--workers", uvicorn] if uvicorn else [])
    return count_workers(arguments, environ)


def memory(workers: int) -> list[Finding]:
    found = ok("store", "memory://, gone with the process", "For tests. " + SHARED)
    if workers == 1:
        return [found]
    return [found, error("workers", f"{workers}, and none sees the sign-ins of another's memory", SHARED)]


async def try_out(store: Store) -> Finding:
    """Keep, read and forget a record."""
    key = f"doctor:{secrets.token_hex(8)}"
    try:
        async with asyncio.timeout(DEADLINE):
            await store.set(key, b"probe", ttl=60)
            kept = await store.get(key)
            await store.delete(key)
    except StoreError as refusal:
        return error("store", f"{refusal.description} ({store!r})", refusal.hint or "Is it running, and reachable?")
    except TimeoutError:
        return error("store", f"no answer within {DEADLINE} seconds ({store!r})", "Is it running, and reachable?")
    finally:
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(1):
                await store.aclose()
    if kept != b"probe":
        return error("store", f"it keeps nothing ({store!r})", "Look at its settings: it must not evict records.")
    return ok("store", f"{store!r}, written and read")
