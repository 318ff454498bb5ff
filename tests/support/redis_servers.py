"""Redis: the running server, and servers that a test may kill."""

import os
import signal
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from redis import Redis
from redis.asyncio import RedisCluster
from redis.exceptions import RedisError

from asgi_tiktok.stores.redis import RedisStore
from tests.support.ports import free_port
from tests.support.requirements import require_program, skip_or_fail
from tests.support.waiting import TIMEOUT, wait_until

REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


class RedisServer:
    """A Redis server on a free port. `folder` holds its data and its log."""

    def __init__(self, folder: Path, *options: str, configuration: str = "") -> None:
        self.folder = folder
        (folder / "redis.conf").write_text(configuration)
        self.options = options
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = require_program("redis-server", "redis-server")
        arguments = [
            str(self.folder / "redis.conf"),
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--dir",
            str(self.folder),
            "--save",
            "",
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program, *arguments, *self.options], stdout=log, stderr=log)
        wait_until(self.is_ready)

    def is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(TIMEOUT)
            self.process = None

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def execute(self, *words: str | bytes | int) -> object:
        with Redis(port=self.port) as client:
            return client.execute_command(*words)


@contextmanager
def redis_servers(folder: Path) -> Iterator[Callable[..., RedisServer]]:
    """Yield a function that starts a server. All servers stop at the end of the block."""
    servers: list[RedisServer] = []

    def start(*options: str, configuration: str = "") -> RedisServer:
        data = folder / f"redis-{len(servers)}"
        data.mkdir()
        servers.append(RedisServer(data, *options, configuration=configuration))
        return servers[-1]

    try:
        yield start
    finally:
        for server in servers:
            server.kill()


@contextmanager
def run_cluster(folder: Path) -> Iterator[RedisServer]:
    """Run a Redis Cluster with one node until the end of the block."""
    with redis_servers(folder) as start:
        server = start("--cluster-enabled", "yes")
        server.execute("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: "cluster_state:ok" in str(server.execute("CLUSTER", "INFO")))
        yield server


@asynccontextmanager
async def open_cluster_store(server: RedisServer) -> AsyncIterator[RedisStore]:
    """Open a store in an empty Cluster, with a client that the app made."""
    server.execute("FLUSHALL")
    async with RedisCluster(host="127.0.0.1", port=server.port) as client:
        yield RedisStore(client)


@contextmanager
def new_prefix() -> Iterator[str]:
    """Yield a random prefix. All keys under it are deleted at the end of the block."""
    prefix = f"asgi-tiktok-test-{uuid.uuid4().hex}:"
    with Redis.from_url(REDIS_URL, socket_connect_timeout=2) as client:
        try:
            client.ping()
        except RedisError as error:
            skip_or_fail(f"no Redis at TEST_REDIS_URL: {error}", "install it with: apt-get install redis-server")
        yield prefix
        for key in client.scan_iter(f"{prefix}*", count=1000):
            client.delete(key)


@asynccontextmanager
async def open_redis_store() -> AsyncIterator[RedisStore]:
    """Open a store with its own prefix in the running Redis."""
    with new_prefix() as prefix:
        store = RedisStore(REDIS_URL, prefix=prefix)
        try:
            yield store
        finally:
            await store.aclose()
