"""A dict, for tests: gone with the process, unknown to the next one."""

import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import NamedTuple

from asgi_tiktok.stores.workers import count_workers

logger = logging.getLogger("asgi_tiktok")


class Record(NamedTuple):
    value: bytes
    ends_at: float
    owner: str | None


class MemoryStore:
    """Keeps up to `max_records` records in this process; beyond that the one written first goes."""

    def __init__(self, max_records: int = 10_000) -> None:
        self.max_records = max_records
        if (workers := count_workers()) > 1:
            logger.warning(
                "MemoryStore with %s workers: each has sessions of its own, so people are signed in by chance. "
                "Use SQLite, Redis or PostgreSQL: TikTok(store=...).",
                workers,
            )
        self.records: OrderedDict[str, Record] = OrderedDict()

    def __repr__(self) -> str:
        return f"MemoryStore({len(self.records)} records)"

    def live(self, key: str) -> Record | None:
        record = self.records.get(key)
        if record is not None and record.ends_at <= time.time():
            del self.records[key]
            return None
        return record

    async def get(self, key: str) -> bytes | None:
        return None if (record := self.live(key)) is None else record.value

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        self.records[key] = Record(value, time.time() + ttl, owner)
        self.records.move_to_end(key)
        if len(self.records) > self.max_records:
            self.records.popitem(last=False)

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        if self.live(key) is not None:
            return False
        await self.set(key, value, ttl=ttl, owner=owner)
        return True

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        record = self.live(key)
        if record is None or record.value != old:
            return False
        await self.set(key, new, ttl=ttl, owner=owner)
        return True

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        record = self.live(key)
        if record is None or (value is not None and record.value != value):
            return False
        del self.records[key]
        return True

    async def owned(self, owner: str) -> AsyncIterator[str]:
        records = [(record.ends_at, key) for key, record in self.records.items() if record.owner == owner]
        for _, key in sorted(records):
            if (record := self.live(key)) and record.owner == owner:
                yield key

    async def delete_owned(self, owner: str) -> int:
        owned = [key for key in list(self.records) if (record := self.live(key)) and record.owner == owner]
        for key in owned:
            del self.records[key]
        return len(owned)

    async def aclose(self) -> None:
        """Nothing to release; the records stay."""
