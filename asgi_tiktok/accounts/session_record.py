"""One session, and its record in the store."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from asgi_tiktok.models import TikTokUser


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in. Times are seconds since the epoch."""

    user: TikTokUser
    scopes: tuple[str, ...]
    data: Mapping[str, Any]
    created_at: int
    seen_at: int
    ends_at: int = 0
    name: str = field(repr=False, default="")
    record: bytes = field(repr=False, default=b"")

    @property
    def log_name(self) -> str:
        """The part of the session that a log may contain."""
        return sha256(self.name.encode()).hexdigest()[:8]


def to_facts(session: Session) -> dict[str, Any]:
    """Return what the record of the session contains."""
    return {
        "user": {name: value for name, value in session.user.to_dict().items() if value is not None},
        "scopes": session.scopes,
        "data": session.data,
        "created_at": session.created_at,
        "seen_at": session.seen_at,
    }


def from_facts(facts: dict[str, Any]) -> Session:
    """Return the session in a record, without its name and end, which the record does not contain."""
    return Session(
        user=TikTokUser._from_response(facts["user"]),
        scopes=tuple(facts["scopes"]),
        data={**facts["data"]},
        created_at=int(facts["created_at"]),
        seen_at=int(facts["seen_at"]),
    )


def remaining(session: Session) -> int:
    """Seconds until an unused session ends; 1 if the clock has just passed its end."""
    return max(session.ends_at - int(time.time()), 1)
