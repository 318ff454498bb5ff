"""Notices: the optional part of a store, which reports that records were deleted or replaced."""

from typing import Protocol, runtime_checkable

from asgi_tiktok.stores.protocol import Store


class Listener(Protocol):
    """The object that a channel reports to."""

    def notice(self, key: str) -> None:
        """A record was deleted, or replaced by more than a touch. This may be called twice, and for any key."""
        ...

    def prove(self, sent_at: float) -> None:
        """All notices that the store ordered before this time (`asgi_tiktok.clock.uptime`) have been reported."""
        ...

    def reset(self) -> None:
        """A subscription has begun or ended, so notices may have been lost."""
        ...

    def needs_proof(self) -> bool:
        """Return whether the listener keeps any record. If it keeps none, the channel can save its echoes."""
        ...


class Channel(Protocol):
    """A subscription to the notices of a store, for one event loop."""

    async def aclose(self) -> None:
        """End it. The listener is not called afterwards."""
        ...


@runtime_checkable
class NotifyingStore(Store, Protocol):
    """A store that reports each record with an owner that is deleted or replaced.

    The notice belongs to the same atomic step as the change. A record that expires is not reported.
    """

    notice_bound: float
    """The default of `TikTok(session_memory_bound=...)` with this store, in seconds."""

    def open_channel(self, listener: Listener, *, bound: float) -> Channel | None:
        """Open a channel in the running event loop.

        The connection is opened in the background, and again whenever it is lost. It keeps no process alive.

        Args:
            listener (Listener): Reported to in the running event loop. If the store is in the memory of this
                process, in any thread.
            bound (float): The proof is renewed several times in this number of seconds.

        Returns:
            The channel, or None if the store behind this object has no notices.
        """
        ...

    async def touch(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        """Do the same as `replace`, without a notice."""
        ...
