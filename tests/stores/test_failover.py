"""Sessions in memory while another server becomes the primary of their store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis, Sentinel

from asgi_tiktok import Store
from asgi_tiktok.stores.redis import RedisStore
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from tests.support.databases import run_postgresql
from tests.support.ports import free_port
from tests.support.redis_servers import RedisServer, redis_servers
from tests.support.settings import FROM_ORIGIN
from tests.support.tiktok import new_tiktok
from tests.support.two_sites import name_at, signed_in_at, visit_until
from tests.support.waiting import wait_until

pytestmark = pytest.mark.anyio

BOUND = 0.4  # seconds


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    with redis_servers(tmp_path) as start:
        yield start


async def assert_sessions_survive(near: Store, far: Store, fail_over: Callable[[], None]) -> None:
    """Sign out after the failover. The other site refuses this session, and still serves another one."""
    sites = [new_tiktok(store=store, session_memory_bound=BOUND) for store in (near, far)]
    async with signed_in_at(*sites) as (here, there), signed_in_at(*sites) as (_, living):
        for browser in (there, living) * 5:
            assert await name_at(browser) == "Ada"
        await asyncio.to_thread(fail_over)
        for browser in (here, there, living):
            await visit_until("Ada", browser)
        assert (await here.post("/auth/tiktok/logout", headers=FROM_ORIGIN)).status_code == 303
        await asyncio.sleep(BOUND)

        assert await name_at(there) == ""
        assert [await name_at(living) for _ in range(5)] == ["Ada"] * 5


@asynccontextmanager
async def client_of(sentinel: RedisServer) -> AsyncIterator[Redis]:
    watch = Sentinel([("127.0.0.1", sentinel.port)])  # type: ignore[no-untyped-call]
    async with watch.sentinels[0], watch.master_for("main") as client:
        yield client


async def test_a_sentinel_promotes_a_replica(serve: Callable[..., RedisServer]) -> None:
    old = serve("--repl-diskless-sync-delay", "0")
    new = serve("--replicaof", "127.0.0.1", str(old.port))
    settings = ("monitor main 127.0.0.1 {} 1", "down-after-milliseconds main 100")
    configuration = "".join(f"sentinel {line}\n" for line in settings).format(old.port)
    sentinel = serve("--sentinel", configuration=configuration)

    def fail_over() -> None:
        wait_until(lambda: old.execute("WAIT", 1, 1000) == 1)
        old.kill()
        wait_until(lambda: b"master" in new.execute("ROLE"))  # type: ignore[operator]

    async with client_of(sentinel) as one, client_of(sentinel) as other:
        await assert_sessions_survive(RedisStore(one), RedisStore(other), fail_over)


@pytest.mark.soak
async def test_a_hot_standby_is_promoted(port: int) -> None:
    with run_postgresql(port) as old, run_postgresql(free_port(), primary=old) as new:
        hosts = f"host=127.0.0.1:{old.port}&host=127.0.0.1:{new.port}&target_session_attrs=read-write"

        def fail_over() -> None:
            written = old.query("SELECT pg_current_wal_lsn()")
            wait_until(lambda: new.query(f"SELECT pg_last_wal_replay_lsn() >= '{written}'") == "t")
            old.kill()
            new.query("SELECT pg_promote()")

        near, far = (SQLAlchemyStore(f"postgresql+asyncpg://postgres@/postgres?{hosts}") for _ in range(2))
        await assert_sessions_survive(near, far, fail_over)
