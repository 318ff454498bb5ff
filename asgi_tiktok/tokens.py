"""Tokens of users: a valid one, refreshed once at a time.

TikTok ends the old refresh token with every refresh, so two refreshes at once would lose the user. In one
process there is one flight per user; between processes, a lease in the store.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from hashlib import sha256

from asgi_tiktok.client import TikTokClient
from asgi_tiktok.errors import LoginRequired, TikTokError, TokenError, Unavailable
from asgi_tiktok.keys import KeyRing, Unreadable
from asgi_tiktok.models import Token
from asgi_tiktok.records import open_record, seal_record
from asgi_tiktok.stores import Store

logger = logging.getLogger("asgi_tiktok")

LEEWAY = 120  # seconds before its end at which a token is refreshed
LEASE = 15  # seconds; longer than the deadline of a request to TikTok
LEASE_WAIT = 5  # seconds
POLL = 0.05  # seconds
UNKNOWN_LIFETIME = 180 * 24 * 60 * 60  # seconds; TikTok's refresh tokens live no longer
PURPOSE = "token"


class Tokens:
    """The tokens of one TikTok app's users in one store."""

    def __init__(self, store: Store, keys: KeyRing, client: TikTokClient) -> None:
        self.store = store
        self.keys = keys
        self.client = client
        self.flights: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Task[Token]] = {}

    async def get(self, open_id: str) -> Token:
        """A token that is valid for a while, refreshed when needed.

        Raises LoginRequired when only a new login can help, Unavailable when TikTok does not answer and
        the old token has ended, StoreError.
        """
        token = await self.load(open_id)
        if token is None:
            raise LoginRequired("No token is kept for this user.", stage="token")
        if is_fresh(token):
            return token
        course = (asyncio.get_running_loop(), open_id)
        flight = self.flights.get(course)
        if flight is None:
            flight = self.flights[course] = asyncio.create_task(self.refresh(open_id))
            flight.add_done_callback(lambda done: self.land(course, done))
        # Shielded: what TikTok answers must be saved, even when the caller has gone.
        return await asyncio.shield(flight)

    def land(self, course: tuple[asyncio.AbstractEventLoop, str], flight: asyncio.Task[Token]) -> None:
        del self.flights[course]
        if not flight.cancelled():
            flight.exception()  # seen here, in case every caller has gone

    async def refresh(self, open_id: str) -> Token:
        async with self.lease(open_id) as held:
            token = await self.load(open_id)
            if token is None:
                raise LoginRequired("The token is gone.", stage="refresh")
            if is_fresh(token):
                return token
            if not held:
                return still_valid(token, Unavailable("Another worker is refreshing.", stage="refresh"))
            if token.refresh_token is None:
                return still_valid(token, LoginRequired("There is no refresh token.", stage="refresh"))
            try:
                renewed = await self.client.refresh_token(token.refresh_token, scopes=token.scopes)
            except Unavailable as error:
                return still_valid(token, error)
            except TokenError as error:
                return await self.refused(token, error)
            if renewed.open_id != open_id:
                raise LoginRequired("TikTok renewed the token of somebody else.", stage="refresh")
            await self.save(renewed)
            return renewed

    async def refused(self, token: Token, error: TokenError) -> Token:
        """What to do when TikTok refused: believe it only when nobody else has refreshed meanwhile."""
        if not error.grant_is_gone:
            logger.error("TikTok refuses to refresh: %s", error)
            return still_valid(token, error)
        current = await self.load(token.open_id)
        if current is not None and current.refresh_token != token.refresh_token:
            return current
        await self.forget(token.open_id)
        raise LoginRequired("The refresh token has ended.", stage="refresh", log_id=error.log_id) from error

    async def save(self, token: Token) -> None:
        """Keep the token, for as long as its refresh token lives, replacing an earlier one."""
        ends_at = token.refresh_expires_at or int(time.time()) + UNKNOWN_LIFETIME
        name = self.record_key(token.open_id)
        sealed = seal_record(self.keys.newest, PURPOSE, asdict(token), place=name)
        await self.store.set(name, sealed, ttl=max(ends_at - int(time.time()), 1))

    async def load(self, open_id: str) -> Token | None:
        """The token as it is kept, fresh or not, or None."""
        name = self.record_key(open_id)
        sealed = await self.store.get(name)
        if sealed is None:
            return None
        try:
            facts = open_record(self.keys, PURPOSE, sealed, place=name)
        except Unreadable:
            logger.warning("a token record in the store cannot be read; its user has to log in again")
            return None
        return Token(**{**facts, "scopes": tuple(facts["scopes"])})

    async def forget(self, open_id: str) -> None:
        """Drop the token. Forgetting one that is not kept is fine."""
        await self.store.delete(self.record_key(open_id))

    def record_key(self, open_id: str) -> str:
        return "token:" + sha256(f"{self.client.client_key}\0{open_id}".encode()).hexdigest()

    @asynccontextmanager
    async def lease(self, open_id: str) -> AsyncIterator[bool]:
        """Hold the user's lease; False when somebody else held it until the wait was over."""
        name = "lease:" + self.record_key(open_id)
        holder = secrets.token_bytes(16)
        deadline = time.monotonic() + LEASE_WAIT
        while not (held := await self.store.add(name, holder, ttl=LEASE)):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(POLL)
        try:
            yield held
        finally:
            if held:
                await self.store.delete(name, holder)


def is_fresh(token: Token) -> bool:
    return token.expires_at - time.time() > LEEWAY


def still_valid(token: Token, error: TikTokError) -> Token:
    """The old token while it lasts, and the error from then on."""
    if token.expires_at > time.time():
        return token
    raise error
