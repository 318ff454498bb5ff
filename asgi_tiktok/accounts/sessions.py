"""Sessions of browsers: create, load, touch, end one, end all of a user's.

The browser holds a random id, signed, so that a forged cookie is rejected before the store is asked. The store
holds the record under a keyed hash of the id, so a leaked store contains no usable cookie.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Set
from contextlib import suppress
from copy import copy
from dataclasses import replace
from itertools import product
from typing import Any, Self

from asgi_tiktok.accounts.bounded_dict import BoundedDict
from asgi_tiktok.accounts.consents import is_later
from asgi_tiktok.accounts.session_cookies import SessionCookies, VerifiedCookie
from asgi_tiktok.accounts.session_memory import TOUCH_INTERVAL, SessionMemories, SessionMemory
from asgi_tiktok.accounts.session_record import Session, SessionRecords
from asgi_tiktok.clock import uptime
from asgi_tiktok.crypto.keys import Key, KeyRing, Unreadable
from asgi_tiktok.errors import StoreError
from asgi_tiktok.events.events import Events
from asgi_tiktok.http.cookies import CookieJar, Header
from asgi_tiktok.models import TikTokUser
from asgi_tiktok.stores import Store

logger = logging.getLogger("asgi_tiktok")

IDLE_TIMEOUT = 7 * 24 * 60 * 60  # seconds
ABSOLUTE_TIMEOUT = 30 * 24 * 60 * 60  # seconds
MAX_SESSIONS = 20  # of one user
MAX_ENDED = 10_000  # sessions that could not be deleted, remembered until they can


class Sessions:
    """The sessions of one TikTok app in one store."""

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        cookies: CookieJar,
        memories: SessionMemories,
        events: Events,
        *,
        audience: str,
        origin: str,
        idle_timeout: int,
        absolute_timeout: int,
        max_sessions: int,
        bearers: bool,
    ) -> None:
        self.store = store
        self.keys = keys
        self.records = SessionRecords(
            cookie_name=cookies.session,
            audience=audience,
            origin=origin,
            idle_timeout=idle_timeout,
            absolute_timeout=absolute_timeout,
        )
        self.all_records = [self.records]
        self.cookies = session_cookies(bearers)(cookies, keys, self.records)
        self.memories = memories
        self.recall = memories.recall
        self.events = events
        self.max_sessions = max_sessions
        self.ended: BoundedDict[str, None] = BoundedDict(MAX_ENDED)
        self.on_touch: Callable[[Session], object] | None = None

    def at(self, cookies: CookieJar, origin: str) -> Self:
        """Return the sessions of the same app at another of its addresses.

        No cookie of one address opens a session of another, but all of them are the user's sessions.
        """
        other = copy(self)
        other.records = self.records.at(cookie_name=cookies.session, origin=origin)
        # No server accepts a line feed in a header, so no client can send the mark.
        mark = f"{origin}\n".encode()
        other.cookies = type(self.cookies)(cookies, self.keys, other.records, mark=mark)
        other.recall = lambda line: self.memories.recall(mark + line)
        self.all_records.append(other.records)
        return other

    async def load(self, headers: Iterable[Header]) -> Session | None:
        """Return the session of the browser that sent these headers, or None.

        Raises StoreError if the cookie is genuine but the store is unavailable.
        """
        cookie = self.cookies.find(headers)
        if cookie is None:
            return None
        if cookie.name in self.ended:
            await self.end(cookie.name)
            return None
        memory = self.memories.here()
        session = memory.get(cookie.name)
        if session is None:
            session = await self.read(cookie, memory)
            if session is not None and time.time() - session.seen_at >= TOUCH_INTERVAL:
                session = await self.touch(cookie, session, memory)
        if session is not None:
            memory.remember(self.cookies.line(headers), session)
        return session

    async def read(self, cookie: VerifiedCookie, memory: SessionMemory) -> Session | None:
        """Read the session from the store, and keep it in memory."""
        opened = memory.opened(cookie.name)
        if opened is not None:
            memory.open_channel()  # it would have saved this read
        read_at = uptime()
        record = await self.store.get(cookie.name)
        if record is None:
            memory.forget(cookie.name)
            return None
        session = opened
        if opened is None or opened.record != record:
            session = self.unseal(cookie.key, cookie.name, record)
        if session is None or session.ends_at <= time.time():
            return None
        if session is not opened or memory.store is not None:
            memory.keep(session, read_at=read_at)
        return session

    async def touch(self, cookie: VerifiedCookie, session: Session, memory: SessionMemory) -> Session | None:
        """Record that the session is in use. Returns None if it has ended meanwhile."""
        read_at = uptime()
        touched = self.records.seal(cookie.key, replace(session, seen_at=int(time.time())))
        owner = self.records.owner(session.user.open_id)
        write = self.store.replace if memory.store is None else memory.store.touch
        try:
            if not await write(session.name, session.record, touched.record, ttl=touched.ttl, owner=owner):
                return await self.read(cookie, memory)
        except StoreError as error:
            self.events.store_failed("session read but not touched", error)
            return session
        memory.keep(touched, read_at=read_at)
        if self.on_touch is not None:
            self.on_touch(touched)
        return touched

    async def create(
        self, user: TikTokUser, scopes: tuple[str, ...], data: Mapping[str, Any], *, browser: str = ""
    ) -> tuple[Session, Header]:
        """Create a session under a new id. Returns it with the Set-Cookie header that carries the id."""
        session_id = secrets.token_urlsafe(32).encode("ascii")
        key, name = self.keys.newest, self.records.name_of(self.keys.newest, session_id)
        now = int(time.time())
        session = self.records.seal(key, Session(user, scopes, data, now, now, name=name, browser=browser))
        owner = self.records.owner(user.open_id)
        await self.store.set(name, session.record, ttl=session.ttl, owner=owner)
        await self.evict(owner, newest=name)
        return session, self.cookies.set(session_id)

    async def evict(self, owner: str, *, newest: str) -> None:
        """End the owner's sessions beyond `max_sessions`, the earliest end first, but never the newest session."""
        try:
            names = [name async for name in self.store.owned(owner) if name != newest]
            for name in names[: max(0, len(names) - self.max_sessions + 1)]:
                self.memories.notice(name)
                await self.store.delete(name)
        except StoreError as error:
            consequence = f"session limit not enforced, a user may have more than {self.max_sessions}"
            self.events.store_failed(consequence, error)

    async def is_live(self, session: Session) -> bool:
        """Return False once the session has ended. A store that is unavailable ends no session."""
        if session.name in self.ended or session.created_at + self.records.absolute_timeout <= time.time():
            return False
        if self.memories.here().get(session.name) is not None:
            return True
        try:
            return await self.store.get(session.name) is not None
        except StoreError:
            return True

    async def end(self, name: str) -> bool:
        """End the session with this name everywhere. Returns False if there is none.

        If the store is unavailable, the session has ended in this process, ends in the store at its next
        use, and StoreError is raised.
        """
        self.ended[name] = None
        self.memories.notice(name)
        deleted = await self.store.delete(name)
        self.ended.pop(name, None)
        return deleted

    async def end_of_browser(self, headers: Iterable[Header]) -> list[Session]:
        """End all sessions of the browser that sent these headers, and return them.

        Raises StoreError like `end`.
        """
        cookies = self.cookies.find_all(headers)
        for cookie in cookies:
            self.ended[cookie.name] = None
            self.memories.notice(cookie.name)
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
            self.memories.forget_user(open_id)
            ended = await self.store.delete_owned(self.records.owner(open_id))
            # Again, because the store may have returned a session meanwhile.
            self.memories.forget_user(open_id)
            return ended
        ended = 0
        async for name in self.store.owned(self.records.owner(open_id)):
            found = await self.find(name)
            if found is None or not is_later(found[1].created_at, consented_before):
                await self.end(name)
                ended += 1
        return ended

    async def consented_at(self, open_id: str) -> int | None:
        """Return the time of the user's latest login that has a session, in seconds since the epoch."""
        return max((session.created_at for session in await self.of_user(open_id)), default=None)

    async def of_user(self, open_id: str) -> list[Session]:
        """Return all sessions of this user."""
        names = [name async for name in self.store.owned(self.records.owner(open_id)) if name not in self.ended]
        found = [await self.find(name) for name in names]
        return [session for _, session, _ in filter(None, found)]

    async def reduce_scopes(self, open_id: str, scopes: Set[str]) -> None:
        """Remove from the user's sessions all scopes but these, because no token of the user has them any more."""

        def reduced(session: Session) -> Session:
            return replace(session, scopes=tuple(scope for scope in session.scopes if scope in scopes))

        await self.revise(open_id, reduced)

    async def revise(self, open_id: str, revised: Callable[[Session], Session]) -> None:
        """Replace each of the user's sessions by what the function returns for it. None that has ended comes back."""
        owner = self.records.owner(open_id)
        async for name in self.store.owned(owner):
            replaced = False
            while not replaced and (found := await self.find(name)) and (new := revised(found[1])) != found[1]:
                key, session, records = found
                record = records.seal(key, new).record
                replaced = await self.store.replace(name, session.record, record, ttl=session.ttl, owner=owner)
                self.memories.notice(name)

    async def find(self, name: str) -> tuple[Key, Session, SessionRecords] | None:
        """The session with this name, and what sealed it; None if another TikTok(...) has sealed it."""
        record = await self.store.get(name)
        if record is not None:
            for key, records in product(self.keys, self.all_records):
                with suppress(Unreadable):
                    return key, records.open(key, name, record), records
        return None

    def unseal(self, key: Key, name: str, record: bytes) -> Session | None:
        """The session in a record; None for a record that was changed or moved, or written by another version."""
        try:
            return self.records.open(key, name, record)
        except Unreadable:
            logger.warning("session record unreadable, request treated as anonymous")
            return None


def session_cookies(bearers: bool) -> type[SessionCookies]:
    """The class that finds sessions in requests. Most apps never load the one that also reads `Authorization`."""
    if not bearers:
        return SessionCookies
    from asgi_tiktok.accounts.cookies_or_bearers import CookiesOrBearers

    return CookiesOrBearers
