"""The stored tokens of users: one sealed record per user."""

import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

from asgi_tiktok.accounts.consents import Consent, merge
from asgi_tiktok.accounts.record_dictionary import RECORDS
from asgi_tiktok.crypto.keys import Key, KeyRing, Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.models import Token
from asgi_tiktok.stores import Store

logger = logging.getLogger("asgi_tiktok")

UNKNOWN_LIFETIME = 180 * 24 * 60 * 60  # seconds; TikTok's refresh tokens live no longer
MAX_OUT_OF_ORDER = 200  # tokens in a row
PURPOSE = "token"


@dataclass(frozen=True, slots=True)
class StoredToken:
    """The record of one user: the consent of the latest login, and those that have scopes which no other one has.

    The first consent is in use, and the only one that is refreshed. The next takes its place when TikTok refuses the
    first for good, or when a caller needs scopes that the first lacks.
    """

    consents: tuple[Consent, ...]
    record: bytes

    @property
    def consent(self) -> Consent:
        """The consent in use."""
        return self.consents[0]

    @property
    def token(self) -> Token:
        """The token in use."""
        return self.consents[0].token


class TokenRecords:
    """Reads and writes the records of one TikTok app's tokens in one store."""

    def __init__(self, store: Store, keys: KeyRing, audience: str) -> None:
        self.store = store
        self.keys = keys
        self.audience = audience
        self.owner = "tokens:" + sha256(audience.encode()).hexdigest()

    async def save(self, token: Token) -> None:
        """Store the token of a login. An earlier one is kept only if it has scopes that this one lacks."""
        name, now = self.name_of(token.open_id), time.time()
        login = Consent(token, consented_at=now, issued_at=now)
        saved = False
        while not saved:
            record = await self.store.get(name)
            earlier: tuple[Consent, ...] = ()
            with suppress(Unreadable):
                earlier = () if record is None else self.open(name, record, self.keys)
            consents = merge(login, earlier)
            sealed, ttl = self.seal(consents), remaining(consents)
            if record is None:
                saved = await self.store.add(name, sealed, ttl=ttl, owner=self.owner)
            else:
                saved = await self.store.replace(name, record, sealed, ttl=ttl, owner=self.owner)

    async def load(self, open_id: str) -> StoredToken | None:
        """Return the stored token, expired or not, or None."""
        return await self.load_record(self.name_of(open_id))

    async def load_record(self, name: str) -> StoredToken | None:
        record = await self.store.get(name)
        if record is None:
            return None
        with suppress(Unreadable):
            return StoredToken(self.open(name, record, [self.keys.newest]), record)
        try:
            stored = StoredToken(self.open(name, record, self.keys), record)
        except Unreadable:
            logger.warning("token record unreadable, its user must log in again")
            return None
        # Tokens outlive a rotation of keys by far, so each moves to the newest key when it is read.
        return await self.replace(stored, *stored.consents) or stored

    async def replace(self, stored: StoredToken, *consents: Consent) -> StoredToken | None:
        """Compare-and-set: replace what was read. Returns None, without a change, if the record has changed since."""
        name, record = self.name_of(stored.token.open_id), self.seal(consents)
        if await self.store.replace(name, stored.record, record, ttl=remaining(consents), owner=self.owner):
            return StoredToken(consents, record)
        return None

    async def put_first(self, stored: StoredToken, consent: Consent) -> StoredToken:
        """Compare-and-set: let this consent of the record be the one in use. Return the record as it is then."""
        if consent is stored.consent:
            return stored
        others = [each for each in stored.consents if each is not consent]
        return await self.replace(stored, consent, *others) or stored

    async def delete(self, open_id: str, record: bytes | None = None) -> bool:
        """Delete all tokens of the user, or only if the record has not changed. Returns whether there was one."""
        return await self.store.delete(self.name_of(open_id), record)

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
            is_beyond = ending_within is not None and remaining(stored.consents) > ending_within
            beyond = beyond + 1 if is_beyond else 0
            if beyond > MAX_OUT_OF_ORDER:
                return
            if not beyond:
                yield stored.token

    def seal(self, consents: tuple[Consent, ...]) -> bytes:
        context = self.name_of(consents[0].token.open_id)
        facts = {"consents": [{**facts_of(consent), "token": facts_of(consent.token)} for consent in consents]}
        return seal_record(self.keys.newest, PURPOSE, facts, context=context, dictionary=RECORDS)

    def open(self, name: str, record: bytes, keys: Iterable[Key]) -> tuple[Consent, ...]:
        """Return the consents in a record. Raises Unreadable."""
        return open_record(keys, PURPOSE, record, read_consents, context=name, dictionary=RECORDS)

    def name_of(self, open_id: str) -> str:
        return "token:" + sha256(f"{self.audience}\0{open_id}".encode()).hexdigest()


def facts_of(each: Consent | Token) -> dict[str, Any]:
    return {field.name: getattr(each, field.name) for field in fields(each)}


def read_consents(facts: dict[str, Any]) -> tuple[Consent, ...]:
    return tuple(read_consent(**each) for each in facts["consents"])


def read_consent(token: dict[str, Any], **times: Any) -> Consent:
    return Consent(Token(**{**token, "scopes": tuple(token["scopes"])}), **times)


def remaining(consents: tuple[Consent, ...]) -> int:
    """Seconds until the last refresh token expires."""
    now = int(time.time())
    return max(max((each.token.refresh_expires_at or now + UNKNOWN_LIFETIME) - now for each in consents), 1)
