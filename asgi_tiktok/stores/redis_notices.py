"""A subscription to the notices of a Redis store, on a connection of its own."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from asgi_tiktok.errors import StoreError
from asgi_tiktok.stores.redis_hints import hint_for

MAX_DIGITS = 20  # of the number of an echo
SUBSCRIBE_TIMEOUT = 5  # seconds, because a client of the app may have no time limits
# With RESP2, a subscribed connection receives nothing but messages. A connection that reconnects by itself would hide
# that notices were lost.
OPTIONS = {
    "protocol": 2,
    "retry": Retry(NoBackoff(), 0),
    "retry_on_timeout": False,
    "retry_on_error": [],
    "socket_timeout": None,
    "health_check_interval": 0,
}

Echo = Callable[[bytes, int], Awaitable[None]]


class RedisSubscription:
    """The channel of a store's notices, and a channel of its own for echoes."""

    def __init__(self, connection: AbstractConnection, address: str, prefix: bytes, echo: Echo) -> None:
        self.connection = connection
        self.address = address
        self.notices = prefix + b"notices"
        self.echoes = prefix + b"echo:" + secrets.token_hex(16).encode()
        self.publish = echo

    async def open(self) -> None:
        await self.connection.connect()  # type: ignore[no-untyped-call]
        await self.connection.send_command("SUBSCRIBE", self.notices, self.echoes)
        for _ in (self.notices, self.echoes):
            await self.connection.read_response()

    async def receive(self) -> str | int:
        with store_errors(self.address):
            received: Any = await self.connection.read_response(disable_decoding=True)
        _, channel, message = received
        if channel == self.echoes and message.isdigit() and len(message) < MAX_DIGITS:
            return int(message)
        return str(message, "ascii", "replace")

    async def echo(self, number: int) -> None:
        await self.publish(self.echoes, number)


@asynccontextmanager
async def subscribe(
    client: Redis | RedisCluster, address: str, prefix: bytes, echo: Echo
) -> AsyncIterator[RedisSubscription]:
    """Subscribe until the end of the block. Raises StoreError."""
    with store_errors(address):
        connection = await new_connection(client)
    subscription = RedisSubscription(connection, address, prefix, echo)
    try:
        with store_errors(address):
            async with asyncio.timeout(SUBSCRIBE_TIMEOUT):
                await subscription.open()
        yield subscription
    finally:
        await connection.disconnect(nowait=True)


async def new_connection(client: Redis | RedisCluster) -> AbstractConnection:
    """Return a connection outside of the client's pool to the server that the client writes to."""
    if isinstance(client, RedisCluster):
        async with asyncio.timeout(SUBSCRIBE_TIMEOUT):
            await client.initialize()
        source: ClusterNode | ConnectionPool = client.get_random_node()
    else:
        source = client.connection_pool
    # They need RESP3.
    options = {name: value for name, value in source.connection_kwargs.items() if "maint_notifications" not in name}
    return source.connection_class(**options | OPTIONS)


@contextmanager
def store_errors(address: str) -> Iterator[None]:
    try:
        yield
    except (RedisError, RedisClusterException, OSError, RuntimeError) as error:
        raise StoreError(f"{address}: {error}", hint=hint_for(error)) from error
