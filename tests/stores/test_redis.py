"""What is peculiar to Redis, to its servers and to its clients."""

import asyncio
import os
import random
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
from tests.support.waiting import wait_until

pytestmark = pytest.mark.anyio

PASSWORD = "n0-s3cret-of-ours"


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


async def test_redis_itself_ends_a_record(store: RedisStore, client: Redis, prefix: str) -> None:
    await store.set("k", b"1", ttl=100, owner="ada")
    record, index = f"{prefix}record:k", (await keys_of(client, f"{prefix}owner:"))[0]

    assert 99_000 < await client.pttl(record) <= 100_000
    assert 159_000 < await client.pttl(index) <= 160_000
    await store.set("m", b"1", ttl=100, owner="ada")
    await store.replace("k", b"1", b"2", ttl=200)
    assert 199_000 < await client.pttl(record) <= 200_000
    await store.set("l", b"1", ttl=50, owner="ada")
    assert 158_000 < await client.pttl(index) <= 160_000


async def test_nothing_is_left_of_what_was_deleted(store: RedisStore, client: Redis, prefix: str) -> None:
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


async def test_entries_of_records_long_gone_are_trimmed(
    store: RedisStore, client: Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "ENTER", redis_scripts.ENTER.replace("60", "0", 1))
    for number in range(5):
        await store.set(str(number), b"", ttl=1, owner="ada")
    await anyio.sleep(1.2)
    await store.set("k", b"", ttl=60, owner="ada")

    assert await client.zcard((await keys_of(client, f"{prefix}owner:"))[0]) == 1


async def test_a_record_that_was_evicted_is_not_listed(store: RedisStore, client: Redis, prefix: str) -> None:
    for key in ("a", "b:0aff", "c:0AFF", "d:0af", ":00", "e:f:0a", ":"):
        await store.set(key, b"", ttl=60, owner="ada")
    await client.delete(f"{prefix}record:a")

    assert [key async for key in store.owned("ada")] == ["b:0aff", "c:0AFF", "d:0af", ":00", "e:f:0a", ":"]
    assert await store.delete_owned("ada") == 6


async def test_very_many_may_end_at_the_same_moment(store: RedisStore, client: Redis, prefix: str) -> None:
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


async def test_a_few_sessions_of_a_user_take_little_room(store: RedisStore, client: Redis, prefix: str) -> None:
    for number in range(20):
        await store.set(f"session:{number:064x}", b"", ttl=60, owner="ada")

    assert await client.object("ENCODING", (await keys_of(client, f"{prefix}owner:"))[0]) == b"listpack"


async def test_prefixes_keep_apart(store: RedisStore, prefix: str) -> None:
    other = RedisStore(REDIS_URL, prefix=f"{prefix}other:")
    await store.set("k", b"1", ttl=60, owner="ada")
    await other.set("k", b"2", ttl=60, owner="ada")

    assert await store.delete_owned("ada") == 1
    assert await other.get("k") == b"2"
    await other.aclose()


async def test_what_another_program_put_there_is_nothing(store: RedisStore, client: Redis, prefix: str) -> None:
    await client.set(f"{prefix}record:short", b"x", ex=60)
    await client.hset(f"{prefix}record:hash", "x", "y")

    assert await store.get("short") is None
    assert await store.replace("short", b"", b"1", ttl=60) is False
    assert await store.delete("short") is True
    with pytest.raises(StoreError, match="prefix of its own"):
        await store.get("hash")


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [True, False])
async def test_a_client_of_the_apps_may_be_set_as_it_likes(prefix: str, protocol: int, decode: bool) -> None:
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


def test_a_client_serves_one_loop_and_a_url_all(prefix: str) -> None:
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


def test_what_served_a_loop_that_ended_is_forgotten(prefix: str) -> None:
    store = RedisStore(REDIS_URL, prefix=prefix)

    async def visit() -> None:
        assert await store.get("k") is None
        await store.client().aclose()

    asyncio.run(visit())
    asyncio.run(visit())

    assert len(store.clients[os.getpid()]) == 1


