"""A store in memory, for tests."""

import math
import time
import weakref
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import NamedTuple

from asgi_tiktok.stores.notices import Listener

__all__ = ["MemoryStore"]


class Record(NamedTuple):
    value: bytes
    ends_at: float
    owner: str | None


class MemoryStore:
    """A store in the memory of one process, for tests. Its records are lost when the process ends.

    Each process has its own records. With several workers, sessions would seem to come and go: use SQLite,
    Redis or a database there.

    Args:
        max_records (int): Maximum number of records that have an owner (sessions and tokens), and of those that
            have none (marks, which visitors can cause). If there are more of one kind, the one of this kind that
            was written first is deleted. Default: 10,000.
    """

    notice_bound: float = 1.0  # seconds; a notice arrives before the change returns

    def __init__(self, max_records: int = 10_000) -> None:
        self._max_records = max_records
        self._records: dict[str, Record] = {}
        # Two queues, so that a flood of marks cannot push out a session.
        self._owned: OrderedDict[str, None] = OrderedDict()
        self._unowned: OrderedDict[str, None] = OrderedDict()
        self._keys: dict[str, set[str]] = {}  # of each owner
        self._listeners: set[weakref.ref[Listener]] = set()

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._records)} records)"

    def _live_record(self, key: str) -> Record | None:
        record = self._records.get(key)
        if record is not None and record.ends_at <= time.time():
            self._remove(key)
            return None
        return record

    def _queue(self, owner: str | None) -> OrderedDict[str, None]:
        return self._unowned if owner is None else self._owned

    def _remove(self, key: str) -> Record | None:
        record = self._records.pop(key, None)
        if record is not None:
            del self._queue(record.owner)[key]
            if record.owner is not None:
                self._keys[record.owner].discard(key)
                if not self._keys[record.owner]:
                    del self._keys[record.owner]
        return record

    def _notify(self, key: str, before: Record | None) -> None:
        if before is None or before.owner is None:
            return
        for reference in tuple(self._listeners):
            if listener := reference():
                listener.notice(key)

    async def get(self, key: str) -> bytes | None:
        return None if (record := self._live_record(key)) is None else record.value

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        self._notify(key, self._write(key, value, ttl, owner))

    def _write(self, key: str, value: bytes, ttl: int, owner: str | None) -> Record | None:
        """Write a record. Returns the one that it replaces."""
        before = self._remove(key)
        self._records[key] = Record(value, time.time() + ttl, owner)
        queue = self._queue(owner)
        queue[key] = None
        if owner is not None:
            self._keys.setdefault(owner, set()).add(key)
        if len(queue) > self._max_records:
            self._delete(next(iter(queue)))
        return before

    def _delete(self, key: str) -> None:
        self._notify(key, self._remove(key))

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        if self._live_record(key) is not None:
            return False
        await self.set(key, value, ttl=ttl, owner=owner)
        return True

    async def touch(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        record = self._live_record(key)
        if record is None or record.value != old:
            return False
        self._write(key, new, ttl, owner)
        return True

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        before = self._live_record(key)
        replaced = await self.touch(key, old, new, ttl=ttl, owner=owner)
        if replaced:
            self._notify(key, before)
        return replaced

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        record = self._live_record(key)
        if record is None or (value is not None and record.value != value):
            return False
        self._delete(key)
        return True

    async def owned(self, owner: str) -> AsyncIterator[str]:
        keys = tuple(self._keys.get(owner, ()))
        for _, key in sorted((record.ends_at, key) for key in keys if (record := self._live_record(key))):
            if (record := self._live_record(key)) and record.owner == owner:
                yield key

    async def delete_owned(self, owner: str) -> int:
        owned = [key for key in tuple(self._keys.get(owner, ())) if self._live_record(key)]
        for key in owned:
            self._delete(key)
        return len(owned)

    def open_channel(self, listener: Listener, *, bound: float) -> "MemoryChannel":
        channel = MemoryChannel(self._listeners, listener)
        listener.reset()
        listener.prove(math.inf)
        return channel

    async def aclose(self) -> None:
        """Do nothing. The records are kept."""


class MemoryChannel:
    """The subscription of a listener, which the store holds weakly and calls directly."""

    def __init__(self, listeners: "set[weakref.ref[Listener]]", listener: Listener) -> None:
        self.listeners = listeners
        self.reference: weakref.ref[Listener] = weakref.ref(listener, listeners.discard)
        listeners.add(self.reference)

    async def aclose(self) -> None:
        """End the subscription."""
        self.listeners.discard(self.reference)
