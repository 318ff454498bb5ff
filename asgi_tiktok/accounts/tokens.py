"""Tokens of users: a valid one, refreshed once at a time.

TikTok ends the old refresh token with every refresh, so two refreshes at once would lose the user. In one
process there is one flight per user; between processes a lease in the store keeps workers from asking
twice. What makes it safe even when a lease is lost is the record itself: it is marked before its refresh
token is sent, and only ever replaced by somebody who knows what stood there.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.crypto.keys import KeyRing, Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.errors import LoginRequired, RateLimited, StoreError, TikTokError, TokenError, Unavailable
from asgi_tiktok.models import Token
from asgi_tiktok.stores import Store
from asgi_tiktok.stores.lease import lease

logger = logging.getLogger("asgi_tiktok")

GRACE = 10  # seconds to finish refreshes at the end
LEEWAY = 120  # seconds before its end at which a token is refreshed
BACK_OFF = 30  # seconds before a refresh token is sent again whose answer did not come
MOST_PAUSES = 10_000  # users
MOST_BEYOND = 200  # tokens
IN_DOUBT = 120  # seconds in which somebody who sent a refresh token may still come with the answer
SKEW = 60  # seconds that the clocks of two machines may differ
SAVE_PAUSES = (0.1, 0.2, 0.5, 1, 2, 4)  # seconds between attempts to save
UNKNOWN_LIFETIME = 180 * 24 * 60 * 60  # seconds; TikTok's refresh tokens live no longer
PURPOSE = "token"


@dataclass(frozen=True, slots=True)
class Kept:
    """A token as it stands in the store; `sent_at` is when its refresh token was last sent to TikTok."""

    token: Token
    sent_at: float | None
    record: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """TikTok just failed for this user, and is left alone until then."""

    until: float
    error: TikTokError


class Tokens:
    """The tokens of one TikTok app's users in one store."""

    def __init__(self, store: Store, keys: KeyRing, client: TikTokClient) -> None:
        self.store = store
        self.keys = keys
        self.client = client
        self.owner = "tokens:" + sha256(client.audience.encode()).hexdigest()
        self.flights: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Task[Token]] = {}
        self.pauses: dict[str, Pause] = {}
        self.unsaved: dict[str, tuple[Token, Kept]] = {}

    async def get(self, open_id: str, *, rejected: str | None = None) -> Token:
        """A token that is valid for a while, refreshed when needed; another one than TikTok `rejected`.

        Raises LoginRequired when only a new login can help, Unavailable when TikTok does not answer and
        the old token has ended, StoreError.
        """
        kept = await self.load(open_id)
        if kept is None:
            raise LoginRequired("No token is kept for this user.", stage="token")
        if is_usable(kept.token, rejected):
            return kept.token
        pause = self.pauses.get(open_id)
        if pause is not None and time.monotonic() < pause.until:
            return still_valid(kept.token, rejected, pause.error)
        self.pauses.pop(open_id, None)
        course = (asyncio.get_running_loop(), open_id)
        flight = self.flights.get(course)
        if flight is None:
            flight = self.flights[course] = asyncio.create_task(self.refresh(open_id, rejected))
            flight.add_done_callback(lambda done: self.land(course, done))
        # Shielded: what TikTok answers must be saved, even when the caller has gone.
        return await asyncio.shield(flight)

    async def aclose(self) -> None:
        """Wait for the refreshes that this event loop has under way, because their answers must be saved."""
        running = asyncio.get_running_loop()
        flights = {flight for (loop, _), flight in self.flights.items() if loop is running}
        if flights:
            await asyncio.wait(flights, timeout=GRACE)

    def land(self, course: tuple[asyncio.AbstractEventLoop, str], flight: asyncio.Task[Token]) -> None:
        del self.flights[course]
        if not flight.cancelled():
            flight.exception()  # seen here, in case every caller has gone

    async def refresh(self, open_id: str, rejected: str | None) -> Token:
        async with lease(self.store, "lease:" + self.record_key(open_id)) as held:
            kept = await self.load(open_id)
            if kept is None:
                raise LoginRequired("The token is gone.", stage="refresh")
            if is_usable(kept.token, rejected):
                return kept.token
            if open_id in self.unsaved:
                # The store was away when TikTok answered, and is back.
                token = await self.put(*self.unsaved[open_id])
                self.unsaved.pop(open_id, None)
                if is_usable(token, rejected):
                    return token
                # It waited for too long, or a newer login was there first.
                kept = await self.load(open_id) or kept
            try:
                if not held:
                    raise Unavailable("Another worker is refreshing.", stage="refresh")
                return await self.renew(kept, rejected)
            except (Unavailable, TokenError) as error:
                self.pause(open_id, error)
                return still_valid(kept.token, rejected, error)

    async def renew(self, kept: Kept, rejected: str | None) -> Token:
        token = kept.token
        if token.refresh_token is None:
            error = LoginRequired("The token has ended, and there is no refresh token.", stage="refresh")
            return still_valid(token, rejected, error)
        sent_before = kept.sent_at
        if is_recent(sent_before, BACK_OFF):
            raise Unavailable("Another worker may still be waiting for TikTok.", stage="refresh")
        marked = await self.mark(kept, time.time())
        if marked is None:
            raise Unavailable("Somebody else changed the token.", stage="refresh")
        kept = marked
        try:
            renewed = await self.client.refresh_token(token.refresh_token, scopes=token.scopes)
        except TokenError as error:
            if not error.grant_is_gone:
                logger.error("TikTok refuses to refresh: %s", error)
                raise
            return await self.disbelieve(kept, sent_before, error)
        if renewed.open_id != token.open_id:
            raise LoginRequired("TikTok renewed the token of somebody else.", stage="refresh")
        return await self.put(renewed, kept)

    async def mark(self, kept: Kept, sent_at: float | None) -> Kept | None:
        """Note when the refresh token was last sent; None when the record was changed meanwhile."""
        record = self.seal(kept.token, sent_at)
        marked = await self.replace(kept, record, kept.token)
        return Kept(kept.token, sent_at, record) if marked else None

    async def disbelieve(self, kept: Kept, sent_before: float | None, error: TokenError) -> Token:
        """What to do when TikTok says that the refresh token has ended.

        It has when nobody else can have spent it. Else their answer is in the store by now, or will be.
        """
        current = await self.load(kept.token.open_id)
        if current is not None and current.token.refresh_token != kept.token.refresh_token:
            return current.token
        if is_recent(sent_before, IN_DOUBT):
            # This attempt had its answer; the doubt is about the one before, and must come to an end.
            await self.mark(kept, sent_before)
            raise Unavailable("Another worker may hold the new token.", stage="refresh", log_id=error.log_id)
        await self.store.delete(self.record_key(kept.token.open_id), kept.record)
        raise LoginRequired("The refresh token has ended.", stage="refresh", log_id=error.log_id) from error

    async def put(self, renewed: Token, kept: Kept) -> Token:
        """Save what TikTok answered in the place of what was sent; the token to use from now on.

        A record that was deleted stays deleted, and the token of a newer login stays. A store that fails
        gets many chances, for the answer exists nowhere else.
        """
        record = self.seal(renewed, None)
        current: Kept | None = kept
        for pause in (*SAVE_PAUSES, None):
            try:
                while current is not None and current.token.refresh_token == kept.token.refresh_token:
                    if await self.replace(current, record, renewed):
                        return renewed
                    current = await self.load(renewed.open_id)
                break
            except StoreError as error:
                if pause is None:
                    logger.critical("a renewed token is not saved yet, and lives in this process alone: %s", error)
                    self.keep_unsaved(renewed, kept)
                    raise
                logger.error("saving a renewed token again in %s seconds: %s", pause, error)
                await asyncio.sleep(pause)
        if current is None:
            raise LoginRequired("The token was dropped while it was refreshed.", stage="refresh")
        return current.token

    def keep_unsaved(self, renewed: Token, kept: Kept) -> None:
        while len(self.unsaved) >= MOST_PAUSES:
            self.unsaved.pop(next(iter(self.unsaved)))
        self.unsaved[renewed.open_id] = (renewed, kept)

    def pause(self, open_id: str, error: TikTokError) -> None:
        seconds = error.retry_after if isinstance(error, RateLimited) else BACK_OFF
        while len(self.pauses) >= MOST_PAUSES:
            self.pauses.pop(next(iter(self.pauses)))
        self.pauses[open_id] = Pause(time.monotonic() + seconds, error)

    async def save(self, token: Token) -> None:
        """Keep the token of a login, for as long as its refresh token lives, replacing an earlier one."""
        name = self.record_key(token.open_id)
        await self.store.set(name, self.seal(token, None), ttl=remaining(token), owner=self.owner)
        self.pauses.pop(token.open_id, None)

    async def load(self, open_id: str) -> Kept | None:
        """The token as it is kept, fresh or not, or None."""
        return await self.load_record(self.record_key(open_id))

    async def load_record(self, name: str) -> Kept | None:
        record = await self.store.get(name)
        if record is None:
            return None
        with suppress(Unreadable):
            return Kept(*open_record([self.keys.newest], PURPOSE, record, read_token, place=name), record)
        try:
            token, sent_at = open_record(self.keys, PURPOSE, record, read_token, place=name)
        except Unreadable:
            logger.warning("a token record in the store cannot be read; its user has to log in again")
            return None
        # A token outlives the rotation of keys by far, so it moves to the newest one when it is seen.
        old = Kept(token, sent_at, record)
        return await self.mark(old, sent_at) or old

    async def forget(self, open_id: str) -> None:
        """Drop the token. Forgetting one that is not kept is fine."""
        await self.store.delete(self.record_key(open_id))

    async def all(self, *, ending_within: float | None = None) -> AsyncIterator[Token]:
        """Every token that is kept, the one whose refresh token ends first first, up to those seconds."""
        seen: set[int] = set()
        beyond = 0
        async for name in self.store.owned(self.owner):
            # A token that is refreshed meanwhile ends later, and comes again.
            if (known := hash(name)) in seen:
                continue
            seen.add(known)
            kept = await self.load_record(name)
            if kept is None:
                continue
            # One that was refreshed since it was listed lives longer than its place says; many in a row do not lie.
            beyond = beyond + 1 if ending_within is not None and remaining(kept.token) > ending_within else 0
            if beyond > MOST_BEYOND:
                return
            if not beyond:
                yield kept.token

    async def replace(self, kept: Kept, record: bytes, token: Token) -> bool:
        name = self.record_key(token.open_id)
        return await self.store.replace(name, kept.record, record, ttl=remaining(token), owner=self.owner)

    def seal(self, token: Token, sent_at: float | None) -> bytes:
        facts = {**asdict(token), "sent_at": sent_at}
        return seal_record(self.keys.newest, PURPOSE, facts, place=self.record_key(token.open_id))

    def record_key(self, open_id: str) -> str:
        return "token:" + sha256(f"{self.client.audience}\0{open_id}".encode()).hexdigest()


def read_token(facts: dict[str, Any]) -> tuple[Token, float | None]:
    sent_at = facts.pop("sent_at")
    return Token(**{**facts, "scopes": tuple(facts["scopes"])}), None if sent_at is None else float(sent_at)


def remaining(token: Token) -> int:
    """Seconds until the refresh token ends."""
    ends_at = token.refresh_expires_at or int(time.time()) + UNKNOWN_LIFETIME
    return max(ends_at - int(time.time()), 1)


def is_recent(sent_at: float | None, seconds: int) -> bool:
    return sent_at is not None and -SKEW < time.time() - sent_at < seconds


def is_usable(token: Token, rejected: str | None) -> bool:
    return token.access_token != rejected and token.expires_at - time.time() > LEEWAY


def still_valid(token: Token, rejected: str | None, error: TikTokError) -> Token:
    """The old token while it lasts, and the error from then on."""
    if token.access_token != rejected and token.expires_at > time.time():
        return token
    # One error may be raised many times while TikTok is left alone, and would grow by a traceback each time.
    raise error.with_traceback(None)
