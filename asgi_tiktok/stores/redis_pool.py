"""The connections that the store opens from a URL, and its client, which adds little to a command."""

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoReply

from asgi_tiktok.errors import ConfigurationError

CONNECT_TIMEOUT = 2  # seconds for each of: opening a connection, waiting for a free one
REPLY_TIMEOUT = 1.2  # seconds
MAX_CONNECTIONS = 50  # for each event loop
TLS_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
TLS_OPTIONS = (*TLS_FILES, "ssl_ca_data", "ssl_cert_reqs", "ssl_check_hostname", "ssl_ciphers", "ssl_password")
OPTIONS = (
    *("username", "password", "db", "client_name", "encoding", "decode_responses", "protocol"),
    *("socket_timeout", "socket_connect_timeout", "socket_keepalive", "socket_read_size", "health_check_interval"),
    *("max_connections", "timeout", "retry_on_timeout"),
)
FIX = (
    "Write redis://[user:password@]host[:port][/database], rediss:// for TLS, valkey:// or valkeys://. "
    "Options of redis-py follow a question mark. In a password, write / ? # @ : and % as "
    "%2F %3F %23 %40 %3A and %25. For Sentinel and Cluster, pass a redis.asyncio client."
)


class Pool(ConnectionPool):
    """A pool that waits for a free connection for a limited time.

    It can be retired: its connections are then closed as soon as no command uses them.
    """

    retired = False

    def __init__(self, *, timeout: float, max_connections: int, **options: Any) -> None:
        super().__init__(max_connections=max_connections, **options)
        self.timeout = timeout
        self.free = asyncio.Semaphore(max_connections)
        self.reply_timeout: float | None = options["socket_timeout"]

    async def get_connection(self, *command: object, **options: object) -> AbstractConnection:
        if self.free.locked():
            try:
                async with asyncio.timeout(self.timeout):
                    await self.free.acquire()
            except TimeoutError:
                raise LostConnection("No connection available.") from None
        else:
            await self.free.acquire()
        connection: AbstractConnection = self.get_available_connection()  # type: ignore[no-untyped-call]
        try:
            connection.socket_timeout = self.reply_timeout
            await self.ensure_connection(connection)
        except BaseException:
            await self.release(connection)
            raise
        # The client's limit for a whole command costs less than redis-py's limits for each write and each read.
        connection.socket_timeout = None
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        if self.retired:
            await connection.disconnect()
        await super().release(connection)
        self.free.release()

    async def retire(self) -> None:
        self.retired = True
        await self.disconnect(inuse_connections=False)


class Client(Redis):
    """A client that sends a command at once, and limits its time."""

    connection_pool: Pool

    async def execute_command(self, *words: Any, **options: Any) -> Any:
        pool = self.connection_pool
        connection = await pool.get_connection()
        try:
            async with asyncio.timeout(pool.reply_timeout):
                await connection.send_command(*words)
                return await self.parse_response(connection, words[0], **options)  # type: ignore[arg-type]
        except TimeoutError:
            raise NoReply("Timeout reading from socket") from None
        finally:
            await pool.release(connection)


def new_pool(url: str) -> Pool:
    # Only with RESP2 does redis-py discard a connection that still holds the reply to a cancelled command.
    return Pool.from_url(
        url,
        protocol=2,
        timeout=CONNECT_TIMEOUT,
        max_connections=MAX_CONNECTIONS,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=REPLY_TIMEOUT,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 0),
    )


def redis_url(url: str) -> str:
    """Return the URL with a scheme and options that redis-py knows.

    Raises ConfigurationError without the URL's password.
    """
    url = re.sub("^valkey", "redis", url)
    try:
        parts = urlsplit(url)
        usable = parts.hostname and re.fullmatch("/?[0-9]*", parts.path) and not parts.fragment
        if parts.scheme in ("redis", "rediss") and usable:
            options = checked_options(parse_qsl(parts.query), tls=parts.scheme == "rediss")
            url = parts._replace(query=urlencode(options)).geturl()
            pool = new_pool(url)
            pool.connection_class(**pool.connection_kwargs)
            return url
    except (ValueError, TypeError, RedisError) as error:
        if isinstance(error, ConfigurationError):
            raise
    raise ConfigurationError("The URL of Redis is invalid.", hint=FIX)


def checked_options(options: list[tuple[str, str]], *, tls: bool) -> dict[str, str]:
    """Return the options that redis-py needs. Raises ConfigurationError for one that cannot work."""
    checked = dict(options)
    for name, value in options:
        if name in ("ssl", "tls"):
            raise refusal(name, "Begin the URL with rediss:// for TLS, and with redis:// otherwise.")
        if name in TLS_OPTIONS and not tls:
            raise refusal(name, "Begin the URL with rediss://, because the option is for TLS.")
        if name not in (*OPTIONS, *TLS_OPTIONS):
            known = ", ".join(sorted((*OPTIONS, *TLS_OPTIONS)))
            raise refusal(name, f"Write redis://host:port/0, and after a question mark only these options: {known}.")
        if name in TLS_FILES and not Path(value).exists():
            raise refusal(name, "The file that it names does not exist: correct the path.")
    checked.pop("protocol", None)
    if "ssl_cert_reqs" in checked:
        checked["ssl_cert_reqs"] = checked["ssl_cert_reqs"].lower().removeprefix("cert_")
    return checked


def refusal(option: str, fix: str) -> ConfigurationError:
    return ConfigurationError(f"The option {option!r} in the URL of Redis cannot be used.", hint=fix)


def shown_address(url: str) -> str:
    """Return the URL without user, password and options."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
