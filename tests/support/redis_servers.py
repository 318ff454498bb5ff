"""A Redis for the tests: the one that answers, or servers of one's own to kill."""

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from redis import Redis
from redis.asyncio import RedisCluster
from redis.exceptions import RedisError

from asgi_tiktok.stores.redis import RedisStore
from tests.support.ports import free_port

URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


class Server:
    """A Redis of the test's own; the folder is its data."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.port = cluster_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = shutil.which("redis-server") or missing("redis-server is not installed")
        place = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--save", ""]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program, *place, *self.options], stdout=log, stderr=log)
        eventually(self.answers)

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def tell(self, *words: str | int) -> object:
        with Redis(port=self.port) as client:
            return client.execute_command(*words)


@contextmanager
def own_servers(folder: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the block."""
    servers: list[Server] = []

    def start(*options: str) -> Server:
        place = folder / f"redis-{len(servers)}"
        place.mkdir()
        servers.append(Server(place, *options))
        return servers[-1]

    try:
        yield start
    finally:
        for server in servers:
            server.kill()


@contextmanager
def own_cluster(folder: Path) -> Iterator[Server]:
    """A Cluster of one node."""
    with own_servers(folder) as start:
        server = start("--cluster-enabled", "yes")
        server.tell("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        eventually(lambda: "cluster_state:ok" in str(server.tell("CLUSTER", "INFO")))
        yield server


@asynccontextmanager
async def cluster_store(server: Server) -> AsyncIterator[RedisStore]:
    """A store in an empty Cluster, through a client as an app has it."""
    server.tell("FLUSHALL")
    async with RedisCluster(host="127.0.0.1", port=server.port) as client:
        yield RedisStore(client)


@contextmanager
def own_prefix() -> Iterator[str]:
    """A prefix that nobody else has; what is left under it is removed."""
    prefix = f"asgi-tiktok-test-{uuid.uuid4().hex}:"
    with Redis.from_url(URL, socket_connect_timeout=2) as client:
        try:
            client.ping()
        except RedisError as error:
            missing(f"no Redis answers at TEST_REDIS_URL: {error}")
        yield prefix
        for key in client.scan_iter(f"{prefix}*", count=1000):
            client.delete(key)


@asynccontextmanager
async def redis_store() -> AsyncIterator[RedisStore]:
    """A store in the Redis at TEST_REDIS_URL."""
    with own_prefix() as prefix:
        store = RedisStore(URL, prefix=prefix)
        try:
            yield store
        finally:
            await store.aclose()


def missing(what: str) -> NoReturn:
    """Skip the test, saying what would let it run; in CI nothing is skipped."""
    reason = f"{what}; get one by: apt-get install redis-server"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def cluster_port() -> int:
    """A free port for a node of a Cluster, which also needs the port that is higher by 10,000."""
    port = free_port()
    return port if port < 55_000 else cluster_port()


def eventually(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.02)
