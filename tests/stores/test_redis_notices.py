"""Notices of Redis while servers, connections and permissions fail."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis, Sentinel

from asgi_tiktok.clock import uptime
from asgi_tiktok.stores.redis import RedisStore
from tests.support.listener import RecordingListener, assert_notices_arrive, listening
from tests.support.redis_servers import RedisServer, redis_servers
from tests.support.relay import Relay, relaying
from tests.support.settings import FROM_ORIGIN
from tests.support.tiktok import new_tiktok
from tests.support.two_sites import TwoSites, name_at, signed_in_at, visit_until_remembered
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.anyio

PREFIX = "asgi-tiktok:"
BOUND = 0.4  # seconds


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    with redis_servers(tmp_path) as start:
        yield start


@pytest.fixture
def server(serve: Callable[..., RedisServer]) -> RedisServer:
    return serve()


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(server.url)
    yield store
    await store.aclose()


@pytest.fixture
async def relay(server: RedisServer) -> AsyncIterator[Relay]:
    async with relaying(server.port) as relay:
        yield relay


@pytest.fixture
async def relayed(relay: Relay) -> AsyncIterator[RedisStore]:
    """The store behind the relay."""
    store = RedisStore(f"redis://127.0.0.1:{relay.port}/0?socket_timeout=1")
    yield store
    await store.aclose()


async def test_a_killed_connection_is_replaced(store: RedisStore, server: RedisServer) -> None:
    async with listening(store) as listener:
        server.execute("CLIENT", "KILL", "TYPE", "pubsub")
        await listener.until(lambda: listener.resets >= 3)

        await assert_notices_arrive(store, listener)


async def test_a_connection_that_a_nat_has_forgotten_is_replaced(relayed: RedisStore, relay: Relay) -> None:
    async with listening(relayed, bound=0.2) as listener:
        relay.forget()
        await listener.until(lambda: listener.resets >= 3)

        await assert_notices_arrive(relayed, listener)


async def test_a_killed_server_is_asked_again(store: RedisStore, server: RedisServer) -> None:
    async with listening(store) as listener:
        server.kill()
        await listener.until(lambda: listener.resets >= 2)
        assert listener.proved == 0
        server.start()

        await assert_notices_arrive(store, listener)


@pytest.mark.parametrize("stopped", [False, True], ids=["CLIENT PAUSE", "SIGSTOP"])
async def test_a_paused_server_proves_nothing_meanwhile(
    store: RedisStore, server: RedisServer, stopped: bool
) -> None:
    await store.set("k", b"1", ttl=60, owner="ada")
    async with listening(store, bound=1) as listener:
        server.send(signal.SIGSTOP) if stopped else server.execute("CLIENT", "PAUSE", 60_000, "WRITE")
        paused = uptime()
        ending = asyncio.create_task(store.delete("k"))
        await asyncio.sleep(0.4)
        assert listener.proved < paused
        assert not ending.done()
        server.send(signal.SIGCONT) if stopped else server.execute("CLIENT", "UNPAUSE")

        assert await ending
        assert await listener.notices() == ["k"]


async def test_a_demoted_server_proves_nothing(serve: Callable[..., RedisServer]) -> None:
    """The address leads to a new primary. The old one, now a replica, passes on what the new one publishes."""
    old, new = serve(), serve("--repl-diskless-sync-delay", "0")
    async with relaying(old.port) as relay:
        store = RedisStore(f"redis://127.0.0.1:{relay.port}/0")
        async with listening(store, bound=0.2) as listener:
            relay.target = new.port
            old.execute("REPLICAOF", "127.0.0.1", new.port)
            await listener.until(lambda: listener.resets >= 3)
            elsewhere = RedisStore(new.url)

            await assert_notices_arrive(elsewhere, listener)
            await elsewhere.aclose()
        await store.aclose()


async def test_an_echo_that_a_replica_passes_on_proves_nothing(
    serve: Callable[..., RedisServer],
) -> None:
    """What was published before the old primary had copied the data of the new one has not arrived."""
    old, new = serve(), serve("--repl-diskless-sync-delay", "0")
    async with relaying(old.port) as relay:
        store = RedisStore(f"redis://127.0.0.1:{relay.port}/0")
        async with listening(store, bound=4) as listener:
            relay.target = new.port
            old.execute("REPLICAOF", "127.0.0.1", new.port)
            async with asyncio.timeout(TIMEOUT):
                while "passed on" not in listener.keys:
                    new.execute("PUBLISH", f"{PREFIX}notices", "passed on")
                    await asyncio.sleep(0.05)
            heard = uptime()
            await asyncio.sleep(0.3)

            assert listener.proved < heard
        await store.aclose()


async def test_a_subscriber_that_is_too_slow_for_redis_begins_again(store: RedisStore, server: RedisServer) -> None:
    server.execute("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 1mb 1")
    async with listening(store) as listener:
        # Nothing is awaited, so nothing is received.
        for _ in range(200):
            server.execute("PUBLISH", f"{PREFIX}notices", "x" * 100_000)
        await listener.until(lambda: listener.resets >= 3)

        await assert_notices_arrive(store, listener)


@pytest.mark.parametrize("message", [b"", b"\xff\x00", b"session:" + b"0" * 100_000, b"1", "é".encode()])
async def test_forged_notices_change_nothing_else(store: RedisStore, server: RedisServer, message: bytes) -> None:
    async with listening(store) as listener:
        channels = server.execute("PUBSUB", "CHANNELS")
        assert isinstance(channels, list)
        assert len(channels) == 2
        for _ in range(50):
            for channel in channels:
                server.execute("PUBLISH", channel, message)
        await assert_notices_arrive(store, listener)

        assert listener.resets == 1


@pytest.mark.parametrize("missing", ["-publish", "-subscribe", "resetchannels"])
async def test_without_the_right_to_notices_sessions_still_end(
    server: RedisServer, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    server.execute("ACL", "SETUSER", "app", "on", "nopass", f"~{PREFIX}*", f"&{PREFIX}*")
    server.execute("ACL", "SETUSER", "app", "+@read", "+@write", "+@scripting", "+time", "+publish", "+subscribe")
    server.execute("ACL", "SETUSER", "app", missing)
    store = RedisStore(f"redis://app:any@127.0.0.1:{server.port}/0")
    listener = RecordingListener()
    channel = store.open_channel(listener, bound=0.05)
    for number in range(3):
        await store.set(str(number), b"1", ttl=60, owner="ada")
    await store.set("0", b"2", ttl=60, owner="ada")
    assert await store.replace("0", b"2", b"3", ttl=60, owner="ada")
    assert await store.delete("0")
    assert await store.delete_owned("ada") == 2
    await listener.until(lambda: listener.resets >= 4)
    await channel.aclose()
    await store.aclose()

    [warning] = [record.getMessage() for record in caplog.records if record.name == "asgi_tiktok"]
    assert "the store is asked at each request" in warning
    assert "+publish +subscribe" in warning
    assert listener.proved == 0


async def test_the_documented_rights_suffice(server: RedisServer) -> None:
    server.execute("ACL", "SETUSER", "app", "on", "nopass", f"~{PREFIX}*", f"&{PREFIX}*")
    server.execute("ACL", "SETUSER", "app", "+@read", "+@write", "+@scripting", "+time", "+publish", "+subscribe")
    store = RedisStore(f"redis://app:any@127.0.0.1:{server.port}/0")
    async with listening(store) as listener:
        await assert_notices_arrive(store, listener)
    await store.aclose()


async def test_notices_come_through_the_client_of_a_sentinel(serve: Callable[..., RedisServer]) -> None:
    primary = serve()
    sentinel = serve("--sentinel", configuration=f"sentinel monitor main 127.0.0.1 {primary.port} 1\n")
    watch = Sentinel([("127.0.0.1", sentinel.port)])  # type: ignore[no-untyped-call]
    async with watch.sentinels[0], watch.master_for("main") as client:
        store = RedisStore(client)
        async with listening(store) as listener:
            await assert_notices_arrive(store, listener)


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [True, False])
async def test_notices_come_through_any_client_of_the_app(server: RedisServer, protocol: int, decode: bool) -> None:
    url = f"{server.url}?health_check_interval=1&max_connections=1"
    async with Redis.from_url(url, decode_responses=decode, encoding="latin-1", protocol=protocol) as client:
        store = RedisStore(client, prefix="é:")
        async with listening(store) as listener:
            await assert_notices_arrive(store, listener)


@pytest.fixture
async def sites(server: RedisServer, relay: Relay) -> AsyncIterator[TwoSites]:
    """A browser that is signed in at two sites with the same store. The second site is behind the relay."""
    near = new_tiktok(store=server.url)
    far = new_tiktok(store=f"redis://127.0.0.1:{relay.port}/0?socket_timeout=1", session_memory_bound=BOUND)
    async with signed_in_at(near, far) as browsers:
        yield browsers


@pytest.fixture
def reads(server: RedisServer) -> Callable[[], int]:
    """The number of GET commands that the server has received."""

    def count() -> int:
        found = re.search(r"cmdstat_get:calls=(\d+)", str(server.execute("INFO", "COMMANDSTATS")))
        return int(found[1]) if found else 0

    return count


async def test_a_session_ends_at_the_site_that_remembers_it(sites: TwoSites, reads: Callable[[], int]) -> None:
    here, there = sites
    await visit_until_remembered(there, reads)
    await here.post("/auth/tiktok/logout", headers=FROM_ORIGIN)
    await asyncio.sleep(BOUND)

    assert await name_at(there) == ""


async def test_a_flood_of_forged_notices_costs_at_most_a_read_for_each_request(
    sites: TwoSites, reads: Callable[[], int], server: RedisServer
) -> None:
    _, there = sites
    await visit_until_remembered(there, reads)
    flood = "for number = 1, 50000 do redis.call('PUBLISH', KEYS[1], 'session:' .. number) end"
    server.execute("EVAL", flood, 1, f"{PREFIX}notices")
    before = reads()

    assert [await name_at(there) for _ in range(50)] == ["Ada"] * 50
    assert reads() <= before + 50
    await visit_until_remembered(there, reads)


async def test_a_session_ends_within_the_bound_at_a_site_that_hears_nothing(
    sites: TwoSites, reads: Callable[[], int], relay: Relay
) -> None:
    here, there = sites
    await visit_until_remembered(there, reads)
    relay.forget()
    await here.post("/auth/tiktok/logout", headers=FROM_ORIGIN)
    await asyncio.sleep(BOUND)

    assert await name_at(there) == ""


async def test_a_living_session_survives_the_channel(
    sites: TwoSites, reads: Callable[[], int], server: RedisServer
) -> None:
    _, there = sites
    for _ in range(2):
        await visit_until_remembered(there, reads)
        server.execute("CLIENT", "KILL", "TYPE", "pubsub")


async def test_a_notice_from_another_database_costs_no_more_than_a_read(
    store: RedisStore, server: RedisServer
) -> None:
    """Redis has one set of channels for all of its numbered databases."""
    other = RedisStore(server.url.removesuffix("0") + "1")
    for each in (store, other):
        await each.set("k", b"1", ttl=60, owner="ada")
    async with listening(store) as listener:
        await other.delete("k")

        assert await listener.notices() == ["k"]
        assert await store.get("k") == b"1"
    await other.aclose()


def test_a_channel_that_nobody_closed_leaves_no_trace(server: RedisServer) -> None:
    code = (
        "import asyncio, sys; from asgi_tiktok.stores.redis import RedisStore\n"
        "from tests.support.listener import RecordingListener\n"
        "async def main(url):\n"
        "    store, listener = RedisStore(url), RecordingListener()\n"
        "    store.open_channel(listener, bound=0.2)\n"
        "    await listener.proof()\n"
        "    await store._client().aclose()\n"
        "asyncio.run(main(sys.argv[1]))\n"
    )
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code, server.url],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )

    assert run.stderr == ""
    assert run.returncode == 0
