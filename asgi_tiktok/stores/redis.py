"""Redis or Valkey: many machines. One server, or, through a client of the app's, a Sentinel or a Cluster."""

import hashlib
import os
import re
import time
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from asgi_tiktok.errors import ConfigurationError, StoreError
from asgi_tiktok.stores.redis_scripts import ADD, DELETE, DELETE_OWNED, ENTER, HEADER, NONCE, REPLACE, SET

try:
    from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.client import NEVER_DECODE
    from redis.exceptions import ConnectionError as LostConnection
    from redis.exceptions import NoScriptError, RedisClusterException, RedisError
except ImportError as error:
    raise ConfigurationError("The Redis store needs redis: pip install 'asgi-tiktok[redis]'.") from error

TIMEOUT = 2  # seconds: to connect, for an answer, for a free connection
MOST_CONNECTIONS = 50  # of one process
PATIENCE = 0.5  # seconds; after a failure that took longer there is no second attempt
BATCH = 200  # entries
NOBODY = bytes(HEADER - NONCE)


class RedisStore:
    """Keeps records in the Redis at a URL, or behind a `redis.asyncio` client of the app's, which stays open.

    From a URL, connections are opened on first use, for each event loop its own. The server must not evict
    (`maxmemory-policy noeviction`): a lost record signs somebody out, a lost list of an owner's records
    keeps somebody signed in. `delete_owned` forgets the records one after another.
    """

    def __init__(self, client: "str | Redis | RedisCluster", *, prefix: str = "asgi-tiktok:") -> None:
        if not isinstance(client, str | Redis | RedisCluster):
            raise ConfigurationError("RedisStore takes a URL or a client from redis.asyncio.")
        self.prefix = prefix
        self.source = redis_url(client) if isinstance(client, str) else client
        self.address = address(self.source) if isinstance(self.source, str) else f"the app's {type(client).__name__}"
        # A forked process finds its parent's clients under another id, and leaves them alone.
        self.clients: dict[int, WeakKeyDictionary[AbstractEventLoop, Redis]] = {}

    def __repr__(self) -> str:
        return f"RedisStore({self.address!r})"

    async def get(self, key: str) -> bytes | None:
        record: bytes | None = await self.command("GET", self.record(key))
        return None if record is None or len(record) < HEADER else record[HEADER:]

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        header = await self.enter(key, ttl, owner)
        # Not again: a second attempt could bring back, unlisted, what `delete_owned` found after the first.
        before: bytes = await self.run(SET, self.record(key), header + value, ttl, again=owner is None)
        await self.withdraw(key, before)

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        header = await self.enter(key, ttl, owner)
        if await self.run(ADD, self.record(key), header + value, ttl, again=owner is None):
            return True
        await self.withdraw(key, header)
        return False

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        header = await self.enter(key, ttl, owner)
        before: bytes | None = await self.run(REPLACE, self.record(key), header + new, ttl, old)
        if before != header:
            await self.withdraw(key, before or header)
        return before is not None

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        before: bytes | None = await self.run(DELETE, self.record(key), *([] if value is None else [value]))
        if before is not None:
            await self.withdraw(key, before)
        return before is not None

    async def owned(self, owner: str) -> AsyncIterator[str]:
        mark = mark_of(owner)
        async for entry in self.entries(mark):
            key = unpack(entry[NONCE:])
            if await self.command("GETRANGE", self.record(key), 0, HEADER - 1) == entry[:NONCE] + mark:
                yield key

    async def delete_owned(self, owner: str) -> int:
        mark = mark_of(owner)
        deleted = 0
        async for entry in self.entries(mark):
            key = unpack(entry[NONCE:])
            header: bytes | None = await self.run(DELETE_OWNED, self.record(key), mark)
            if header is not None:
                # The entry itself may announce a write that is still to come, and then has to stay.
                await self.withdraw(key, header)
                deleted += 1
        return deleted

    async def aclose(self) -> None:
        client = self.clients.get(os.getpid(), WeakKeyDictionary()).pop(get_running_loop(), None)
        if client is not None:
            with suppress(RedisError, OSError):
                await client.aclose()

    def record(self, key: str) -> bytes:
        return f"{self.prefix}record:{key}".encode()

    def index(self, mark: bytes) -> bytes:
        return f"{self.prefix}owner:{mark.hex()}".encode()

    async def enter(self, key: str, ttl: int, owner: str | None) -> bytes:
        """The header of a write that is about to be made, entered among its owner's."""
        nonce = os.urandom(NONCE)
        if owner is None:
            return nonce + NOBODY
        mark = mark_of(owner)
        await self.run(ENTER, self.index(mark), nonce + pack(key), ttl)
        return nonce + mark

    async def withdraw(self, key: str, header: bytes) -> None:
        """Remove the entry of a write that came to nothing, or whose record is gone."""
        mark = header[NONCE:]
        if len(header) == HEADER and mark != NOBODY:
            # What counts is done; an entry that is left over ends by itself.
            with suppress(StoreError):
                await self.command("ZREM", self.index(mark), header[:NONCE] + pack(key))

    async def entries(self, mark: bytes) -> AsyncIterator[bytes]:
        """All entries of an owner, the one that ends first first, also while some are being removed."""
        after: tuple[float, bytes] = (0, b"")
        size = BATCH
        while True:
            batch = await self.command(
                "ZRANGEBYSCORE", self.index(mark), after[0], "+inf", "WITHSCORES", "LIMIT", 0, size, withscores=True
            )
            fresh = sorted(found for entry, score in batch if (found := (float(score), bytes(entry))) > after)
            for _, entry in fresh:
                yield entry
            if len(batch) < size:
                return
            # Where more than a batch end at the same moment, only a larger batch leads past them.
            after, size = (fresh[-1], BATCH) if fresh else (after, size * 2)

    async def run(self, script: str, key: bytes, *arguments: bytes | int, again: bool = True) -> Any:
        name = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        try:
            return await self.command("EVALSHA", name, 1, key, *arguments, again=again)
        except NoScriptError:
            return await self.command("EVAL", script, 1, key, *arguments, again=again)

    async def command(self, *words: bytes | str | float, again: bool = True, **options: Any) -> Any:
        """Redis's answer. Where a connection turns out to be lost, the command is sent `again`, once."""
        begun = time.monotonic()
        options[NEVER_DECODE] = True
        try:
            client = self.client()
            try:
                return await client.execute_command(*words, **options)
            except LostConnection:
                if not again or time.monotonic() - begun > PATIENCE:
                    raise
                return await client.execute_command(*words, **options)
        except NoScriptError:
            raise
        except (RedisError, RedisClusterException, OSError, RuntimeError) as error:
            raise StoreError(f"{self.address}: {error}", hint=hint_for(error)) from error

    def client(self) -> "Redis | RedisCluster":
        """The client given at construction, or this loop's, made on first use."""
        if not isinstance(self.source, str):
            return self.source
        clients = self.clients.setdefault(os.getpid(), WeakKeyDictionary())
        loop = get_running_loop()
        if loop not in clients:
            for closed in [other for other in clients if other.is_closed()]:
                del clients[closed]
            clients[loop] = Redis.from_pool(new_pool(self.source))
        return clients[loop]


