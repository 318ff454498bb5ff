"""The stored tokens of users: one sealed record per user."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from asgi_tiktok.crypto.keys import KeyRing, Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.models import Token
from asgi_tiktok.stores import Store

logger = logging.getLogger("asgi_tiktok")

UNKNOWN_LIFETIME = 180 * 24 * 60 * 60  # seconds; TikTok's refresh tokens live no longer
MAX_OUT_OF_ORDER = 200  # tokens in a row
PURPOSE = "token"


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token in the store. `sent_at` is the time at which its refresh token was last sent to TikTok."""

    token: Token
    sent_at: float | None
    record: bytes


class TokenRecords:
    """Reads and writes the records of one TikTok app's tokens in one store."""

    def __init__(self, store: Store, keys: KeyRing, audience: str) -> None:
        self.store = store
        self.keys = keys
        self.audience = audience
        self.owner = "tokens:" + sha256(audience.encode()).hexdigest()

    async def save(self, token: Token) -> None:
        """Store the token of a login for as long as its refresh token is valid, replacing an earlier one."""
        record = self.seal(token, None)
        await self.store.set(self.name_of(token.open_id), record, ttl=remaining(token), owner=self.owner)

    async def load(self, open_id: str) -> StoredToken | None:
        """Return the stored token, expired or not, or None."""
        return await self.load_record(self.name_of(open_id))

    async def load_record(self, name: str) -> StoredToken | None:
        record = await self.store.get(name)
        if record is None:
            return None
        with suppress(Unreadable):
            return StoredToken(*open_record([self.keys.newest], PURPOSE, record, read_token, context=name), record)
        try:
            token, sent_at = open_record(self.keys, PURPOSE, record, read_token, context=name)
        except Unreadable:
            logger.warning("token record unreadable, its user must log in again")
            return None
        # Tokens outlive a rotation of keys by far, so each moves to the newest key when it is read.
        stored = StoredToken(token, sent_at, record)
        return await self.replace(stored, token, sent_at=sent_at) or stored

    async def replace(self, stored: StoredToken, token: Token, *, sent_at: float | None) -> StoredToken | None:
        """Compare-and-set: replace what was read. Returns None, without a change, if the record has changed since."""
        name, record = self.name_of(token.open_id), self.seal(token, sent_at)
        if await self.store.replace(name, stored.record, record, ttl=remaining(token), owner=self.owner):
            return StoredToken(token, sent_at, record)
        return None

    async def delete(self, open_id: str, record: bytes | None = None) -> None:
        """Delete the token, or only if its record has not changed. Deleting a missing one is not an error."""
        await self.store.delete(self.name_of(open_id), record)

    async def all(self, *, ending_within: float | None = None) -> AsyncIterator[Token]:
        """Iterate over all stored tokens, the earliest refresh expiry first, up to this number of seconds."""
        seen: set[int] = set()
        beyond = 0
        async for name in self.store.owned(self.owner):
            # A token that is refreshed meanwhile expires later, and is listed again.
            if (name_hash := hash(name)) in seen:
                continue
            seen.add(name_hash)
            stored = await self.load_record(name)
            if stored is None:
                continue
            # A token that was refreshed after it was listed is out of order, but not so many of them in a row.
            beyond = beyond + 1 if ending_within is not None and remaining(stored.token) > ending_within else 0
            if beyond > MAX_OUT_OF_ORDER:
                return
            if not beyond:
                yield stored.token

    def seal(self, token: Token, sent_at: float | None) -> bytes:
        facts = {**asdict(token), "sent_at": sent_at}
        return seal_record(self.keys.newest, PURPOSE, facts, context=self.name_of(token.open_id))

    def name_of(self, open_id: str) -> str:
        return "token:" + sha256(f"{self.audience}\0{open_id}".encode()).hexdigest()


def read_token(facts: dict[str, Any]) -> tuple[Token, float | None]:
    sent_at = facts.pop("sent_at")
    return Token(**{**facts, "scopes": tuple(facts["scopes"])}), None if sent_at is None else float(sent_at)


def remaining(token: Token) -> int:
    """Seconds until the refresh token expires."""
    ends_at = token.refresh_expires_at or int(time.time()) + UNKNOWN_LIFETIME
    return max(ends_at - int(time.time()), 1)
