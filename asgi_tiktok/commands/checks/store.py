"""Checks of the store: whether it keeps a record, and whether the workers share it."""

import asyncio
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeGuard

from asgi_tiktok.commands.checks.finding import Finding, error, ok
from asgi_tiktok.commands.checks.settings import STORE_FIX, Settings
from asgi_tiktok.errors import ConfigurationError, StoreError
from asgi_tiktok.stores import MemoryStore, SQLiteStore, Store

DEADLINE = 6  # seconds
NEW_FILE_FIX = "Run the app in a folder where it can create files, or set TIKTOK_STORE."


async def check_store(settings: Settings) -> list[Finding]:
    """Return the findings about the store and the workers that use it."""
    if "TIKTOK_STORE" in settings.errors:
        return [settings.errors["TIKTOK_STORE"]]
    store, workers = settings.tiktok._store, count_workers(settings.environ)
    if not isinstance(store, MemoryStore):
        shared = [ok("workers", f"{workers}; they share the store")] if workers > 1 else []
        found = await (try_new_file(store) if is_new_file(store) else try_store(store))
        server = await check_server(store) if found.status == "ok" else []
        return [found, *server, *shared]
    lost = ok("store", "memory://, which is lost when the process ends", f"For tests only. {STORE_FIX}")
    if workers == 1:
        return [lost]
    return [lost, error("workers", f"{workers}; each has its own sessions in memory", STORE_FIX)]


def count_workers(environ: Mapping[str, str]) -> int:
    """Return the number of workers that the environment sets for gunicorn or uvicorn, or 1."""
    gunicorn = re.search(r"(?:^|\s)(?:--workers[= ]|-w[= ]?)(\d+)(?=\s|$)", environ.get("GUNICORN_CMD_ARGS", ""))
    counts = (gunicorn[1] if gunicorn else "", environ.get("UVICORN_WORKERS", ""), environ.get("WEB_CONCURRENCY", ""))
    return next((int(count) for count in counts if re.fullmatch(r"[0-9]{1,4}", count.strip())), 1)


def is_new_file(store: Store) -> TypeGuard[SQLiteStore]:
    return isinstance(store, SQLiteStore) and not os.path.exists(store._file)


def existing_folder(path: Path) -> Path:
    return next(folder for folder in path.parents if os.path.exists(folder))


async def try_new_file(store: SQLiteStore) -> Finding:
    """Try a file in a folder that is deleted again, where the store would create its own file."""
    try:
        with TemporaryDirectory(prefix=".asgi-tiktok-doctor-", dir=existing_folder(store._file)) as probe:
            found = await try_store(SQLiteStore(Path(probe) / store._file.name))
    except OSError as failure:
        return error("store", f"{store!r} cannot be created ({failure.strerror})", NEW_FILE_FIX)
    if found.status == "error":
        return found._replace(found=found.found.replace(str(probe), str(store._file.parent)))
    return ok("store", f"{store!r}, which the app will create")


async def try_store(store: Store) -> Finding:
    """Save, read and delete a record."""
    key = f"doctor:{secrets.token_hex(8)}"
    try:
        async with asyncio.timeout(DEADLINE):
            await store.set(key, b"probe", ttl=60)
            record = await store.get(key)
            deleted = await store.delete(key) and await store.get(key) is None
    except StoreError as failure:
        fix = failure.hint or "Check that it runs and can be reached."
        return error("store", f"{failure.description} ({store!r})", fix)
    except TimeoutError:
        found = f"no answer within {DEADLINE} seconds ({store!r})"
        return error("store", found, "Check that it runs and can be reached.")
    finally:
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(1):
                await store.aclose()
    if record != b"probe":
        fix = "Change its settings: it must not evict records."
        return error("store", f"a record was lost as soon as it was saved ({store!r})", fix)
    if not deleted:
        return error("store", f"a record could not be deleted ({store!r})", "Change its settings.")
    return ok("store", f"{store!r}, written and read")


async def check_server(store: Store) -> list[Finding]:
    """Return the findings about the settings of the store's server."""
    try:
        from asgi_tiktok.commands.checks.redis import check_redis
        from asgi_tiktok.stores.redis import RedisStore
    except ConfigurationError:  # the package redis is not installed, so the store is another one
        return []
    return await check_redis(store) if isinstance(store, RedisStore) else []
