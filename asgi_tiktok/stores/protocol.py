"""The contract of every store; `tests/stores` holds one suite for all of them."""

from collections.abc import AsyncIterator
from typing import Protocol


class Store(Protocol):
    """Bytes under keys, each with an end and, perhaps, an owner.

    Keys and owners are ASCII, case-sensitive and compared byte by byte. `ttl` is in whole seconds from
    now, at least 1; a record whose time is over is absent for every method, whether it was purged or not.
    A record belongs to no owner or to one; writing a record again says anew whose it is and when it ends.
    Each method is one atomic step, also between processes. What cannot be done raises StoreError, and
    nothing else; then the step was taken or not, but never by half.
    """

    async def get(self, key: str) -> bytes | None:
        """The value, or None when there is none."""
        ...

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        """Keep the value, replacing an earlier one."""
        ...

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        """Keep the value if there is none yet. True for exactly one of many simultaneous callers."""
        ...

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        """Put `new` in the place of `old`. False, and no change, when there is another value or none."""
        ...

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        """Forget the record, or only if it still has this value. False when there was none to forget."""
        ...

    def owned(self, owner: str) -> AsyncIterator[str]:
        """The keys of the owner's records, the one that ends first first, however many there are.

        What is written or deleted meanwhile may or may not be among them.
        """
        ...

    async def delete_owned(self, owner: str) -> int:
        """Forget every record of the owner, and tell how many that were."""
        ...

    async def aclose(self) -> None:
        """Release connections. The next call opens new ones."""
        ...
