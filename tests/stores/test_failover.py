"""Sessions in memory while another server becomes the primary of their store."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.crc import key_slot

from asgi_tiktok import Store, StoreError
from asgi_tiktok.stores.redis import RedisStore
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from tests.support.databases import run_postgresql
from tests.support.listener import listening
from tests.support.ports import free_port
from tests.support.redis_servers import RedisServer, redis_servers
from tests.support.requirements import require_program
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
    settings = ("monitor main 127.0.0.1 {} 1", "down-after-milliseconds main 500")
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


@pytest.mark.soak
async def test_a_node_of_a_cluster_is_killed_after_a_slot_has_moved(serve: Callable[..., RedisServer]) -> None:
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "500", "--cluster-require-full-coverage", "no")
    nodes = [serve(*options) for _ in range(3)]
    addresses = [f"127.0.0.1:{node.port}" for node in nodes]
    create = [require_program("redis-cli", "redis-tools"), "--cluster", "create", *addresses, "--cluster-yes"]
    subprocess.run(create, check=True, capture_output=True)
    names = [f"session:{number:064x}" for number in range(30)]

    def is_complete() -> bool:
        return all("cluster_state:ok" in str(node.execute("CLUSTER", "INFO")) for node in nodes)

    wait_until(is_complete)
    async with RedisCluster("127.0.0.1", nodes[0].port) as one, RedisCluster("127.0.0.1", nodes[1].port) as other:
        store = RedisStore(one)
        async with listening(RedisStore(other)) as listener:
            for name in names:
                await store.set(name, b"1", ttl=60, owner="ada")
            key = f"asgi-tiktok:record:{names[0]}"
            slot = key_slot(key.encode())
            source = nodes[slot * 3 // 16384]
            target = nodes[slot * 3 // 16384 - 1]
            into, out_of = (str(node.execute("CLUSTER", "MYID"), "ascii") for node in (target, source))  # type: ignore[call-overload]
            target.execute("CLUSTER", "SETSLOT", slot, "IMPORTING", out_of)
            source.execute("CLUSTER", "SETSLOT", slot, "MIGRATING", into)
            source.execute("MIGRATE", "127.0.0.1", target.port, key, 0, 1000)
            assert await store.delete_owned("ada") == 30
            # A proof comes by one node only. The notices of the others may come later than it.
            await listener.until(lambda: sorted(listener.keys) == names)

            nodes[2].kill()
            with suppress(StoreError):
                await store.get(names[1])
            await asyncio.sleep(2)
            nodes[2].start()
            await asyncio.to_thread(wait_until, is_complete)
            await listener.proof()
