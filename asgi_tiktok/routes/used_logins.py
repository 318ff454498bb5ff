"""Used logins: a login is completed once, but its callback may arrive several times.

The mark of a login is in the store before its code goes to TikTok. When the login has ended, a note replaces the
mark: it says how the login ended, so that a callback that arrives meanwhile or later has the same outcome.

The note of a success holds the session's cookie for the browser that has lost the first response. It is sealed under
a key that is derived from the `code_verifier`, which only the login cookie and TikTok have. Without the login cookie,
not even the store and `secret_key` together open it.
"""

import asyncio
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from asgi_tiktok.crypto.keys import Key, KeyRing, Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.errors import Cause, LoginError, LoginLost, StoreError, TikTokError, Unavailable
from asgi_tiktok.events.events import Events
from asgi_tiktok.http.cookies import Header
from asgi_tiktok.routes.pending import LIFETIME, PendingLogin, PendingLogins
from asgi_tiktok.stores import Store

PURPOSE = "used-login"
COOKIE_PURPOSE = "lost-session"
UNFINISHED = b"-"
SUCCESS_LIFETIME = 60 * 60  # seconds for which a reload of the callback still leads to `next`
WAITS = (0.05, 0.1, 0.2, 0.4, *[0.75] * 25)  # seconds between the looks at another callback's mark; 20 together
MAX_WAITING = 100  # callbacks of one process that wait for another callback of their login


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a login ended: with a session and `next_path`, or with an error.

    `session_cookie` is the sealed Set-Cookie header of the session, until a browser has got it. `ended_at` is in
    seconds since the epoch. `record` is the note.
    """

    next_path: str = ""
    session_name: str = ""
    session_cookie: str | None = None
    ended_at: float = 0
    error: dict[str, Any] | None = None
    record: bytes = b""


class UsedLogins:
    """The marks and notes of one TikTok app's logins, in one store."""

    def __init__(self, store: Store, keys: KeyRing, pending: PendingLogins, events: Events) -> None:
        self.store = store
        self.keys = keys
        self.pending = pending
        self.events = events
        self.waiting = 0

    async def claim(self, login: PendingLogin) -> bool:
        """Mark the login as used. Returns False if another callback has done so."""
        return await self.store.add(self.name_of(login.state), UNFINISHED, ttl=LIFETIME)

    async def release(self, login: PendingLogin) -> None:
        """Delete the mark of a login whose code was not sent, so that it can be completed later."""
        with suppress(StoreError):  # then the mark expires with the login
            await self.store.delete(self.name_of(login.state), UNFINISHED)

    async def find(self, name: str) -> bytes | None:
        """The mark or note with this name, or None."""
        return await self.store.get(name)

    async def wait(self, login: PendingLogin) -> Outcome:
        """Wait for the other callback of this login, and return its outcome.

        Raises LoginLost if there are too many to wait, or if it takes too long, for example because its worker has
        died; and Unavailable if it could not reach TikTok.
        """
        if self.waiting >= MAX_WAITING:
            raise LoginLost(Cause.ALREADY_USED, f"{MAX_WAITING} callbacks wait for others of their login.")
        name = self.name_of(login.state)
        self.waiting += 1
        try:
            for pause in WAITS:
                await asyncio.sleep(pause)
                record = await self.find(name)
                if record is None:
                    raise Unavailable("Another callback of this login could not reach TikTok.", stage="token")
                if record != UNFINISHED:
                    return self.read(name, record)
        finally:
            self.waiting -= 1
        raise LoginLost(Cause.ALREADY_USED, "Another callback of this login has not finished.")

    def read(self, name: str, record: bytes) -> Outcome:
        """The outcome in a note. Raises LoginLost if none of our keys opens it."""
        try:
            outcome = open_record(self.keys, PURPOSE, record, read_outcome, context=name)
        except Unreadable:
            raise LoginLost(Cause.ALREADY_USED, "The login was completed under another key.") from None
        return replace(outcome, record=record)

    async def save_success(self, login: PendingLogin, session_name: str, cookie: Header) -> None:
        """Let another callback of this login lead to `next` too. A login that connects an account has no session."""
        key = next(self.cookie_keys(login))
        sealed = seal_record(key, COOKIE_PURPOSE, {"line": cookie[1].decode("latin-1")}, context=session_name)
        facts = {
            "next_path": login.next_path,
            "session_name": session_name,
            "session_cookie": b64encode(sealed).decode("ascii"),
            "ended_at": time.time(),
        }
        await self.save(login, facts, ttl=SUCCESS_LIFETIME)

    async def save_failure(self, login: PendingLogin, error: TikTokError) -> None:
        """Let another callback of this login show the same error."""
        names = ("description", "stage", "code", "log_id", "hint", "retryable", "status_code")
        await self.save(login, {"error": {name: getattr(error, name) for name in names}}, ttl=LIFETIME)

    async def save(self, login: PendingLogin, facts: dict[str, Any], *, ttl: int) -> None:
        name = self.name_of(login.state)
        try:
            await self.store.set(name, seal_record(self.keys.newest, PURPOSE, facts, context=name), ttl=ttl)
        except StoreError as error:
            self.events.store_failed("used login not remembered, a reload of its callback shows an error", error)

    def session_cookie(self, login: PendingLogin, outcome: Outcome) -> Header | None:
        """Return the Set-Cookie header of the session, or None if it was taken. Only the login's cookie opens it."""
        if outcome.session_cookie is None:
            return None
        sealed = b64decode(outcome.session_cookie)
        try:
            line = open_record(
                self.cookie_keys(login), COOKIE_PURPOSE, sealed, read_line, context=outcome.session_name
            )
        except Unreadable:
            return None
        return b"set-cookie", line.encode("latin-1")

    async def take_cookie(self, login: PendingLogin, outcome: Outcome) -> bool:
        """Delete the session's cookie from the note. Returns True for exactly one caller."""
        name = self.name_of(login.state)
        facts = {"next_path": outcome.next_path, "session_name": outcome.session_name, "session_cookie": None}
        taken = seal_record(self.keys.newest, PURPOSE, facts, context=name)
        return await self.store.replace(name, outcome.record, taken, ttl=SUCCESS_LIFETIME)

    def cookie_keys(self, login: PendingLogin) -> Iterator[Key]:
        return (Key(key.digest(COOKIE_PURPOSE, login.code_verifier.encode()).hex()) for key in self.keys)

    def name_of(self, state: str) -> str:
        """The name of the mark of this login, in this TikTok app."""
        return "used:" + sha256(self.pending.context(state).encode()).hexdigest()


def error_of(outcome: Outcome) -> LoginError | None:
    """The error with which the login ended, or None."""
    return None if outcome.error is None else LoginError(**outcome.error)


def read_outcome(facts: dict[str, Any]) -> Outcome:
    return Outcome(**facts)


def read_line(facts: dict[str, Any]) -> str:
    return str(facts["line"])
