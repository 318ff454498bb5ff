"""Sessions of browsers: create, load, touch, end one, end all of a user's.

The browser holds a random id, signed, so that a forged cookie is rejected before the store is asked. The store
holds the record under a keyed hash of the id, so a leaked store contains no usable cookie.
"""

import json
import logging
import secrets
import time
from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple

from starlette.datastructures import Headers
from starlette.types import Scope

from asgi_tiktok.accounts.bounded_dict import BoundedDict
from asgi_tiktok.accounts.consents import is_later
from asgi_tiktok.accounts.session_record import Session, from_facts, remaining, to_facts
from asgi_tiktok.crypto.keys import Key, KeyRing, Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.crypto.signer import IdSigner
from asgi_tiktok.errors import StoreError
from asgi_tiktok.http.cookies import MAX_SIZE, MAX_VALUES, CookieJar, Header, cookie_values
from asgi_tiktok.http.fetch_metadata import not_cross_site
from asgi_tiktok.models import TikTokUser
from asgi_tiktok.stores import Store

__all__ = ["ABSOLUTE_TIMEOUT", "IDLE_TIMEOUT", "MAX_SESSIONS", "Session", "Sessions", "VerifiedCookie"]

logger = logging.getLogger("asgi_tiktok")

IDLE_TIMEOUT = 7 * 24 * 60 * 60  # seconds
ABSOLUTE_TIMEOUT = 30 * 24 * 60 * 60  # seconds
MAX_SESSIONS = 20  # of one user
TOUCH_INTERVAL = 5 * 60  # seconds
MAX_ENDED = 10_000  # sessions that could not be deleted, remembered until they can
MAX_CACHED = 2_000  # verified cookies, and opened records


class VerifiedCookie(NamedTuple):
    """A genuine session cookie: the key that signed it, and the name of its record in the store."""

    key: Key
    name: str


