"""Notices of PostgreSQL while servers, connections and poolers fail."""

import asyncio
import gc
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from asgi_tiktok.clock import uptime
from asgi_tiktok.stores import postgresql_notices, sqlalchemy_database
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from tests.support.databases import database_url, open_database_store, open_engine, run_postgresql
from tests.support.listener import RecordingListener, assert_notices_arrive, listening
from tests.support.pgbouncer import run_pgbouncer
from tests.support.relay import Fault, Relay, relaying
from tests.support.settings import FROM_ORIGIN
from tests.support.tiktok import new_tiktok
from tests.support.two_sites import name_at, signed_in_at, visit_until_remembered
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.anyio

BOUND = 0.4  # seconds
LISTENERS = "FROM pg_stat_activity WHERE application_name = :name AND query LIKE 'LISTEN%'"


@pytest.fixture
async def store(tmp_path: Path, patient_stores: None) -> AsyncIterator[SQLAlchemyStore]:
    """A store whose connections have the name of its table."""
    async with open_database_store("postgresql", tmp_path) as created:
        name = str(created.table.name)
        store = SQLAlchemyStore(url_of(created).update_query_dict({"application_name": name}), table=name)
        yield store
        await store.aclose()


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    async with relaying(database_url("postgresql", tmp_path).port or 5432) as relay:
        yield relay


@pytest.fixture
async def relayed(store: SQLAlchemyStore, relay: Relay) -> AsyncIterator[SQLAlchemyStore]:
    """The store behind the relay."""
    behind = SQLAlchemyStore(url_of(store).set(host="127.0.0.1", port=relay.port), table=store.table.name)
    yield behind
    await behind.aclose()


def url_of(store: SQLAlchemyStore) -> Any:
    return store._database.settings.url


async def execute(store: SQLAlchemyStore, *statements: str, **parameters: object) -> list[Any]:
    """Run SQL on another connection, and return the rows of the last statement."""
    async with open_engine(url_of(store)) as engine, engine.begin() as connection:
        for statement in statements:
            result = await connection.execute(text(statement), parameters)
        return list(result.all()) if result.returns_rows else []


async def channel_names(store: SQLAlchemyStore) -> list[str]:
    """Return the channels on which a store listens: that of its table, and that of its echoes."""
    [(query,)] = await execute(store, f"SELECT query {LISTENERS}", name=store.table.name)
    return [f"{store.table.name}_notices", query.split('"')[1]]


async def test_stores_with_any_driver_and_engine_send_notices(store: SQLAlchemyStore) -> None:
    engine = create_async_engine(url_of(store))
    others: list[Any] = [engine, url_of(store).set(drivername="postgresql+psycopg"), f"{url_text(store)}?pgbouncer=1"]
    async with listening(store) as listener:
        for source in others:
            other = SQLAlchemyStore(source, table=store.table.name)
            assert other.open_channel(listener, bound=1) is None
            await assert_notices_arrive(other, listener)
            await other.aclose()
    await engine.dispose()


@pytest.mark.parametrize("url", ["mysql+asyncmy://root@127.0.0.1/test", "sqlite+aiosqlite:///store.sqlite3"])
def test_other_databases_have_no_notices(url: str) -> None:
    assert SQLAlchemyStore(url).open_channel(RecordingListener(), bound=1) is None


def url_text(store: SQLAlchemyStore) -> str:
    return str(url_of(store).render_as_string(hide_password=False))


async def test_a_closed_connection_is_replaced(store: SQLAlchemyStore) -> None:
    async with listening(store) as listener:
        await execute(store, f"SELECT pg_terminate_backend(pid) {LISTENERS}", name=store.table.name)
        await listener.until(lambda: listener.resets >= 3)

        await assert_notices_arrive(store, listener)


async def test_a_connection_that_a_nat_has_forgotten_is_replaced(
    relayed: SQLAlchemyStore, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlalchemy_database, "DEADLINE", 0.5)
    async with listening(relayed, bound=0.1) as listener:
        relay.forget()
        await listener.until(lambda: listener.resets >= 3)

        await assert_notices_arrive(relayed, listener)


async def test_a_silent_server_proves_nothing_and_the_channel_closes(
    relayed: SQLAlchemyStore, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlalchemy_database, "DEADLINE", 0.2)
    async with listening(relayed, bound=0.1) as listener:
        relay.break_down(Fault(silent=True))
        relay.forget()
        silent = uptime()
        await listener.until(lambda: listener.resets >= 2)
        await asyncio.sleep(0.2)  # the next subscription waits for the server

        assert listener.proved < silent


async def test_a_server_that_is_paused_and_then_killed(port: int) -> None:
    with run_postgresql(port) as server:
        store = SQLAlchemyStore(server.url)
        async with listening(store, bound=0.2) as listener:
            server.send(signal.SIGSTOP)
            paused = uptime()
            await asyncio.sleep(0.3)
            assert listener.proved < paused
            server.send(signal.SIGCONT)
            await assert_notices_arrive(store, listener)
        await store.set("k", b"1", ttl=60, owner="ada")
        async with listening(store, bound=1) as listener:
            backend = int(server.query("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"))
            os.kill(backend, signal.SIGSTOP)
            paused = uptime()
            assert await store.delete("k")
            await asyncio.sleep(0.6)
            assert listener.proved < paused
            os.kill(backend, signal.SIGCONT)
            assert await listener.notices() == ["k"]

            resets = listener.resets
            server.kill()
            await listener.until(lambda: listener.resets > resets)
            assert listener.proved == 0
            server.start()
            await assert_notices_arrive(store, listener)
        await store.aclose()


