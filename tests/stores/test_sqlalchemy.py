"""What is specific to the store in a database."""

import asyncio
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from asgi_tiktok import StoreError
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.stores import sqlalchemy
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from tests.support.databases import (
    MARIADB,
    POSTGRESQL,
    count_rows,
    database_url,
    open_database_store,
    open_engine,
    run_postgresql,
    wait_for_rows,
)
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.anyio

CANARY = b"canary-in-a-database-3kQz"


@pytest.fixture(params=["postgresql", "mariadb", "aiosqlite"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, patient_stores: None
) -> AsyncIterator[SQLAlchemyStore]:
    """A store in each database in turn, before its table exists."""
    async with open_database_store(request.param, tmp_path) as store:
        yield store


@pytest.fixture
async def postgresql(tmp_path: Path, patient_stores: None) -> AsyncIterator[SQLAlchemyStore]:
    async with open_database_store("postgresql", tmp_path) as store:
        yield store


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("postgresql://postgres:canary@127.0.0.1/test", r"postgresql\+asyncpg://"),
        ("postgresql+psycopg2://postgres:canary@127.0.0.1/test", r"asgi-tiktok\[sqlalchemy\]|postgresql\+asyncpg://"),
        ("sqlite:///store.sqlite3", r"sqlite\+aiosqlite://"),
        ("sqlite+pysqlite:///store.sqlite3", r"sqlite\+aiosqlite://"),
        ("mssql+aioodbc://user:canary@127.0.0.1/test", r"PostgreSQL .* MySQL and MariaDB .* SQLite"),
        ("mysql+aiodriver://user:canary@127.0.0.1/test", r"mysql\+asyncmy://"),
        ("canary", "postgresql"),
        (create_engine("sqlite://"), "AsyncEngine"),
    ],
)
def test_a_wrong_url_is_rejected_with_the_urls_that_work(url: str, fix: str) -> None:
    with pytest.raises(ConfigurationError, match=fix) as raised:
        SQLAlchemyStore(url)

    assert "canary" not in repr(raised.value)
    assert raised.value.__context__ is None


def test_a_missing_driver_is_reported_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'asgi-tiktok\[sqlalchemy\]'"):
        SQLAlchemyStore("postgresql+asyncpg://postgres@127.0.0.1/test")


def test_without_sqlalchemy_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['sqlalchemy'] = None; import asgi_tiktok.stores.sqlalchemy"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT)

    assert "ConfigurationError: The SQLAlchemy store needs the package sqlalchemy." in run.stderr.splitlines()[-1]
    assert "pip install 'asgi-tiktok[sqlalchemy]'" in run.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", ["", "two words", "a.b", "records;", "récords", "t" * 51, "t\n"])
def test_a_table_name_must_be_plain(name: str) -> None:
    with pytest.raises(ConfigurationError, match="plain name"):
        SQLAlchemyStore(POSTGRESQL, table=name)


def test_repr_holds_no_password() -> None:
    store = SQLAlchemyStore("postgresql+asyncpg://ada:canary@127.0.0.1:5433/test?password=canary")

    assert (
        repr(store) == "SQLAlchemyStore('postgresql+asyncpg://ada:***@127.0.0.1:5433/test', table='tiktok_records')"
    )


async def test_many_workers_can_create_the_table_at_once(store: SQLAlchemyStore) -> None:
    workers = [SQLAlchemyStore(store._database.settings.url, table=store.table.name) for _ in range(12)]
    added = await asyncio.gather(*(worker.add("k", b"1", ttl=60) for worker in workers))
    await asyncio.gather(*(worker.aclose() for worker in workers))

    assert sorted(added) == [False] * 11 + [True]
    async with open_engine(store._database.settings.url) as engine, engine.connect() as connection:
        names = await connection.run_sync(
            lambda sync: {index["name"] for index in inspect(sync).get_indexes(store.table.name)}
        )
    assert {index.name for index in store.table.indexes} <= names


async def test_a_dropped_table_is_created_again(store: SQLAlchemyStore) -> None:
    await store.set("k", b"1", ttl=60)
    async with open_engine(store._database.settings.url) as engine, engine.begin() as connection:
        await connection.run_sync(store.metadata.drop_all)

    assert await store.get("k") is None
    assert await store.add("k", b"2", ttl=60) is True


async def test_migrations_can_create_the_table(store: SQLAlchemyStore) -> None:
    migrated = SQLAlchemyStore(store._database.settings.url, table=store.table.name, create_table=False)
    with pytest.raises(StoreError, match="run your migrations"):
        await migrated.get("k")
    async with open_engine(store._database.settings.url) as engine, engine.begin() as connection:
        await connection.run_sync(migrated.metadata.create_all)
    await migrated.set("k", b"1", ttl=60)

    assert await migrated.get("k") == b"1"
    await migrated.aclose()


