"""A store in Redis or Valkey, for many machines."""

import hashlib
import os
import re
import time
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

from asgi_tiktok.errors import ConfigurationError, StoreError
from asgi_tiktok.event_loop import running_loop
from asgi_tiktok.stores.echo_channel import EchoChannel
from asgi_tiktok.stores.notices import Channel, Listener
from asgi_tiktok.stores.redis_scripts import (
    ADD,
    ADD_ENTRY,
    DELETE,
    DELETE_OWNED,
    ECHO,
    HEADER,
    NO_OWNER,
    NONCE,
    REPLACE,
    SET,
)

try:
    from redis.asyncio import Redis, RedisCluster
    from redis.client import NEVER_DECODE
    from redis.exceptions import ConnectionError as LostConnection
    from redis.exceptions import NoScriptError, RedisClusterException, RedisError, ResponseError
    from redis.exceptions import TimeoutError as NoReply
except ImportError as error:
    raise ConfigurationError(
        "The Redis store needs the package redis.", hint="Run: pip install 'asgi-tiktok[redis]'"
    ) from error

from asgi_tiktok.stores.redis_hints import DIFFERENT_SERVERS, hint_for, is_read_only
from asgi_tiktok.stores.redis_notices import RedisSubscription, subscribe
from asgi_tiktok.stores.redis_pool import Client, Pool, new_pool, redis_url, shown_address

__all__ = ["RedisStore"]

RETRY_WITHIN = 1.8  # seconds; a command that failed later is not sent again
BATCH = 200  # entries


