"""Stores after a failover, behind a NAT that forgets connections, and in front of a server that is silent."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from asgi_tiktok import Store, StoreError
from asgi_tiktok.stores import redis_pool, sqlalchemy_database
from asgi_tiktok.stores.redis import RedisStore
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from tests.support.databases import database_url, new_table_name, open_database_store, open_engine
from tests.support.redis_servers import REDIS_URL, RedisServer, new_prefix, redis_servers
from tests.support.relay import CALM, Fault, Relay, relaying

pytestmark = pytest.mark.anyio

ENGINES = ("redis", "postgresql", "mariadb")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    with redis_servers(tmp_path) as start:
        yield start


@asynccontextmanager
async def relayed_store(engine: str, folder: Path) -> AsyncIterator[tuple[Store, Relay]]:
    """Open a store whose connections pass through a relay."""
    if engine == "redis":
        with new_prefix() as prefix:
            async with relaying(urlsplit(REDIS_URL).port or 6379) as relay:
                store = RedisStore(f"redis://127.0.0.1:{relay.port}/0", prefix=prefix)
                yield store, relay
                await store.aclose()
        return
    url = database_url(engine, folder)
    async with relaying(url.port or 0) as relay:
        database = SQLAlchemyStore(url.set(port=relay.port), table=new_table_name())
        yield database, relay
        await database.aclose()
    async with open_engine(url) as direct, direct.begin() as connection:
        await connection.execute(text(f"DROP TABLE IF EXISTS {database.table.name}"))


async def open_connections(store: Store, relay: Relay) -> None:
    await asyncio.gather(*(store.set(f"k{number}", b"1", ttl=600, owner="ada") for number in range(8)))
    assert len(relay.links) >= 5


@pytest.mark.parametrize("given", [False, True], ids=["URL", "the app's client"])
async def test_redis_writes_to_the_new_primary_after_a_failover(
    serve: Callable[..., RedisServer], given: bool
) -> None:
    old, new = serve(), serve()
    async with relaying(old.port) as relay:
        client = Redis(port=relay.port)
        store = RedisStore(client if given else f"redis://127.0.0.1:{relay.port}")
        await open_connections(store, relay)
        old.execute("REPLICAOF", "127.0.0.1", new.port)
        relay.target = new.port
        writes = (store.set(f"new{number}", b"2", ttl=600, owner="ada") for number in range(8))
        if given:
            for write in writes:
                await write
        else:
            await asyncio.gather(*writes)

        assert [await store.get(f"new{number}") for number in range(8)] == [b"2"] * 8
        await store.aclose()
        await client.aclose()


FORBID_WRITES = {
    "postgresql": (
        "CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF pg_backend_pid() = ANY (ARRAY[{connections}]) THEN "
        "RAISE EXCEPTION 'cannot execute INSERT in a read-only transaction' USING ERRCODE = '25006'; "
        "END IF; RETURN NEW; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_refuse()",
    ),
    "mariadb": (
        "CREATE TRIGGER {table}_refuse BEFORE INSERT ON {table} FOR EACH ROW IF CONNECTION_ID() IN ({connections}) "
        "THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'the --read-only option'; END IF",
    ),
}
CONNECTIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE query LIKE '%{table}%' AND pid <> pg_backend_pid()",
    "mariadb": "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID()",
}


@pytest.mark.parametrize("given", [False, True], ids=["URL", "the app's engine"])
@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
async def test_a_database_is_written_after_its_old_connections_became_read_only(
    name: str, given: bool, tmp_path: Path
) -> None:
    async with open_database_store(name, tmp_path) as created:
        url, table = database_url(name, tmp_path), created.table.name
        engine = create_async_engine(url)
        store = SQLAlchemyStore(engine if given else url, table=table)
        await asyncio.gather(*(store.set(f"k{number}", b"1", ttl=600) for number in range(8)))
        async with open_engine(url) as direct, direct.begin() as connection:
            found = await connection.execute(text(CONNECTIONS[name].format(table=table)))
            connections = ", ".join(str(row[0]) for row in found)
            for statement in FORBID_WRITES[name]:
                await connection.exec_driver_sql(statement.format(table=table, connections=connections))
        results = await asyncio.gather(*(store.add(f"new{number}", b"2", ttl=600) for number in range(8)))

        assert results == [True] * 8
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
        await store.aclose()
        await engine.dispose()
        async with open_engine(url) as direct, direct.begin() as connection:
            await connection.execute(text(f"DROP TABLE {table}"))
            if name == "postgresql":
                await connection.execute(text(f"DROP FUNCTION {table}_refuse"))


@pytest.mark.parametrize("engine", ENGINES)
async def test_no_request_fails_after_a_nat_forgot_all_connections(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_pool, "REPLY_TIMEOUT", 1)
    async with relayed_store(engine, tmp_path) as (store, relay):
        await open_connections(store, relay)
        relay.forget()
        started = time.monotonic()
        await asyncio.gather(*(store.set(f"new{number}", b"2", ttl=600, owner="ada") for number in range(3)))
        assert time.monotonic() - started < 3

        started = time.monotonic()
        for number in range(8):
            assert await store.get(f"k{number}") == b"1"
        assert time.monotonic() - started < 1


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_store_closes_although_its_server_is_silent(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlalchemy_database, "CLOSE_WAIT", 0.3)
    async with relayed_store(engine, tmp_path) as (store, relay):
        await open_connections(store, relay)
        relay.break_down(Fault(silent=True))
        relay.forget()
        waiting = asyncio.create_task(store.get("k1"))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        await store.aclose()
        assert time.monotonic() - started < 2

        with pytest.raises(StoreError):
            await waiting
        relay.break_down(CALM)
