"""The contract of every store. The tests in `tests/stores/test_contract.py` check it for each engine."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable


class Store(Protocol):
    """A key-value store of bytes, in which each record has an expiry time and may have an owner.

    Any object with these eight methods can be passed as `TikTok(store=...)`. An implementation must follow
    these rules:

    - Keys and owners are ASCII strings of at most 255 characters. They are compared byte by byte, so case
      and trailing spaces matter.
    - A value is any bytes, including empty bytes, and is returned unchanged.
    - `ttl` is a whole number of seconds, at least 1, counted from the write. From the moment a record
      expires, every method behaves as if it did not exist, whether or not it has been deleted yet.
    - A write replaces the value, the expiry time and the owner together. `owner=None` means that the
      record has no owner afterwards.
    - Many tasks and processes call the methods at the same time. Each method must be atomic, except `owned`
      and `delete_owned`, which may handle the records one after another.
    - A method that fails raises `StoreError(description, hint=...)` and no other exception. A write that
      raises or is cancelled has happened completely or not at all.
    """

    async def get(self, key: str) -> bytes | None:
        """Return the value of a record, or None if there is no record."""
        ...

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        """Save a record. An existing record with this key is replaced."""
        ...

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        """Save a record only if there is no record with this key (set-if-absent).

        Returns:
            True if the record was saved, False if there was one already. If several callers add the same key
            at the same time, exactly one of them gets True.
        """
        ...

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        """Replace a record only if its value is still `old` (compare-and-set). `new` may equal `old`.

        Returns:
            True if the record was replaced. False if it has another value or does not exist; then nothing
            has changed.
        """
        ...

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        """Delete a record, but only if it has the given value, unless that is None.

        Returns:
            True if the record was deleted. False if it has another value or does not exist.
        """
        ...

    def owned(self, owner: str) -> AsyncIterator[str]:
        """Iterate over the keys of all records of an owner, the earliest expiry first.

        There is no limit on their number, so an implementation should read them in batches. A record that is
        written or deleted during the iteration may or may not be included. An async generator method has this type.
        """
        ...

    async def delete_owned(self, owner: str) -> int:
        """Delete all records of an owner.

        When the method returns, every record that the owner had when it was called is gone. A record that is
        written at the same time may or may not be deleted.

        Returns:
            The number of deleted records, without those that had already expired.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections. Calling it twice is allowed, and the next call of any method opens new ones."""
        ...


@runtime_checkable
class PeekingStore(Store, Protocol):
    """A store that can read most records at once, so that a signed-in request awaits nothing."""

    def peek(self, key: str) -> bytes | None:
        """Return the value of a record, or None if there is none or it cannot be read without waiting."""
        ...