async def test_the_apps_engine_stays_open(store: SQLAlchemyStore) -> None:
    async with open_engine(store._database.settings.url) as engine:
        given = SQLAlchemyStore(engine, table=store.table.name)
        await given.set("k", b"1", ttl=60)
        pool = engine.pool
        await given.aclose()

        assert engine.pool is pool
        assert await given.get("k") == b"1"
        async with engine.begin() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
            assert connection.sync_connection is not None
            assert connection.sync_connection.default_isolation_level == await connection.get_isolation_level()
        await given.aclose()


async def test_a_case_insensitive_database_keeps_users_apart(tmp_path: Path) -> None:
    async with open_database_store("mariadb", tmp_path) as store:
        async with open_engine(store._database.settings.url) as engine, engine.begin() as connection:
            assert (await connection.execute(text("SELECT 'OpenId' = 'openid'"))).scalar_one() == 1
        for name in ("OpenId", "openid", "openid "):
            await store.set(f"session:{name}", name.encode(), ttl=60, owner=name)

        assert await store.get("session:openid") == b"openid"
        assert await store.get("session:OPENID") is None
        assert [key async for key in store.owned("openid")] == ["session:openid"]
        assert await store.delete_owned("openid") == 1
        assert await store.get("session:OpenId") == b"OpenId"
        assert await store.get("session:openid ") == b"openid "


async def test_a_value_can_be_replaced_by_an_equal_value(store: SQLAlchemyStore) -> None:
    await store.set("k", b"1", ttl=60)

    assert await store.replace("k", b"1", b"1", ttl=60) is True
    assert await store.replace("k", b"1", b"1", ttl=60) is True


async def test_a_key_that_is_too_long_is_rejected(store: SQLAlchemyStore) -> None:
    for name in ("k" * 256, "clé"):
        with pytest.raises(StoreError, match="255"):
            await store.set(name, b"1", ttl=60)
        with pytest.raises(StoreError, match="255"):
            await store.set("k", b"1", ttl=60, owner=name)
    await store.set("k" * 255, b"1", ttl=60, owner="o" * 255)
    assert [key async for key in store.owned("o" * 255)] == ["k" * 255]


async def test_no_value_appears_in_an_error_or_a_log(
    store: SQLAlchemyStore, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "asyncio", "aiosqlite"):
        caplog.set_level(logging.DEBUG, name)
    logging.getLogger("sqlalchemy.engine.Engine.asgi_tiktok").setLevel(logging.NOTSET)
    from_url = SQLAlchemyStore(store._database.settings.url, table=store.table.name)
    async with open_engine(store._database.settings.url) as engine:
        given = SQLAlchemyStore(engine, table=store.table.name, create_table=False)
        await from_url.set("k", CANARY, ttl=60)
        assert await from_url.get("k") == CANARY
        async with engine.begin() as connection:
            await connection.execute(text(f"ALTER TABLE {store.table.name} DROP COLUMN value"))
        for broken in (from_url, given):
            for _ in range(2):
                with pytest.raises(StoreError, match="its own table") as raised:
                    await broken.set("k", CANARY, ttl=60)
                check(raised.value)
            with pytest.raises(StoreError) as raised:
                await broken.set("k", CANARY.decode(), ttl=60)  # type: ignore[arg-type]
            check(raised.value)
            await broken.aclose()
    logging.getLogger("sqlalchemy.engine.Engine.asgi_tiktok").setLevel(logging.NOTSET)

    ours = [record for record in caplog.records if record.name.endswith("asgi_tiktok")]
    assert ours
    assert CANARY.decode() not in "".join(record.getMessage() for record in ours)


def check(error: StoreError) -> None:
    assert CANARY.decode() not in f"{error!r} {error} {error.args} {vars(error)}"
    assert "INSERT" not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
async def test_a_missing_server_is_an_error_within_seconds(name: str, port: int) -> None:
    url = make_url(POSTGRESQL if name == "postgresql" else MARIADB)
    url = url.set(host="127.0.0.1", port=port, password="canary")
    store = SQLAlchemyStore(url)
    with pytest.raises(StoreError, match="host and port") as raised:
        await store.get("k")
    assert "canary" not in str(raised.value)

    with socket.create_server(("127.0.0.1", port)):
        # This server accepts connections and never answers.
        started = time.monotonic()
        with pytest.raises(StoreError, match="host and port"):
            await store.set("k", b"1", ttl=60)
        assert time.monotonic() - started < 10
    await store.aclose()


async def test_a_missing_database_is_reported(tmp_path: Path) -> None:
    store = SQLAlchemyStore(database_url("postgresql", tmp_path).set(database="missing"))
    with pytest.raises(StoreError, match="no database with this name"):
        await store.get("k")
    await store.aclose()


