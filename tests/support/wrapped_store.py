"""A store around another store, with a hook before and after each operation."""

from collections.abc import AsyncIterator

from asgi_tiktok import Store


class WrappedStore:
    """Passes each operation on to `inner`. A subclass overrides `before` and `after`."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    async def before(self, operation: str) -> None:
        """Run before each operation. An error that it raises replaces the operation."""

    async def after(self, operation: str) -> None:
        """Run after each operation that succeeded."""

    async def get(self, key: str) -> bytes | None:
        await self.before("get")
        value = await self.inner.get(key)
        await self.after("get")
        return value

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        assert ttl >= 1
        await self.before("set")
        await self.inner.set(key, value, ttl=ttl, owner=owner)
        await self.after("set")

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        assert ttl >= 1
        await self.before("add")
        added = await self.inner.add(key, value, ttl=ttl, owner=owner)
        await self.after("add")
        return added

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        assert ttl >= 1
        await self.before("replace")
        replaced = await self.inner.replace(key, old, new, ttl=ttl, owner=owner)
        await self.after("replace")
        return replaced

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        await self.before("delete")
        deleted = await self.inner.delete(key, value)
        await self.after("delete")
        return deleted

    async def owned(self, owner: str) -> AsyncIterator[str]:
        await self.before("owned")
        async for key in self.inner.owned(owner):
            yield key
        await self.after("owned")

    async def delete_owned(self, owner: str) -> int:
        await self.before("delete_owned")
        deleted = await self.inner.delete_owned(owner)
        await self.after("delete_owned")
        return deleted

    async def aclose(self) -> None:
        """Do nothing. The test closes the inner store."""