class RedisStore:
    """A store in Redis or Valkey.

    The server must not evict records (`maxmemory-policy noeviction`). A lost record signs a user out; a lost
    list of a user's records would keep the user signed in after `end_sessions`.

    Args:
        client (str | Redis | RedisCluster): A URL, for example `redis://localhost:6379/0`, or a client from
            `redis.asyncio`, for example for Sentinel or Cluster. From a URL, connections are opened on first
            use, separately for each event loop. A client stays open when the store is closed.
        prefix (str): The beginning of every key in Redis. Default: `asgi-tiktok:`.

    Raises:
        ConfigurationError: The URL or the client cannot be used.
    """

    notice_bound: float = 1.0  # seconds

    def __init__(self, client: "str | Redis | RedisCluster", *, prefix: str = "asgi-tiktok:") -> None:
        if not isinstance(client, str | Redis | RedisCluster):
            raise ConfigurationError(
                f"RedisStore cannot use a {type(client).__name__}.", hint="Pass a URL or a client from redis.asyncio."
            )
        self._prefix = prefix.encode()
        self._source = redis_url(client) if isinstance(client, str) else client
        self._address = (
            shown_address(self._source) if isinstance(self._source, str) else f"the app's {type(client).__name__}"
        )
        # The key is the process id, so that a forked process does not use its parent's clients.
        self._clients: dict[int, WeakKeyDictionary[AbstractEventLoop, Redis]] = {}

    def __repr__(self) -> str:
        return f"RedisStore({self._address!r})"

    async def get(self, key: str) -> bytes | None:
        record: bytes | None = await self._execute("GET", self._record_key(key))
        return None if record is None or len(record) < HEADER else record[HEADER:]

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        header = await self._add_entry(key, ttl, owner)
        # With an owner there is no retry: `delete_owned` may delete record and entry between two attempts, and
        # the second attempt would then save a record that has no entry.
        before: bytes = await self._run_script(
            SET, self._record_key(key), header + value, ttl, self._prefix, retry=owner is None
        )
        await self._remove_entry(key, before)

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        header = await self._add_entry(key, ttl, owner)
        if await self._run_script(ADD, self._record_key(key), header + value, ttl, retry=owner is None):
            return True
        await self._remove_entry(key, header)
        return False

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        return await self._replace(key, old, new, ttl, owner, self._prefix)

    async def touch(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        return await self._replace(key, old, new, ttl, owner)

    async def _replace(self, key: str, old: bytes, new: bytes, ttl: int, owner: str | None, *notify: bytes) -> bool:
        header = await self._add_entry(key, ttl, owner)
        before: bytes | None = await self._run_script(REPLACE, self._record_key(key), header + new, ttl, old, *notify)
        if before != header:
            await self._remove_entry(key, before or header)
        return before is not None

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        expected = () if value is None else (value,)
        before: bytes | None = await self._run_script(DELETE, self._record_key(key), self._prefix, *expected)
        if before is not None:
            await self._remove_entry(key, before)
        return before is not None

    async def owned(self, owner: str) -> AsyncIterator[str]:
        owner_hash = hash_owner(owner)
        async for entry in self._entries(owner_hash):
            key = unpack(entry[NONCE:])
            if await self._execute("GETRANGE", self._record_key(key), 0, HEADER - 1) == entry[:NONCE] + owner_hash:
                yield key

    async def delete_owned(self, owner: str) -> int:
        owner_hash = hash_owner(owner)
        deleted = 0
        async for entry in self._entries(owner_hash):
            key = unpack(entry[NONCE:])
            header: bytes | None = await self._run_script(
                DELETE_OWNED, self._record_key(key), owner_hash, self._prefix
            )
            if header is not None:
                # Only the entry of the deleted record is removed. This one may belong to a write that comes later.
                await self._remove_entry(key, header)
                deleted += 1
        return deleted

    def open_channel(self, listener: Listener, *, bound: float) -> Channel:
        running_loop()
        return EchoChannel(self._subscribe, listener, bound)

    @asynccontextmanager
    async def _subscribe(self) -> AsyncIterator[RedisSubscription]:
        async with subscribe(self._client(), self._address, self._prefix, self._echo) as subscription:
            # After a failover, older connections may lead to a server to which nobody writes any more.
            await self._drop(self._client())
            yield subscription

    async def _echo(self, channel: bytes, number: int) -> None:
        # In a Cluster, each key leads to another server.
        key = self._prefix + b"echo:%d" % number
        anywhere = (b"anywhere",) if isinstance(self._source, RedisCluster) else ()
        if not await self._run_script(ECHO, key, channel, number, *anywhere, retry=False):
            raise StoreError(
                f"{self._address}: notices and commands go to different servers.", hint=DIFFERENT_SERVERS
            )

    async def aclose(self) -> None:
        client = self._clients.get(os.getpid(), WeakKeyDictionary()).pop(running_loop(), None)
        if client is not None:
            with suppress(RedisError, OSError):
                await client.aclose()

    async def _server_settings(self) -> dict[str, str]:
        """Return the server's settings of persistence and memory, without those that it does not show."""
        shown: dict[str, str] = {}
        for command, name in (
            *(("INFO", section) for section in ("persistence", "memory")),
            *(("CONFIG GET", setting) for setting in ("save", "appendfsync")),
        ):
            with suppress(StoreError):  # hosting companies forbid some commands
                found = await self._execute(command, name)
                shown |= {str(each): str(value) for each, value in found.items()}
        return shown

    def _record_key(self, key: str) -> bytes:
        return self._prefix + b"record:" + key.encode()

    def _index_key(self, owner_hash: bytes) -> bytes:
        return self._prefix + b"owner:" + owner_hash.hex().encode()

    async def _add_entry(self, key: str, ttl: int, owner: str | None) -> bytes:
        """Add an entry for a write that follows. Return the header of its record."""
        nonce = os.urandom(NONCE)
        if owner is None:
            return nonce + NO_OWNER
        owner_hash = hash_owner(owner)
        await self._run_script(ADD_ENTRY, self._index_key(owner_hash), nonce + pack(key), ttl)
        return nonce + owner_hash

    async def _remove_entry(self, key: str, header: bytes) -> None:
        """Remove the entry of a write that changed nothing, or whose record was deleted or replaced."""
        owner_hash = header[NONCE:]
        if len(header) == HEADER and owner_hash != NO_OWNER:
            # An entry that remains is harmless and expires.
            with suppress(StoreError):
                await self._execute("ZREM", self._index_key(owner_hash), header[:NONCE] + pack(key))

    async def _entries(self, owner_hash: bytes) -> AsyncIterator[bytes]:
        """Iterate over all entries of an owner, the earliest expiry first. Entries may be removed meanwhile."""
        after: tuple[float, bytes] = (0, b"")
        index, size = self._index_key(owner_hash), BATCH
        while True:
            batch = await self._execute(
                "ZRANGEBYSCORE", index, after[0], "+inf", "WITHSCORES", "LIMIT", 0, size, withscores=True
            )
            new = sorted(found for entry, score in batch if (found := (float(score), bytes(entry))) > after)
            for _, entry in new:
                yield entry
            if len(batch) < size:
                return
            # A whole batch that expires at the same moment can only be passed with a larger batch.
            after, size = (new[-1], BATCH) if new else (after, size * 2)

    async def _run_script(self, script: str, key: bytes, *arguments: bytes | int, retry: bool = True) -> Any:
        name = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        try:
            return await self._execute("EVALSHA", name, 1, key, *arguments, retry=retry)
        except NoScriptError:
            return await self._execute("EVAL", script, 1, key, *arguments, retry=retry)

    async def _execute(self, *words: bytes | str | float, retry: bool = True, **options: Any) -> Any:
        """Return Redis's reply.

        With `retry`, a command is sent once more if the connection was lost. A command that a replica has refused is
        always sent once more, to the server that is now at this address.
        """
        started = time.monotonic()
        options[NEVER_DECODE] = True
        try:
            client = self._client()
            try:
                return await client.execute_command(*words, **options)
            except (LostConnection, NoReply, ResponseError) as error:
                refused = is_read_only(error)
                lost = not isinstance(error, ResponseError) and time.monotonic() - started < RETRY_WITHIN
                if refused or isinstance(error, NoReply):
                    await self._drop(client)
                if not (refused or (lost and retry)):
                    raise
                return await self._client().execute_command(*words, **options)
        except NoScriptError:
            raise
        except (RedisError, RedisClusterException, OSError, RuntimeError) as error:
            raise StoreError(f"{self._address}: {error}", hint=hint_for(error)) from error

    async def _drop(self, client: "Redis | RedisCluster") -> None:
        """Close all idle connections of the client, because one of them led to a server that is gone or demoted."""
        clients = self._clients.get(os.getpid(), WeakKeyDictionary())
        if clients.get(running_loop()) is client:
            del clients[running_loop()]
        if isinstance(client, Redis):
            pool = client.connection_pool
            await (pool.retire() if isinstance(pool, Pool) else pool.disconnect(inuse_connections=False))

    def _client(self) -> "Redis | RedisCluster":
        """Return the app's client, or the client of the running event loop, which is created on first use."""
        loop = running_loop()
        if not isinstance(self._source, str):
            return self._source
        process = os.getpid()
        clients = self._clients.get(process)
        if clients is None:
            clients = self._clients[process] = WeakKeyDictionary()
        client = clients.get(loop)
        if client is None:
            for closed in [other for other in clients if other.is_closed()]:
                del clients[closed]
            client = clients[loop] = Client.from_pool(new_pool(self._source))
        return client


def hash_owner(owner: str) -> bytes:
    """Return the 16 bytes that represent the owner in a record."""
    return hashlib.blake2b(owner.encode(), digest_size=HEADER - NONCE).digest()


def pack(key: str) -> bytes:
    """Return the key with its hexadecimal end as bytes. A sorted set is smaller if no entry exceeds 64 bytes."""
    found = re.fullmatch("(.*):((?:[0-9a-f]{2})+)", key, re.DOTALL)
    return found[1].encode() + b"\xff" + bytes.fromhex(found[2]) if found else key.encode()


def unpack(entry: bytes) -> str:
    """Return the key from an entry without its nonce."""
    name, packed, digits = entry.partition(b"\xff")
    return f"{name.decode()}:{digits.hex()}" if packed else name.decode()