def new_pool(url: str) -> BlockingConnectionPool:
    # RESP2, because only then redis-py refuses a connection that still holds somebody else's answer.
    return BlockingConnectionPool.from_url(
        url,
        protocol=2,
        timeout=TIMEOUT,
        max_connections=MOST_CONNECTIONS,
        socket_connect_timeout=TIMEOUT,
        socket_timeout=TIMEOUT,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 0),
    )


def redis_url(url: str) -> str:
    """The URL in redis-py's spelling. Raises ConfigurationError, which tells nothing of a password."""
    url = re.sub("^valkey", "redis", url)
    try:
        parts = urlsplit(url)
        usable = parts.hostname and re.fullmatch("/?[0-9]*", parts.path) and not parts.fragment
        if parts.scheme in ("redis", "rediss") and usable:
            pool = new_pool(url)
            pool.connection_class(**pool.connection_kwargs)
            return url
    except (ValueError, TypeError, RedisError):
        pass
    raise ConfigurationError(
        "This is not the URL of a Redis. These work: redis://[user:password@]host[:port][/database], rediss:// "
        "for TLS, valkey:// and valkeys:// alike, with redis-py's options after a question mark; in a password, "
        "/ ? # @ : and % are written %2F %3F %23 %40 %3A and %25. Sentinel and Cluster: pass a redis.asyncio client."
    )


def address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def mark_of(owner: str) -> bytes:
    """Sixteen bytes that stand for the owner."""
    return hashlib.blake2b(owner.encode(), digest_size=HEADER - NONCE).digest()


def pack(key: str) -> bytes:
    """The key with a hexadecimal end as bytes: a sorted set takes a third where no entry exceeds 64 bytes."""
    found = re.fullmatch("(.*):((?:[0-9a-f]{2})+)", key, re.DOTALL)
    return found[1].encode() + b"\xff" + bytes.fromhex(found[2]) if found else key.encode()


def unpack(entry: bytes) -> str:
    name, packed, digits = entry.partition(b"\xff")
    return f"{name.decode()}:{digits.hex()}" if packed else name.decode()


HINTS = {
    "read only replica": "This server is a replica, or was made one: name the primary, or pass a Sentinel client.",
    "loading": "Redis has just been started and reads its data; it answers soon.",
    "maxmemory": "Redis is full: raise its maxmemory, and keep maxmemory-policy noeviction.",
    "misconf": "Redis cannot write to its disk and therefore refuses to change anything: see its log.",
    "moved": "This server is part of a Cluster: pass a redis.asyncio.RedisCluster client.",
    "cluster": "The Cluster is not whole: see CLUSTER INFO.",
    "authentication": "Redis wants another user name or password, in the URL or the client.",
    "permission": "The Redis user needs +@read +@write +@scripting +time on the keys with the store's prefix.",
    "wrongtype": "Another program keeps something else under these keys: give the store a prefix of its own.",
    "no connection available": "All connections are busy: raise max_connections, after a question mark in the URL.",
    "responseerror": "The store needs Redis 6 or later, or any Valkey, with EVAL and EVALSHA.",
    "loop": "A client serves the event loop that used it first; given a URL, the store makes one for each.",
}
UNREACHABLE = "Redis must run at this address and be reachable from here; rediss:// is for TLS, redis:// for none."


def hint_for(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}".lower()
    # A message that names a host may hold any word.
    named = re.search("connecting to|reading from|writing to", text)
    return next((hint for word, hint in HINTS.items() if word in text and not named), UNREACHABLE)
