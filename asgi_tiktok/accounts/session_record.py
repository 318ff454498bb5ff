"""One session, and its record in the store: what it contains, how it is sealed, and how it is named."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Self

from asgi_tiktok.accounts.record_dictionary import RECORDS
from asgi_tiktok.crypto.keys import Key
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.models import TikTokUser
from asgi_tiktok.validation import check_timeouts

PREFIX = "session:"  # of the names of the records


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in, and its description. Times are seconds since the epoch."""

    user: TikTokUser
    scopes: tuple[str, ...]
    data: Mapping[str, Any]
    created_at: int
    seen_at: int
    ends_at: int = 0
    name: str = field(repr=False, default="")
    record: bytes = field(repr=False, default=b"")
    browser: str = ""

    @property
    def id(self) -> str:
        """The name that the user of the session may see: a keyed hash of what the cookie contains."""
        return self.name.removeprefix(PREFIX)

    @property
    def log_name(self) -> str:
        """The part of the session that a log may contain."""
        return log_name(self.name)

    @property
    def ttl(self) -> int:
        """Seconds until an unused session ends; 1 if the clock has just passed its end."""
        return max(self.ends_at - int(time.time()), 1)


def log_name(name: str) -> str:
    """Return what a log may contain instead of the name of a session."""
    return sha256(name.encode()).hexdigest()[:8]


class SessionRecords:
    """Seals and opens the records of one `TikTok(...)`, and names them.

    A session of one must never open another that shares store, keys and client_key. The cookie's name stands for the
    paths.
    """

    def __init__(
        self, *, cookie_name: str, audience: str, origin: str, idle_timeout: int, absolute_timeout: int
    ) -> None:
        self.audience = audience
        self.purpose = "session" + json.dumps([cookie_name, audience, origin])
        self.idle_timeout, self.absolute_timeout = check_timeouts(idle_timeout, absolute_timeout)

    def at(self, *, cookie_name: str, origin: str) -> Self:
        """Return the records of the same app at another of its addresses."""
        return type(self)(
            cookie_name=cookie_name,
            audience=self.audience,
            origin=origin,
            idle_timeout=self.idle_timeout,
            absolute_timeout=self.absolute_timeout,
        )

    def owner(self, open_id: str) -> str:
        """The user's name as an owner of records: a hash, which every database compares exactly."""
        return "user:" + sha256(f"{self.audience}\0{open_id}".encode()).hexdigest()

    def name_of(self, key: Key, session_id: bytes) -> str:
        return PREFIX + key.digest(f"name/{self.purpose}", session_id).hex()

    def ends_at(self, created_at: int, seen_at: int) -> int:
        return min(seen_at + self.idle_timeout, created_at + self.absolute_timeout)

    def seal(self, key: Key, session: Session) -> Session:
        """Return the session with its record, and with the end that follows from its times."""
        record = seal_record(key, self.purpose, to_facts(session), context=session.name, dictionary=RECORDS)
        return replace(session, record=record, ends_at=self.ends_at(session.created_at, session.seen_at))

    def open(self, key: Key, name: str, record: bytes) -> Session:
        """Return the session in a record. Raises Unreadable."""
        session = open_record([key], self.purpose, record, from_facts, context=name, dictionary=RECORDS)
        ends_at = self.ends_at(session.created_at, session.seen_at)
        return replace(session, ends_at=ends_at, name=name, record=record)


def to_facts(session: Session) -> dict[str, Any]:
    """Return what the record of the session contains."""
    facts = {
        "user": {name: value for name, value in session.user.to_dict().items() if value is not None},
        "scopes": session.scopes,
        "data": session.data,
        "created_at": session.created_at,
        "seen_at": session.seen_at,
    }
    return {**facts, "browser": session.browser} if session.browser else facts


def from_facts(facts: dict[str, Any]) -> Session:
    """Return the session in a record, without its name and end, which the record does not contain."""
    return Session(
        user=TikTokUser._from_response(facts["user"]),
        scopes=tuple(facts["scopes"]),
        data={**facts["data"]},
        created_at=int(facts["created_at"]),
        seen_at=int(facts["seen_at"]),
        browser=facts.get("browser", ""),
    )