async def test_a_forked_process_opens_connections_of_its_own(store: RedisStore) -> None:
    await store.set("k", b"1", ttl=60)
    before = store.clients.pop(os.getpid())
    store.clients[0] = before

    assert await store.get("k") == b"1"
    assert store.client() not in list(before.values())
    for client in before.values():
        await client.aclose()


async def test_scripts_that_redis_forgot_are_sent_again(serve: Callable[..., RedisServer]) -> None:
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


async def test_a_cancelled_read_costs_nobody_anything(store: RedisStore) -> None:
    for number in range(50):
        await store.set(f"k{number}", f"v{number}".encode(), ttl=60)

    async def read(number: int) -> None:
        assert await store.get(f"k{number}") == f"v{number}".encode()

    for _ in range(10):
        await asyncio.gather(*(cancel_soon(read(number)) for number in range(50)))
        await asyncio.gather(*(read(number) for number in range(50)))


async def test_a_cancelled_write_is_taken_or_not(store: RedisStore) -> None:
    for number in range(200):
        key, old, new = f"k{number}", f"old{number}".encode(), f"new{number}".encode()
        await store.set(key, old, ttl=60, owner="ada")
        await cancel_soon(store.replace(key, old, new, ttl=60, owner="ada"))

        assert await store.get(key) in (old, new)
        assert {listed async for listed in store.owned("ada")} == {key}
        assert await store.delete_owned("ada") == 1


async def cancel_soon(step: Coroutine[object, object, object]) -> None:
    """Cancel it at a random moment, and once more."""
    task = asyncio.create_task(step)
    await asyncio.sleep(random.uniform(0, 0.002))
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() or task.exception() is None


async def test_an_answer_that_was_lost_is_not_taken_for_a_refusal(store: RedisStore) -> None:
    header = await store.enter("k", 60, None)
    record = store.record("k")

    assert await store.run(redis_scripts.ADD, record, header + b"1", 60) == 1
    assert await store.run(redis_scripts.ADD, record, header + b"1", 60) == 1
    assert await store.add("k", b"1", ttl=60) is False
    header = await store.enter("k", 60, None)
    assert await store.run(redis_scripts.REPLACE, record, header + b"2", 60, b"1") is not None
    assert await store.run(redis_scripts.REPLACE, record, header + b"2", 60, b"1") == header
    assert await store.replace("k", b"1", b"2", ttl=60) is False


async def test_a_connection_that_was_lost_is_replaced(store: RedisStore, client: Redis) -> None:
    await store.set("k", b"1", ttl=60)
    for _ in range(3):
        await client.client_kill_filter(_type="normal", skipme=True)
        assert await store.get("k") == b"1"


async def test_no_record_is_lost_when_redis_is_killed(serve: Callable[..., RedisServer]) -> None:
    server = serve("--appendonly", "yes", "--appendfsync", "always")
    store = RedisStore(server.url)
    kept: list[str] = []
    errors: list[StoreError] = []
    ended = anyio.Event()

    async def sign_in(worker: int) -> None:
        number = 0
        while not ended.is_set():
            number += 1
            key = f"{worker}-{number}"
            try:
                await store.set(key, key.encode(), ttl=600, owner="ada")
                kept.append(key)
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
    assert [key for key in kept if await store.get(key) != key.encode()] == []
    assert set(kept) <= {key async for key in store.owned("ada")}
    await store.aclose()


async def test_a_replica_reads_and_says_why_it_does_not_write(serve: Callable[..., RedisServer]) -> None:
    primary = serve("--repl-diskless-sync-delay", "0")
    replica = serve("--replicaof", "127.0.0.1", str(primary.port))
    store, copy = RedisStore(primary.url), RedisStore(replica.url)
    await store.set("k", b"1", ttl=60)
    wait_until(lambda: replica.execute("EXISTS", "asgi-tiktok:record:k") == 1)

    assert await copy.get("k") == b"1"
    for write in (copy.set("k", b"2", ttl=60), copy.replace("k", b"1", b"2", ttl=60), copy.delete("k")):
        with pytest.raises(StoreError, match="name the primary"):
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