async def test_a_power_cut_under_traffic_loses_no_record(port: int) -> None:
    with run_postgresql(port) as server:
        store = SQLAlchemyStore(server.url)
        saved: dict[str, bytes] = {}
        failures: list[StoreError] = []
        running = True

        async def visit(worker: int) -> None:
            number = 0
            while running:
                number += 1
                key, value = f"{worker}-{number}", f"value of {worker}-{number}".encode()
                try:
                    await store.set(key, value, ttl=600, owner=str(worker))
                    saved[key] = value
                    assert await store.get(key) == value
                except StoreError as error:
                    failures.append(error)
                    await asyncio.sleep(0.02)

        visitors = [asyncio.create_task(visit(worker)) for worker in range(10)]
        async with asyncio.timeout(TIMEOUT):
            while len(saved) < 50:
                await asyncio.sleep(0.05)
        await asyncio.to_thread(server.kill)
        before = len(saved)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(TIMEOUT):
            while len(saved) < before + 50:
                await asyncio.sleep(0.05)
        running = False
        await asyncio.gather(*visitors)

        assert failures
        assert before > 0
        assert {key: await store.get(key) for key in saved} == saved
        await store.aclose()


async def test_a_connection_that_the_server_closed_is_replaced(postgresql: SQLAlchemyStore) -> None:
    await postgresql.set("k", b"1", ttl=60)
    for _ in range(5):
        async with open_engine(postgresql._database.settings.url) as engine, engine.connect() as connection:
            end = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND query LIKE :table"
            )
            await connection.execute(text(end), {"table": f"%{postgresql.table.name}%"})
        assert await postgresql.get("k") == b"1"


async def test_a_stopped_server_is_an_error_within_seconds(port: int) -> None:
    with run_postgresql(port) as server:
        store = SQLAlchemyStore(server.url)
        await store.set("k", b"1", ttl=600)
        server.send(signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(StoreError, match="in time"):
            await store.get("k")
        assert time.monotonic() - started < 10
        server.send(signal.SIGCONT)

        assert await store.get("k") == b"1"
        await store.aclose()


async def test_the_result_of_a_cancelled_read_is_not_returned_to_the_next(store: SQLAlchemyStore) -> None:
    for number in range(20):
        await store.set(str(number), str(number).encode(), ttl=60)
    chance = random.Random(7)

    async def cancelled(number: int) -> None:
        task = asyncio.create_task(store.get(str(number % 20)))
        await asyncio.sleep(chance.uniform(0, 0.006))
        task.cancel()
        with suppress(asyncio.CancelledError):
            assert await task == str(number % 20).encode()

    for first in range(0, 300, 6):
        await asyncio.gather(*(cancelled(first + number) for number in range(6)))
        key = str(chance.randrange(20))
        assert await store.get(key) == key.encode()


async def test_each_event_loop_has_its_own_connections(store: SQLAlchemyStore) -> None:
    await store.set("k", b"1", ttl=60)
    seen: list[bytes | None] = []

    async def use_another_loop() -> None:
        seen.append(await store.get("k"))
        await store.set("there", b"too", ttl=60)
        await store.aclose()

    for _ in range(2):
        thread = threading.Thread(target=lambda: asyncio.run(use_another_loop()))
        thread.start()
        await asyncio.to_thread(thread.join)

    assert seen == [b"1", b"1"]
    assert await store.get("there") == b"too"
    assert len(store._database.states) == 1


async def test_a_forked_process_opens_its_own_connections(store: SQLAlchemyStore) -> None:
    await store.set("k", b"1", ttl=60)
    (inherited,) = store._database.states.values()
    store._database.pid = 0

    assert await store.get("k") == b"1"
    (state,) = store._database.states.values()
    assert state is not inherited
    assert store._database.pid == os.getpid()
    await asyncio.gather(*inherited.background)
    await inherited.engine.dispose()


async def test_only_expired_rows_are_deleted(store: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlalchemy, "PURGE_INTERVAL", 0.5)
    workers = [SQLAlchemyStore(store._database.settings.url, table=store.table.name) for _ in range(3)]
    await store.set("live", b"1", ttl=60)
    async with open_engine(store._database.settings.url) as engine, engine.begin() as connection:
        ended = [
            {"key": store._statements.encode(str(number)), "value": b"", "ends_at": number} for number in range(900)
        ]
        await connection.execute(store.table.insert(), ended)
    await asyncio.sleep(0.5)
    await asyncio.gather(*(worker.set("k", b"1", ttl=60) for worker in workers))
    await wait_for_rows(store, 2)

    assert await store.get("live") == b"1"
    assert await store.get("k") == b"1"
    await asyncio.gather(*(worker.aclose() for worker in workers))


async def test_a_failed_purge_does_not_fail_the_write(
    postgresql: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert await postgresql.get("k") is None
    monkeypatch.setattr(postgresql._statements, "purge", text("DELETE FROM missing_table"))
    monkeypatch.setattr(postgresql, "_create_table", False)
    await postgresql.set("k", b"1", ttl=60)
    async with asyncio.timeout(TIMEOUT):
        while "expired records not deleted" not in caplog.text:
            await asyncio.sleep(0.01)

    assert await postgresql.get("k") == b"1"


async def test_aclose_waits_for_running_operations(
    postgresql: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql._statements, "purge", text("SELECT pg_sleep(1)"))
    await postgresql.set("k", b"1", ttl=60)
    await asyncio.sleep(0.2)
    started = time.monotonic()
    await postgresql.aclose()

    assert time.monotonic() - started < 10
    assert await count_rows(postgresql) == 1
