"""What is specific to Redis, its servers and its clients."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import cast

import anyio
import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from asgi_tiktok import ConfigurationError, StoreError
from asgi_tiktok.stores import redis, redis_scripts
from asgi_tiktok.stores.redis import RedisStore
from tests.support.ports import free_port
from tests.support.redis_servers import REDIS_URL, RedisServer, new_prefix, redis_servers
from tests.support.relay import CALM, Fault, relaying
from tests.support.waiting import TIMEOUT, wait_until

pytestmark = pytest.mark.anyio

PASSWORD = "n0t-a-real-s3cret"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    with redis_servers(tmp_path) as start:
        yield start


@pytest.fixture
def prefix() -> Iterator[str]:
    with new_prefix() as prefix:
        yield prefix


@pytest.fixture
async def store(prefix: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(REDIS_URL, prefix=prefix)
    yield store
    await store.aclose()


@pytest.fixture
async def client() -> AsyncIterator[Redis]:
    async with Redis.from_url(REDIS_URL) as client:
        yield client


async def keys_of(client: Redis, prefix: str) -> list[bytes]:
    return sorted([key async for key in client.scan_iter(f"{prefix}*", count=1000)])


async def test_records_and_indexes_expire_in_redis(store: RedisStore, client: Redis, prefix: str) -> None:
    await store.set("k", b"1", ttl=100, owner="ada")
    record, index = f"{prefix}record:k", (await keys_of(client, f"{prefix}owner:"))[0]

    assert 99_000 < await client.pttl(record) <= 100_000
    assert 159_000 < await client.pttl(index) <= 160_000
    await store.set("m", b"1", ttl=100, owner="ada")
    await store.replace("k", b"1", b"2", ttl=200)
    assert 199_000 < await client.pttl(record) <= 200_000
    await store.set("l", b"1", ttl=50, owner="ada")
    assert 158_000 < await client.pttl(index) <= 160_000


async def test_deleted_records_leave_no_keys(store: RedisStore, client: Redis, prefix: str) -> None:
    await store.set("again", b"1", ttl=60, owner="ada")
    await store.set("again", b"2", ttl=60, owner="bob")
    await store.set("again", b"3", ttl=60)
    await store.add("again", b"4", ttl=60, owner="ada")
    await store.replace("again", b"4", b"5", ttl=60, owner="ada")
    await store.delete("again")
    for number in range(5):
        await store.set(str(number), b"1", ttl=60, owner="ada")
        await store.set(str(number), b"1", ttl=60, owner="ada")
        await store.replace(str(number), b"1", b"2", ttl=60, owner="ada")
    await store.delete("0")

    assert await store.delete_owned("ada") == 4
    assert await keys_of(client, prefix) == []


async def test_entries_of_expired_records_are_removed(
    store: RedisStore, client: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "ADD_ENTRY", redis_scripts.ADD_ENTRY.replace("60", "0", 1))
    for number in range(5):
        await store.set(str(number), b"", ttl=1, owner="ada")
    await anyio.sleep(1.2)
    await store.set("k", b"", ttl=60, owner="ada")

    assert await client.zcard((await keys_of(client, f"{prefix}owner:"))[0]) == 1


async def test_an_evicted_record_is_not_listed(store: RedisStore, client: Redis, prefix: str) -> None:
    for key in ("a", "b:0aff", "c:0AFF", "d:0af", ":00", "e:f:0a", ":"):
        await store.set(key, b"", ttl=60, owner="ada")
    await client.delete(f"{prefix}record:a")

    assert [key async for key in store.owned("ada")] == ["b:0aff", "c:0AFF", "d:0af", ":00", "e:f:0a", ":"]
    assert await store.delete_owned("ada") == 6


async def test_hundreds_of_records_can_expire_at_the_same_moment(
    store: RedisStore, client: Redis, prefix: str
) -> None:
    names = [f"{number:04}" for number in range(500)]
    for name in names:
        await store.set(name, b"", ttl=60, owner="ada")
    index = (await keys_of(client, f"{prefix}owner:"))[0]
    entries = cast(list[bytes], await client.zrange(index, 0, -1))
    await client.zadd(index, dict.fromkeys(entries, 2_000_000_000_000_000))
    listed = []
    async for key in store.owned("ada"):
        listed.append(key)
        await store.delete(key)

    assert sorted(listed) == names


async def test_the_index_of_a_few_sessions_is_compact(store: RedisStore, client: Redis, prefix: str) -> None:
    for number in range(20):
        await store.set(f"session:{number:064x}", b"", ttl=60, owner="ada")

    assert await client.object("ENCODING", (await keys_of(client, f"{prefix}owner:"))[0]) == b"listpack"


async def test_stores_with_different_prefixes_are_separate(store: RedisStore, prefix: str) -> None:
    other = RedisStore(REDIS_URL, prefix=f"{prefix}other:")
    await store.set("k", b"1", ttl=60, owner="ada")
    await other.set("k", b"2", ttl=60, owner="ada")

    assert await store.delete_owned("ada") == 1
    assert await other.get("k") == b"2"
    await other.aclose()


async def test_records_of_another_program_are_not_returned(store: RedisStore, client: Redis, prefix: str) -> None:
    await client.set(f"{prefix}record:short", b"x", ex=60)
    await client.hset(f"{prefix}record:hash", "x", "y")

    assert await store.get("short") is None
    assert await store.replace("short", b"", b"1", ttl=60) is False
    assert await store.delete("short") is True
    with pytest.raises(StoreError, match="its own prefix"):
        await store.get("hash")


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [True, False])
async def test_the_apps_client_can_have_any_settings(prefix: str, protocol: int, decode: bool) -> None:
    async with Redis.from_url(REDIS_URL, decode_responses=decode, encoding="latin-1", protocol=protocol) as client:
        store = RedisStore(client, prefix=prefix)
        await store.set("k", b"\xff\x00", ttl=60, owner="ada")

        assert await store.get("k") == b"\xff\x00"
        assert await store.replace("k", b"\xff\x00", b"\xfe", ttl=60, owner="ada") is True
        assert [key async for key in store.owned("ada")] == ["k"]
        assert await store.delete_owned("ada") == 1
        assert repr(store) == 'RedisStore("the app\'s Redis")'
        connection = await client.client_id()
        await store.aclose()
        assert await client.client_id() == connection


def test_a_client_works_in_one_event_loop_and_a_url_in_all(prefix: str) -> None:
    store = RedisStore(REDIS_URL, prefix=prefix)

    async def visit() -> bytes | None:
        await store.set("k", b"1", ttl=60)
        try:
            return await store.get("k")
        finally:
            await store.aclose()

    assert [asyncio.run(visit()), asyncio.run(visit())] == [b"1", b"1"]
    client = Redis.from_url(REDIS_URL)
    loops = [asyncio.new_event_loop(), asyncio.new_event_loop()]
    store = RedisStore(client, prefix=prefix)
    assert loops[0].run_until_complete(store.get("k")) == b"1"
    with pytest.raises(StoreError, match="loop that used it first"):
        loops[1].run_until_complete(store.get("k"))
    loops[0].run_until_complete(client.aclose())
    for loop in loops:
        loop.close()


def test_the_client_of_a_closed_event_loop_is_dropped(prefix: str) -> None:
    store = RedisStore(REDIS_URL, prefix=prefix)

    async def visit() -> None:
        assert await store.get("k") is None
        await store._client().aclose()

    asyncio.run(visit())
    asyncio.run(visit())

    assert len(store._clients[os.getpid()]) == 1


async def test_a_forked_process_opens_its_own_connections(store: RedisStore) -> None:
    await store.set("k", b"1", ttl=60)
    before = store._clients.pop(os.getpid())
    store._clients[0] = before

    assert await store.get("k") == b"1"
    assert store._client() not in list(before.values())
    for client in before.values():
        await client.aclose()


async def test_flushed_scripts_are_sent_again(serve: Callable[..., RedisServer]) -> None:
    server = serve()
    store = RedisStore(server.url)
    for value in (b"1", b"2", b"3"):
        server.execute("SCRIPT", "FLUSH")
        await store.set("k", value, ttl=60, owner="ada")
    server.execute("SCRIPT", "FLUSH")
    assert await store.replace("k", b"3", b"4", ttl=60, owner="ada") is True
    server.execute("SCRIPT", "FLUSH")
    assert await store.delete_owned("ada") == 1
    await store.aclose()


async def test_a_cancelled_read_does_not_disturb_other_reads(store: RedisStore) -> None:
    for number in range(50):
        await store.set(f"k{number}", f"v{number}".encode(), ttl=60)

    async def read(number: int) -> None:
        assert await store.get(f"k{number}") == f"v{number}".encode()

    for _ in range(10):
        await asyncio.gather(*(cancel_soon(read(number)) for number in range(50)))
        await asyncio.gather(*(read(number) for number in range(50)))


async def test_a_cancelled_write_happens_completely_or_not_at_all(store: RedisStore) -> None:
    for number in range(200):
        key, old, new = f"k{number}", f"old{number}".encode(), f"new{number}".encode()
        await store.set(key, old, ttl=60, owner="ada")
        await cancel_soon(store.replace(key, old, new, ttl=60, owner="ada"))

        assert await store.get(key) in (old, new)
        assert {listed async for listed in store.owned("ada")} == {key}
        assert await store.delete_owned("ada") == 1


async def cancel_soon(step: Coroutine[object, object, object]) -> None:
    """Cancel the step twice, the first time at a random moment."""
    task = asyncio.create_task(step)
    await asyncio.sleep(random.uniform(0, 0.002))
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() or task.exception() is None


async def test_a_retry_after_a_lost_reply_reports_success(store: RedisStore) -> None:
    header = await store._add_entry("k", 60, None)
    record = store._record_key("k")

    assert await store._run_script(redis_scripts.ADD, record, header + b"1", 60) == 1
    assert await store._run_script(redis_scripts.ADD, record, header + b"1", 60) == 1
    assert await store.add("k", b"1", ttl=60) is False
    header = await store._add_entry("k", 60, None)
    assert await store._run_script(redis_scripts.REPLACE, record, header + b"2", 60, b"1") is not None
    assert await store._run_script(redis_scripts.REPLACE, record, header + b"2", 60, b"1") == header
    assert await store.replace("k", b"1", b"2", ttl=60) is False


async def test_a_lost_connection_is_replaced(serve: Callable[..., RedisServer]) -> None:
    server = serve()
    store = RedisStore(server.url)
    await store.set("k", b"1", ttl=60)
    for _ in range(3):
        server.execute("CLIENT", "KILL", "TYPE", "normal")
        assert await store.get("k") == b"1"
    await store.aclose()


async def test_no_record_is_lost_when_redis_is_killed(serve: Callable[..., RedisServer]) -> None:
    server = serve("--appendonly", "yes", "--appendfsync", "always")
    store = RedisStore(server.url)
    saved: list[str] = []
    errors: list[StoreError] = []
    ended = anyio.Event()

    async def sign_in(worker: int) -> None:
        number = 0
        while not ended.is_set():
            number += 1
            key = f"{worker}-{number}"
            try:
                await store.set(key, key.encode(), ttl=600, owner="ada")
                saved.append(key)
            except StoreError as error:
                errors.append(error)
                await anyio.sleep(0.05)
            else:
                assert await read(key) in (key.encode(), None)

    async def read(key: str) -> bytes | None:
        try:
            return await store.get(key)
        except StoreError as error:
            errors.append(error)
            return None

    async with anyio.create_task_group() as group:
        for worker in range(10):
            group.start_soon(sign_in, worker)
        await anyio.sleep(0.3)
        await anyio.to_thread.run_sync(server.kill)
        await anyio.sleep(0.3)
        await anyio.to_thread.run_sync(server.start)
        await anyio.sleep(0.3)
        ended.set()

    assert errors
    assert [key for key in saved if await store.get(key) != key.encode()] == []
    assert set(saved) <= {key async for key in store.owned("ada")}
    await store.aclose()


async def test_a_replica_serves_reads_and_explains_why_writes_fail(serve: Callable[..., RedisServer]) -> None:
    primary = serve("--repl-diskless-sync-delay", "0")
    replica = serve("--replicaof", "127.0.0.1", str(primary.port))
    store, copy = RedisStore(primary.url), RedisStore(replica.url)
    await store.set("k", b"1", ttl=60)
    wait_until(lambda: replica.execute("EXISTS", "asgi-tiktok:record:k") == 1)

    assert await copy.get("k") == b"1"
    for write in (copy.set("k", b"2", ttl=60), copy.replace("k", b"1", b"2", ttl=60), copy.delete("k")):
        with pytest.raises(StoreError, match="connect to the primary"):
            await write
    await store.aclose()
    await copy.aclose()


async def test_a_full_redis_still_reads_and_deletes(serve: Callable[..., RedisServer]) -> None:
    server = serve()
    store = RedisStore(server.url)
    await store.set("k", b"1", ttl=60, owner="ada")
    server.execute("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(StoreError, match="raise its maxmemory"):
        await store.set("l", b"1", ttl=60)

    assert await store.get("k") == b"1"
    assert await store.delete_owned("ada") == 1
    await store.aclose()


async def test_an_address_without_a_server_is_an_error_at_once() -> None:
    store = RedisStore(f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0")
    started = time.monotonic()
    with pytest.raises(StoreError, match="can be reached from this machine") as caught:
        await store.get("k")

    assert time.monotonic() - started < 1
    assert PASSWORD not in f"{caught.value} {caught.value!r} {store!r}"
    await store.aclose()


def test_a_redis_that_hangs_is_an_error_within_seconds(serve: Callable[..., RedisServer]) -> None:
    server = serve()
    code = (
        "import asyncio, os, signal, sys, time; from asgi_tiktok.stores.redis import RedisStore\n"
        "async def main():\n"
        "    store = RedisStore(sys.argv[1])\n"
        "    await store.set('k', b'1', ttl=60)\n"
        "    os.kill(int(sys.argv[2]), signal.SIGSTOP)\n"
        "    started = time.monotonic()\n"
        "    try:\n"
        "        await store.get('k')\n"
        "    finally:\n"
        "        print(time.monotonic() - started)\n"
        "asyncio.run(main())\n"
    )
    assert server.process is not None
    # Under coverage, Python 3.11 misses timeouts (github.com/python/cpython/issues/106749).
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    run = subprocess.run(
        [sys.executable, "-c", code, server.url, str(server.process.pid)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=environment,
    )

    assert 2 < float(run.stdout) < 4
    assert "StoreError" in run.stderr.splitlines()[-1]
    assert "can be reached from this machine" in run.stderr


async def test_a_wrong_password_is_reported_but_not_shown(serve: Callable[..., RedisServer]) -> None:
    server = serve("--requirepass", "right")
    for url in (f"redis://:{PASSWORD}@127.0.0.1:{server.port}", server.url):
        store = RedisStore(url)
        with pytest.raises(StoreError, match="rejects the user name or password") as caught:
            await store.set("k", b"1", ttl=60)

        assert PASSWORD not in f"{caught.value} {caught.value!r} {store!r}"
        await store.aclose()
    store = RedisStore(f"valkey://default:right@127.0.0.1:{server.port}/0?socket_timeout=1")
    await store.set("k", b"1", ttl=60)
    assert repr(store) == f"RedisStore('redis://127.0.0.1:{server.port}/0')"
    await store.aclose()


async def test_an_incomplete_cluster_is_reported(serve: Callable[..., RedisServer]) -> None:
    node = serve("--cluster-enabled", "yes")
    store = RedisStore(node.url)
    with pytest.raises(StoreError, match="CLUSTER INFO"):
        await store.get("k")
    await store.aclose()


async def test_more_concurrent_writes_than_connections(prefix: str) -> None:
    store = RedisStore(f"{REDIS_URL}?max_connections=2", prefix=prefix)
    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(lambda key: store.set(key, key.encode(), ttl=60), str(number))

    assert [await store.get(str(number)) for number in range(200)] == [str(number).encode() for number in range(200)]
    await store.aclose()


async def test_a_command_waits_for_a_free_connection_for_a_limited_time(serve: Callable[..., RedisServer]) -> None:
    server = serve()
    store = RedisStore(f"{server.url}?max_connections=1&timeout=0.1")
    assert await store.get("k") is None
    server.send(signal.SIGSTOP)
    first, second = (asyncio.create_task(store.get("k")) for _ in range(2))
    with pytest.raises(StoreError, match="raise max_connections in the URL's query"):
        await second
    server.send(signal.SIGCONT)

    assert await first is None
    assert await store.get("k") is None
    await store.aclose()


async def test_a_server_that_accepts_connections_and_is_silent_is_an_error(serve: Callable[..., RedisServer]) -> None:
    async with relaying(serve().port) as relay:
        relay.break_down(Fault(silent=True))
        store = RedisStore(f"redis://127.0.0.1:{relay.port}/0?socket_timeout=0.1")
        with pytest.raises(StoreError, match="can be reached from this machine"):
            await store.get("k")
        relay.break_down(CALM)
        assert await store.get("k") is None
        await store.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis:///0",
        "redis://host/zero",
        "redis://host:port",
        f"redis://:{PASSWORD}#more@host",
        f"redis://:{PASSWORD}/more@host",
        "redis://host?no_such_option=1",
        "redis://host?max_connections=many",
        "unix:///run/redis.sock",
        "http://host",
    ],
)
def test_a_wrong_url_is_rejected_at_construction(url: str) -> None:
    with pytest.raises(ConfigurationError, match="Write redis://") as caught:
        RedisStore(url)

    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("url", ["redis://h", "rediss://u:p@h:1/2?ssl_cert_reqs=none", "valkeys://[::1]:7/0"])
def test_valid_urls_are_accepted(url: str) -> None:
    assert repr(RedisStore(url)).startswith("RedisStore('redis")


def test_a_blocking_client_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match=r"redis\.asyncio"):
        RedisStore(BlockingRedis())  # type: ignore[arg-type]


def test_without_redis_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['redis.asyncio'] = None; import asgi_tiktok.stores.redis"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT)

    assert "pip install 'asgi-tiktok[redis]'" in run.stderr.splitlines()[-1]