async def test_an_address_where_nobody_answers_is_an_error_at_once() -> None:
    store = RedisStore(f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0")
    begun = time.monotonic()
    with pytest.raises(StoreError, match="reachable from here") as caught:
        await store.get("k")

    assert time.monotonic() - begun < 1
    assert PASSWORD not in f"{caught.value} {caught.value!r} {store!r}"
    await store.aclose()


def test_a_redis_that_hangs_is_given_up(serve: Callable[..., RedisServer]) -> None:
    server = serve()
    code = (
        "import asyncio, os, signal, sys; from asgi_tiktok.stores.redis import RedisStore\n"
        "async def main():\n"
        "    store = RedisStore(sys.argv[1])\n"
        "    await store.set('k', b'1', ttl=60)\n"
        "    os.kill(int(sys.argv[2]), signal.SIGSTOP)\n"
        "    await store.get('k')\n"
        "asyncio.run(main())\n"
    )
    assert server.process is not None
    # While coverage looks on, Python 3.11 loses timeouts (github.com/python/cpython/issues/106749).
    unseen = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    begun = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", code, server.url, str(server.process.pid)],
        capture_output=True,
        text=True,
        timeout=30,
        env=unseen,
    )

    assert 2 < time.monotonic() - begun < 4
    assert "StoreError" in run.stderr.splitlines()[-1]
    assert "reachable from here" in run.stderr


async def test_a_wrong_password_is_named_but_not_shown(serve: Callable[..., RedisServer]) -> None:
    server = serve("--requirepass", "right")
    for url in (f"redis://:{PASSWORD}@127.0.0.1:{server.port}", server.url):
        store = RedisStore(url)
        with pytest.raises(StoreError, match="another user name or password") as caught:
            await store.set("k", b"1", ttl=60)

        assert PASSWORD not in f"{caught.value} {caught.value!r} {store!r}"
        await store.aclose()
    store = RedisStore(f"valkey://default:right@127.0.0.1:{server.port}/0?socket_timeout=1")
    await store.set("k", b"1", ttl=60)
    assert repr(store) == f"RedisStore('redis://127.0.0.1:{server.port}/0')"
    await store.aclose()


async def test_a_node_of_a_cluster_asks_for_a_client(serve: Callable[..., RedisServer]) -> None:
    node = serve("--cluster-enabled", "yes")
    store = RedisStore(node.url)
    with pytest.raises(StoreError, match="CLUSTER INFO"):
        await store.get("k")
    await store.aclose()


async def test_more_at_once_than_connections(prefix: str) -> None:
    store = RedisStore(f"{REDIS_URL}?max_connections=2", prefix=prefix)
    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(lambda key: store.set(key, key.encode(), ttl=60), str(number))

    assert [await store.get(str(number)) for number in range(200)] == [str(number).encode() for number in range(200)]
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
def test_a_wrong_url_is_refused_at_construction(url: str) -> None:
    with pytest.raises(ConfigurationError, match="These work") as caught:
        RedisStore(url)

    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("url", ["redis://h", "rediss://u:p@h:1/2?ssl_cert_reqs=none", "valkeys://[::1]:7/0"])
def test_right_urls(url: str) -> None:
    assert repr(RedisStore(url)).startswith("RedisStore('redis")


def test_another_kind_of_client_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"redis\.asyncio"):
        RedisStore(BlockingRedis())  # type: ignore[arg-type]


def test_without_redis_the_error_names_the_extra() -> None:
    code = "import sys; sys.modules['redis.asyncio'] = None; import asgi_tiktok.stores.redis"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)

    assert "pip install 'asgi-tiktok[redis]'" in run.stderr.splitlines()[-1]
