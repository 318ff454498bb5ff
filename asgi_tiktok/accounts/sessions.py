"""Sessions of browsers: create, load, touch, end, end all of a user's.

The browser holds a random id, signed, so that garbage is turned away before the store is asked. The store
holds the record under a keyed hash of the id, so that a leaked store opens no session.
"""

import logging
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from asgi_tiktok.crypto.keys import Key, KeyRing, Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.errors import StoreError
from asgi_tiktok.http.cookies import MOST_VALUES, CookieJar, Header, cookie_values
from asgi_tiktok.models import TikTokUser
from asgi_tiktok.stores import Store

logger = logging.getLogger("asgi_tiktok")

IDLE_TIMEOUT = 7 * 24 * 60 * 60  # seconds
ABSOLUTE_TIMEOUT = 30 * 24 * 60 * 60  # seconds
MAX_SESSIONS = 20  # of one user
TOUCH_INTERVAL = 5 * 60  # seconds
MOST_ENDED = 10_000  # sessions that could not be deleted, remembered until they can
MOST_OPENED = 2_000  # records that need not be opened again as long as the store has the same
PURPOSE = "session"


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in. Times are seconds since the epoch."""

    user: TikTokUser
    scopes: tuple[str, ...]
    data: Mapping[str, Any]
    created_at: int
    seen_at: int
    ends_at: int
    record_key: str = field(repr=False)
    record: bytes = field(repr=False, default=b"")

    @property
    def log_name(self) -> str:
        """What a log may know of the session."""
        return sha256(self.record_key.encode()).hexdigest()[:8]


class Sessions:
    """The sessions of one TikTok app in one store."""

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        cookies: CookieJar,
        *,
        audience: str,
        idle_timeout: int = IDLE_TIMEOUT,
        absolute_timeout: int = ABSOLUTE_TIMEOUT,
        max_sessions: int = MAX_SESSIONS,
    ) -> None:
        self.store = store
        self.keys = keys
        self.cookies = cookies
        self.cookie_name = cookies.session.encode("ascii")
        self.audience = audience
        self.cookie_purpose = f"session-cookie/{audience}"
        self.idle_timeout = idle_timeout
        self.absolute_timeout = absolute_timeout
        self.max_sessions = max_sessions
        self.ended: dict[str, None] = {}
        self.opened: dict[str, Session] = {}

    async def create(
        self, user: TikTokUser, scopes: tuple[str, ...], data: Mapping[str, Any]
    ) -> tuple[Session, Header]:
        """A new session under a new id, and the Set-Cookie header that carries it."""
        key = self.keys.newest
        session_id = secrets.token_urlsafe(32).encode("ascii")
        now = int(time.time())
        session = Session(user, scopes, data, now, now, self.ends_at(now, now), record_key(key, session_id))
        session = replace(session, record=self.seal(key, session))
        await self.store.set(
            session.record_key, session.record, ttl=self.remaining(session), owner=self.owner(user.open_id)
        )
        await self.keep_to_limit(user.open_id, session.record_key)
        cookie = key.sign(self.cookie_purpose, session_id).decode("ascii")
        return session, self.cookies.set(self.cookies.session, cookie, max_age=self.absolute_timeout)

    async def keep_to_limit(self, open_id: str, newest: str) -> None:
        """End the sessions of this user that would end first, beyond `max_sessions`, but never the newest."""
        try:
            names = {name: None async for name in self.store.owned(self.owner(open_id))}
            names.pop(newest, None)
            for name in list(names)[: max(0, len(names) - self.max_sessions + 1)]:
                await self.store.delete(name)
        except StoreError as error:
            logger.warning("a user may have more than %s sessions: %s", self.max_sessions, error)

    async def load(self, headers: Iterable[Header]) -> Session | None:
        """The session of the browser that sent these headers, or None.

        Raises StoreError when a cookie is genuine but the store cannot say what it stands for.
        """
        found = self.find(headers)
        if found is None:
            return None
        key, session_id = found
        name = record_key(key, session_id)
        if name in self.ended:
            await self.end_record(name)
            return None
        record = await self.store.get(name)
        session = None if record is None else self.open(key, name, record)
        now = time.time()
        if session is None or session.ends_at <= now:
            return None
        if now - session.seen_at < TOUCH_INTERVAL:
            return session
        return await self.touch(key, session)

    def find(self, headers: Iterable[Header]) -> tuple[Key, bytes] | None:
        """The genuine session id among the cookies, and the key that signed it, if it is the only one."""
        values = cookie_values(headers, self.cookie_name)
        if len(values) > MOST_VALUES:
            return None
        genuine = [found for value in values if (found := self.unsign(value)) is not None]
        return genuine[0] if len(genuine) == 1 else None

    def has_forgery(self, headers: Iterable[Header]) -> bool:
        """True when there is a session cookie, but none that any of our keys signed."""
        values = cookie_values(headers, self.cookie_name)[:MOST_VALUES]
        return bool(values) and all(self.unsign(value) is None for value in values)

    def unsign(self, value: bytes) -> tuple[Key, bytes] | None:
        for key in self.keys:
            try:
                return key, key.unsign(self.cookie_purpose, value)
            except Unreadable:
                continue
        return None

    async def touch(self, key: Key, session: Session) -> Session:
        """Note that the session is in use, unless it was ended or touched meanwhile."""
        now = int(time.time())
        touched = replace(session, seen_at=now, ends_at=self.ends_at(session.created_at, now))
        touched = replace(touched, record=self.seal(key, touched))
        try:
            await self.store.replace(
                session.record_key,
                session.record,
                touched.record,
                ttl=self.remaining(touched),
                owner=self.owner(session.user.open_id),
            )
        except StoreError as error:
            logger.warning("a session could be read, but not touched: %s", error)
        return touched

    async def is_live(self, session: Session) -> bool:
        """False once the session has ended; a store that does not answer ends nothing."""
        if session.record_key in self.ended or session.created_at + self.absolute_timeout <= time.time():
            return False
        try:
            return await self.store.get(session.record_key) is not None
        except StoreError:
            return True

    async def end(self, session: Session) -> None:
        """End this session everywhere.

        When the store does not answer, the session is ended in this process at once, in the store at its
        next use, and StoreError is raised.
        """
        await self.end_record(session.record_key)

    async def end_found(self, headers: Iterable[Header]) -> Session | None:
        """End the session of the browser that sent these headers, and tell which one it was, if any.

        Raises StoreError as `end` does.
        """
        found = self.find(headers)
        if found is None:
            return None
        key, session_id = found
        name = record_key(key, session_id)
        self.note_ended(name)
        record = await self.store.get(name)
        await self.end_record(name)
        return None if record is None else self.open(key, name, record)

    async def end_record(self, name: str) -> None:
        self.note_ended(name)
        self.opened.pop(name, None)
        await self.store.delete(name)
        self.ended.pop(name, None)

    def note_ended(self, name: str) -> None:
        while len(self.ended) >= MOST_ENDED:
            self.ended.pop(next(iter(self.ended)))
        self.ended[name] = None

    async def end_all(self, open_id: str) -> int:
        """End every session of this user; how many that were."""
        return await self.store.delete_owned(self.owner(open_id))

    def owner(self, open_id: str) -> str:
        """A name for the user that any store compares to the letter, whatever its collation."""
        return "user:" + sha256(f"{self.audience}\0{open_id}".encode()).hexdigest()

    def remaining(self, session: Session) -> int:
        """Seconds until the session ends, if it is not used again; 1 where the clock has just passed its end."""
        return max(session.ends_at - int(time.time()), 1)

    def ends_at(self, created_at: int, seen_at: int) -> int:
        return min(seen_at + self.idle_timeout, created_at + self.absolute_timeout)

    def seal(self, key: Key, session: Session) -> bytes:
        facts = {
            "user": {name: fact for name, fact in session.user.to_dict().items() if fact is not None},
            "scopes": session.scopes,
            "data": session.data,
            "created_at": session.created_at,
            "seen_at": session.seen_at,
        }
        return seal_record(key, PURPOSE, facts, place=session.record_key)

    def open(self, key: Key, name: str, record: bytes) -> Session | None:
        """The session in a record, or None for one that was changed, moved or made by another version."""
        known = self.opened.get(name)
        if known is not None and known.record == record:
            return known

        def read(facts: dict[str, Any]) -> Session:
            created_at, seen_at = int(facts["created_at"]), int(facts["seen_at"])
            return Session(
                user=TikTokUser.from_response(facts["user"]),
                scopes=tuple(facts["scopes"]),
                data=facts["data"],
                created_at=created_at,
                seen_at=seen_at,
                ends_at=self.ends_at(created_at, seen_at),
                record_key=name,
                record=record,
            )

        try:
            session = open_record([key], PURPOSE, record, read, place=name)
        except Unreadable:
            logger.warning("a session record in the store cannot be read; its browser is anonymous")
            return None
        if len(self.opened) >= MOST_OPENED:
            self.opened.clear()
        self.opened[name] = session
        return session


def record_key(key: Key, session_id: bytes) -> str:
    return "session:" + key.digest("session-record", session_id).hex()