class Sessions:
    """The sessions of one TikTok app in one store."""

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        cookies: CookieJar,
        *,
        audience: str,
        origin: str,
        idle_timeout: int = IDLE_TIMEOUT,
        absolute_timeout: int = ABSOLUTE_TIMEOUT,
        max_sessions: int = MAX_SESSIONS,
    ) -> None:
        self.store = store
        self.keys = keys
        self.cookies = cookies
        self.cookie_name = cookies.session.encode("ascii")
        self.audience = audience
        # A session of one TikTok(...) must never open another that shares store, keys and client_key. The
        # cookie's name stands for the paths.
        self.purpose = "session" + json.dumps([cookies.session, audience, origin])
        self.signer = IdSigner(keys, f"cookie/{self.purpose}")
        self.idle_timeout = idle_timeout
        self.absolute_timeout = absolute_timeout
        self.max_sessions = max_sessions
        self.verified: BoundedDict[bytes, VerifiedCookie] = BoundedDict(MAX_CACHED)
        self.opened: BoundedDict[str, Session] = BoundedDict(MAX_CACHED)
        self.ended: BoundedDict[str, None] = BoundedDict(MAX_ENDED)

    async def load(self, headers: Iterable[Header]) -> Session | None:
        """Return the session of the browser that sent these headers, or None.

        Raises StoreError if the cookie is genuine but the store is unavailable.
        """
        cookie = self.find_cookie(headers)
        if cookie is None:
            return None
        key, name = cookie
        if name in self.ended:
            await self.end(name)
            return None
        record = await self.store.get(name)
        if record is None:
            return None
        session = self.opened.get(name)
        if session is None or session.record != record:
            session = self.unseal(key, name, record)
        now = time.time()
        if session is None or session.ends_at <= now:
            return None
        if now - session.seen_at < TOUCH_INTERVAL:
            return session
        return await self.touch(key, session)

    def find_cookie(self, headers: Iterable[Header]) -> VerifiedCookie | None:
        """The genuine session cookie, if there is exactly one."""
        values = cookie_values(headers, self.cookie_name)
        if len(values) > MAX_VALUES:
            return None
        genuine = [cookie for value in values if (cookie := self.verify(value)) is not None]
        return genuine[0] if len(genuine) == 1 else None

    def genuine_cookies(self, headers: Iterable[Header]) -> list[VerifiedCookie]:
        """All genuine session cookies. A browser sends several if one was set for a domain or a path."""
        values = cookie_values(headers, self.cookie_name)[:MAX_VALUES]
        return [cookie for value in values if (cookie := self.verify(value)) is not None]

    def verify(self, value: bytes) -> VerifiedCookie | None:
        cookie = self.verified.get(value)
        if cookie is None and len(value) <= MAX_SIZE and (signed := self.signer.verify(value)):
            key, session_id = signed
            cookie = self.verified[value] = VerifiedCookie(key, self.name_of(key, session_id))
        return cookie

    def expire_forged(self, scope: Scope) -> Header | None:
        """The Set-Cookie header that deletes a session cookie which none of our keys has signed, if there is one."""
        headers = scope["headers"]
        # On localhost, a foreign cookie may belong to another app that uses this port at other times.
        if not self.cookies.secure or not not_cross_site(Headers(raw=headers)):
            return None
        values = cookie_values(headers, self.cookie_name)[:MAX_VALUES]
        if not values or any(self.verify(value) for value in values):
            return None
        return self.cookies.expire(self.cookies.session)

    async def create(
        self, user: TikTokUser, scopes: tuple[str, ...], data: Mapping[str, Any]
    ) -> tuple[Session, Header]:
        """Create a session under a new id. Returns it with the Set-Cookie header that carries the id."""
        session_id = secrets.token_urlsafe(32).encode("ascii")
        key, name = self.keys.newest, self.name_of(self.keys.newest, session_id)
        now = int(time.time())
        session = self.seal(key, Session(user, scopes, data, now, now, self.ends_at(now, now), name))
        owner = self.owner(user.open_id)
        await self.store.set(name, session.record, ttl=remaining(session), owner=owner)
        await self.evict(owner, newest=name)
        cookie = self.signer.sign(session_id).decode("ascii")
        return session, self.cookies.set(self.cookies.session, cookie, max_age=self.absolute_timeout)

    async def evict(self, owner: str, *, newest: str) -> None:
        """End the owner's sessions beyond `max_sessions`, the earliest end first, but never the newest session."""
        try:
            names = [name async for name in self.store.owned(owner) if name != newest]
            for name in names[: max(0, len(names) - self.max_sessions + 1)]:
                await self.store.delete(name)
        except StoreError as error:
            logger.warning("session limit not enforced, a user may have more than %s: %s", self.max_sessions, error)

    async def touch(self, key: Key, session: Session) -> Session:
        """Record that the session is in use, unless it was ended or touched meanwhile."""
        now = int(time.time())
        touched = self.seal(key, replace(session, seen_at=now, ends_at=self.ends_at(session.created_at, now)))
        owner = self.owner(session.user.open_id)
        try:
            await self.store.replace(
                session.name, session.record, touched.record, ttl=remaining(touched), owner=owner
            )
        except StoreError as error:
            logger.warning("session read but not touched: %s", error)
        return touched

    async def is_live(self, session: Session) -> bool:
        """Return False once the session has ended. A store that is unavailable ends no session."""
        if session.name in self.ended or session.created_at + self.absolute_timeout <= time.time():
            return False
        try:
            return await self.store.get(session.name) is not None
        except StoreError:
            return True

    async def end(self, name: str) -> None:
        """End the session with this name everywhere.

        If the store is unavailable, the session has ended in this process, ends in the store at its next
        use, and StoreError is raised.
        """
        self.ended[name] = None
        self.opened.pop(name, None)
        await self.store.delete(name)
        self.ended.pop(name, None)

    async def end_of_browser(self, headers: Iterable[Header]) -> list[Session]:
        """End all sessions of the browser that sent these headers, and return them.

        Raises StoreError like `end`.
        """
        cookies = self.genuine_cookies(headers)
        for cookie in cookies:
            self.ended[cookie.name] = None
        sessions = []
        for key, name in cookies:
            record = await self.store.get(name)
            await self.end(name)
            if record is not None and (session := self.unseal(key, name, record)) is not None:
                sessions.append(session)
        return sessions

    async def end_all(self, open_id: str, *, consented_before: float | None = None) -> int:
        """End every session of this user, or only those of earlier logins. Returns their number.

        Args:
            open_id (str): The user's `open_id`.
            consented_before (float | None): The time of an event at TikTok. A session of a login that is certainly
                later stays (see `is_later`). Default: no session stays.
        """
        if consented_before is None:
            return await self.store.delete_owned(self.owner(open_id))
        ended = 0
        async for name in self.store.owned(self.owner(open_id)):
            found = await self.find(name)
            if found is None or not is_later(found[1].created_at, consented_before):
                await self.end(name)
                ended += 1
        return ended

    async def consented_at(self, open_id: str) -> int | None:
        """Return the time of the user's latest login that has a session, in seconds since the epoch."""
        found = [await self.find(name) async for name in self.store.owned(self.owner(open_id))]
        return max((each[1].created_at for each in found if each is not None), default=None)

    async def reduce_scopes(self, open_id: str, scopes: Set[str]) -> None:
        """Remove from the user's sessions all scopes but these, because no token of the user has them any more."""
        owner = self.owner(open_id)
        async for name in self.store.owned(owner):
            reduced = False
            while not reduced and (found := await self.find(name)) and not scopes >= set(found[1].scopes):
                key, session = found
                fewer = tuple(scope for scope in session.scopes if scope in scopes)
                record = self.seal(key, replace(session, scopes=fewer)).record
                reduced = await self.store.replace(name, session.record, record, ttl=remaining(session), owner=owner)

    async def find(self, name: str) -> tuple[Key, Session] | None:
        """The session with this name, and the key that sealed it; None if another TikTok(...) has sealed it."""
        record = await self.store.get(name)
        if record is not None:
            for key in self.keys:
                with suppress(Unreadable):
                    return key, self.open(key, name, record)
        return None

    def owner(self, open_id: str) -> str:
        """The user's name as an owner of records: a hash, which every database compares exactly."""
        return "user:" + sha256(f"{self.audience}\0{open_id}".encode()).hexdigest()

    def name_of(self, key: Key, session_id: bytes) -> str:
        return "session:" + key.digest(f"name/{self.purpose}", session_id).hex()

    def ends_at(self, created_at: int, seen_at: int) -> int:
        return min(seen_at + self.idle_timeout, created_at + self.absolute_timeout)

    def seal(self, key: Key, session: Session) -> Session:
        """Return the session with its record."""
        return replace(session, record=seal_record(key, self.purpose, to_facts(session), context=session.name))

    def unseal(self, key: Key, name: str, record: bytes) -> Session | None:
        """The session in a record; None for a record that was changed or moved, or written by another version."""
        try:
            session = self.open(key, name, record)
        except Unreadable:
            logger.warning("session record unreadable, request treated as anonymous")
            return None
        self.opened[name] = session
        return session

    def open(self, key: Key, name: str, record: bytes) -> Session:
        """Return the session in a record. Raises Unreadable."""
        session = open_record([key], self.purpose, record, from_facts, context=name)
        ends_at = self.ends_at(session.created_at, session.seen_at)
        return replace(session, ends_at=ends_at, name=name, record=record)
