"""A store in memory, for tests."""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import NamedTuple

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
        max_records (int): Maximum number of records. If there are more, the record that was written first is
            deleted. Default: 10,000.
    """

    def __init__(self, max_records: int = 10_000) -> None:
        self._max_records = max_records
        self._records: OrderedDict[str, Record] = OrderedDict()

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._records)} records)"

    def _live_record(self, key: str) -> Record | None:
        record = self._records.get(key)
        if record is not None and record.ends_at <= time.time():
            del self._records[key]
            return None
        return record

    async def get(self, key: str) -> bytes | None:
        return None if (record := self._live_record(key)) is None else record.value

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        self._records[key] = Record(value, time.time() + ttl, owner)
        self._records.move_to_end(key)
        if len(self._records) > self._max_records:
            self._records.popitem(last=False)

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        if self._live_record(key) is not None:
            return False
        await self.set(key, value, ttl=ttl, owner=owner)
        return True

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        record = self._live_record(key)
        if record is None or record.value != old:
            return False
        await self.set(key, new, ttl=ttl, owner=owner)
        return True

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        record = self._live_record(key)
        if record is None or (value is not None and record.value != value):
            return False
        del self._records[key]
        return True

    async def owned(self, owner: str) -> AsyncIterator[str]:
        records = [(record.ends_at, key) for key, record in self._records.items() if record.owner == owner]
        for _, key in sorted(records):
            if (record := self._live_record(key)) and record.owner == owner:
                yield key

    async def delete_owned(self, owner: str) -> int:
        owned = [key for key in list(self._records) if (record := self._live_record(key)) and record.owner == owner]
        for key in owned:
            del self._records[key]
        return len(owned)

    async def aclose(self) -> None:
        """Do nothing. The records are kept."""
