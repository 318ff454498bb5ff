"""Sessions in memory while the network carries only the requests to the store, or only its answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest

from asgi_tiktok import Store
from asgi_tiktok.stores import postgresql_reader, sqlalchemy_database
from asgi_tiktok.stores.redis import RedisStore
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from tests.support.databases import database_url, open_database_store
from tests.support.redis_servers import REDIS_URL, new_prefix
from tests.support.relay import CALM, Fault, Relay, relaying
from tests.support.settings import FROM_ORIGIN
from tests.support.tiktok import new_tiktok
from tests.support.two_sites import name_at, signed_in_at, visit_until, visit_until_remembered

pytestmark = [pytest.mark.anyio, pytest.mark.soak]

BOUND = 0.4  # seconds


@asynccontextmanager
async def near_and_far(engine: str, folder: Path) -> AsyncIterator[tuple[Store, Store, Relay]]:
    """Open two stores with the same records. The second is behind the relay."""
    if engine == "redis":
        with new_prefix() as prefix:
            async with relaying(urlsplit(REDIS_URL).port or 6379) as relay:
                behind = f"redis://127.0.0.1:{relay.port}/0?socket_timeout=1"
                yield RedisStore(REDIS_URL, prefix=prefix), RedisStore(behind, prefix=prefix), relay
        return
    async with open_database_store(engine, folder) as near:
        url = database_url(engine, folder)
        async with relaying(url.port or 0) as relay:
            yield near, SQLAlchemyStore(url.set(port=relay.port), table=near.table.name), relay


def count_reads(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the keys of all records that will be read from the store, which grows with each."""
    keys: list[str] = []
    get = store.get

    async def counted(key: str) -> bytes | None:
        keys.append(key)
        return await get(key)

    monkeypatch.setattr(store, "get", counted)
    return keys


@pytest.mark.parametrize("passes", ["requests", "answers"])
@pytest.mark.parametrize("engine", ["redis", "postgresql"])
async def test_sessions_at_a_site_that_the_network_reaches_in_one_direction(
    engine: str, passes: Literal["requests", "answers"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with near_and_far(engine, tmp_path) as (near, far, relay):
        reads = count_reads(far, monkeypatch)
        sites = [new_tiktok(store=store, session_memory_bound=BOUND) for store in (near, far)]
        async with signed_in_at(*sites) as (here, there), signed_in_at(*sites) as (_, living):
            await visit_until_remembered(living, lambda: len(reads))
            await visit_until_remembered(there, lambda: len(reads))
            relay.break_down(Fault(silent=True, passes=passes))
            await here.post("/auth/tiktok/logout", headers=FROM_ORIGIN)
            await asyncio.sleep(BOUND)
            with monkeypatch.context() as impatient:
                impatient.setattr(sqlalchemy_database, "DEADLINE", 0.3)
                impatient.setattr(postgresql_reader, "READ_TIMEOUT", 0.3)

                assert await name_at(there) == ""
            relay.break_down(CALM)
            await visit_until("Ada", living)
            assert await name_at(there) == ""