async def test_a_server_that_has_become_read_only_proves_nothing(
    store: SQLAlchemyStore, caplog: pytest.LogCaptureFixture
) -> None:
    """It would still pass notices on, but the processes that end sessions write to another server."""
    options = url_of(store).update_query_dict({"options": "-c default_transaction_read_only=on"})
    await store.set("k", b"1", ttl=60)
    reading = SQLAlchemyStore(options, table=store.table.name)
    listener = RecordingListener()
    channel = reading.open_channel(listener, bound=0.2)
    assert channel is not None
    await listener.until(lambda: listener.resets >= 3)
    await channel.aclose()
    assert await reading.get("k") == b"1"
    await reading.aclose()

    assert listener.proved == 0
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "the store is asked at each request" in warning
    assert "connect to the primary" in warning


async def test_a_pooler_that_swallows_notices_is_reported_once(
    store: SQLAlchemyStore, caplog: pytest.LogCaptureFixture
) -> None:
    with run_pgbouncer(url_of(store)) as url:
        pooled = SQLAlchemyStore(url, table=store.table.name)
        listener = RecordingListener()
        channel = pooled.open_channel(listener, bound=0.05)
        assert channel is not None
        await listener.until(lambda: listener.resets >= 4)
        await channel.aclose()
        await pooled.aclose()

    assert listener.proved == 0
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "pooler" in warning
    assert "connect to the server itself" in warning


@pytest.mark.parametrize("payload", ["", "1", "-1", "²", "9" * 19, "9" * 7000, "session:" + "0" * 7000, "\x01é"])
async def test_forged_notices_change_nothing_else(store: SQLAlchemyStore, payload: str) -> None:
    async with listening(store) as listener:
        for channel in await channel_names(store):
            publish = "SELECT pg_notify(:channel, :payload) FROM generate_series(1, 3)"
            await execute(store, publish, channel=channel, payload=payload)
        await assert_notices_arrive(store, listener)

        assert listener.resets == 1


async def test_a_flood_of_notices_stops_neither_the_event_loop_nor_the_echoes(store: SQLAlchemyStore) -> None:
    async with listening(store, bound=2) as listener:
        channel = (await channel_names(store))[0]
        flood = "SELECT count(pg_notify(:channel, 'session:' || number)) FROM generate_series(1, 50000) number"
        sending = asyncio.create_task(execute(store, flood, channel=channel))
        turns = set()
        async with asyncio.timeout(TIMEOUT):
            while len(listener.keys) < 50_000:
                turns.add(len(listener.keys))
                await asyncio.sleep(0)
        await sending
        await assert_notices_arrive(store, listener)

        assert len(turns) > 100
        assert listener.resets == 1


async def test_a_flood_that_a_worker_cannot_handle_ends_the_subscription(
    store: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_notices, "MAX_WAITING", 1000)
    async with listening(store, bound=1) as listener:
        flood = "SELECT count(pg_notify(:channel, 'session:' || number)) FROM generate_series(1, 20000) number"
        await execute(store, flood, channel=(await channel_names(store))[0])
        await listener.until(lambda: listener.resets >= 3)

        assert len(listener.keys) < 20_000
        await assert_notices_arrive(store, listener)


async def test_a_closed_channel_leaves_nothing(store: SQLAlchemyStore) -> None:
    before = asyncio.all_tasks()
    for pause in (0, 0.001, 0.01, 0.1):
        channel = store.open_channel(RecordingListener(), bound=0.05)
        assert channel is not None
        await asyncio.sleep(pause)
        await channel.aclose()
    await store.aclose()
    await asyncio.sleep(0)
    gc.collect()

    assert asyncio.all_tasks() == before
    async with asyncio.timeout(TIMEOUT):
        while await execute(store, f"SELECT 1 {LISTENERS}", name=store.table.name):
            await asyncio.sleep(0.02)


FORGETFUL = """
import asyncio, sys
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from tests.support.listener import RecordingListener

async def main():
    store = SQLAlchemyStore(sys.argv[1], table=sys.argv[2])
    listener = RecordingListener()
    store.open_channel(listener, bound=0.2)
    await listener.proof()

asyncio.run(main())
"""


async def test_an_open_channel_keeps_no_process_alive(store: SQLAlchemyStore) -> None:
    program = [sys.executable, "-c", FORGETFUL, url_text(store), store.table.name]
    ended = await asyncio.to_thread(subprocess.run, program, check=True, capture_output=True, timeout=30)

    assert b"never" not in ended.stderr
    assert b"pending" not in ended.stderr


@pytest.mark.parametrize("hears", [True, False])
async def test_a_session_ends_at_the_site_that_remembers_it(
    store: SQLAlchemyStore,
    relayed: SQLAlchemyStore,
    relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
    hears: bool,
) -> None:
    reads: list[str] = []
    get = relayed.get

    async def counted(key: str) -> bytes | None:
        reads.append(key)
        return await get(key)

    monkeypatch.setattr(relayed, "get", counted)
    near, far = (new_tiktok(store=each, session_memory_bound=BOUND) for each in (store, relayed))
    async with signed_in_at(near, far) as (here, there):
        await visit_until_remembered(there, lambda: len(reads))
        if not hears:
            relay.forget()
        await here.post("/auth/tiktok/logout", headers=FROM_ORIGIN)
        await asyncio.sleep(BOUND)

        assert await name_at(there) == ""
