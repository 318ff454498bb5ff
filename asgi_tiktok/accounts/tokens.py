"""A valid token of a user at any time, refreshed by one worker at a time.

TikTok invalidates the old refresh token with every refresh, so two refreshes at once would lose the user's grant.
Within one process, each user has at most one refresh task. Between processes, a lease in the store keeps workers from
refreshing at the same time. Even if a lease is lost, the record protects the grant: it is marked before its refresh
token is sent, and every update of it is a compare-and-set.
"""

# The states of one user's record, the events between them, and the only code that may write each (RFC 6749 §6).
# CAS is a compare-and-set with the bytes that were read.
#
#   state     event                                        writes                       next state
#   -------   ------------------------------------------   --------------------------   ----------------------------
#   any       a login                                      save(): set                  STORED
#   any       disconnect, webhook, keep_tokens=False       delete(): delete             DELETED
#   STORED    token expires soon, or TikTok rejected it    mark_sent(): CAS             SENT
#   SENT      TikTok responds with a new token             save_renewed(): CAS          STORED
#   SENT      TikTok says invalid_grant, and no other      handle_invalid_grant():      DELETED -> LoginRequired
#             worker can have used the refresh token       delete if unchanged
#   SENT      TikTok says invalid_grant, and another       handle_invalid_grant(): CAS  SENT, at the earlier time
#             worker sent it less than IN_DOUBT ago
#   SENT      any other error, or no response at all       nothing                      SENT; not sent again within
#                                                                                       BACK_OFF
#   DELETED   a refresh that was running gets its token    nothing                      DELETED -> LoginRequired
#
#                 mark_sent()                save_renewed()
#     STORED ----------------------> SENT -------------------> STORED
#        ^                             |
#        | save()                      | handle_invalid_grant()
#        +---------- DELETED <---------+
#
# If the store is unavailable when TikTok has responded, the new token exists only in `unsaved`, in this process, and
# the next refresh of this user saves it.

import asyncio
import logging
import time

from asgi_tiktok.accounts.bounded_dict import BoundedDict
from asgi_tiktok.accounts.token_records import StoredToken, TokenRecords
from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.crypto.keys import KeyRing
from asgi_tiktok.errors import LoginRequired, RateLimited, StoreError, TikTokError, TokenError, Unavailable
from asgi_tiktok.event_loop import running_loop
from asgi_tiktok.models import Token
from asgi_tiktok.stores import Store
from asgi_tiktok.stores.lease import lease

logger = logging.getLogger("asgi_tiktok")

CLOSE_WAIT = 10  # seconds that aclose() waits for refreshes
REFRESH_EARLY = 120  # seconds before its expiry at which a token is refreshed
BACK_OFF = 30  # seconds before a refresh token is sent again after no response
IN_DOUBT = 120  # seconds for which another worker that sent the refresh token may still save the response
CLOCK_SKEW = 60  # seconds that the clocks of two machines may differ
MAX_USERS = 10_000  # remembered after a failure
SAVE_PAUSES = (0.1, 0.2, 0.5, 1, 2, 4)  # seconds between attempts to save


class BackOff:
    """TikTok has just failed for this user, and is not asked again before `until` (monotonic clock)."""

    def __init__(self, error: TikTokError) -> None:
        self.error = error
        self.until = time.monotonic() + (error.retry_after if isinstance(error, RateLimited) else BACK_OFF)


class Tokens:
    """The tokens of one TikTok app's users."""

    def __init__(self, store: Store, keys: KeyRing, client: TikTokClient) -> None:
        self.store = store
        self.client = client
        self.records = TokenRecords(store, keys, client._audience)
        self.in_flight: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Task[Token]] = {}
        self.back_offs: BoundedDict[str, BackOff] = BoundedDict(MAX_USERS)
        self.unsaved: BoundedDict[str, tuple[Token, StoredToken]] = BoundedDict(MAX_USERS)

    async def save(self, token: Token) -> None:
        """Store the token of a login."""
        await self.records.save(token)
        self.back_offs.pop(token.open_id, None)

    async def delete(self, open_id: str) -> None:
        """Delete the token. Deleting a missing one is not an error."""
        await self.records.delete(open_id)

    async def scopes_of(self, open_id: str) -> tuple[str, ...]:
        """Return the scopes of the user's stored token, expired or not; none without one. Raises StoreError."""
        stored = await self.records.load(open_id)
        return () if stored is None else stored.token.scopes

    async def get(self, open_id: str, *, rejected: str | None = None) -> Token:
        """Return a token that stays valid for a while, and whose access token is not the `rejected` one.

        Raises LoginRequired if only a new login can help, Unavailable if TikTok does not respond and the old
        token has expired, StoreError.
        """
        stored = await self.records.load(open_id)
        if stored is None:
            raise LoginRequired("No token is stored for this user.", stage="token")
        if is_usable(stored.token, rejected):
            return stored.token
        back_off = self.back_offs.get(open_id)
        if back_off is not None and time.monotonic() < back_off.until:
            return old_token_or_raise(stored.token, rejected, back_off.error)
        self.back_offs.pop(open_id, None)
        key = (running_loop(), open_id)
        task = self.in_flight.get(key)
        if task is None:
            task = self.in_flight[key] = asyncio.create_task(self.refresh(open_id, rejected))
            task.add_done_callback(lambda done: self.on_refresh_done(key, done))
        # Shielded, because TikTok's response must be saved even if the caller has gone.
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Wait for the refreshes that run in this event loop, because their responses must be saved."""
        running = running_loop()
        tasks = {task for (loop, _), task in self.in_flight.items() if loop is running}
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_WAIT)

    def on_refresh_done(self, key: tuple[asyncio.AbstractEventLoop, str], task: asyncio.Task[Token]) -> None:
        del self.in_flight[key]
        if not task.cancelled():
            task.exception()  # retrieved here, in case every caller has gone

    async def refresh(self, open_id: str, rejected: str | None) -> Token:
        async with lease(self.store, "lease:" + self.records.name_of(open_id)) as held:
            # Read again, because another worker may have refreshed while this one waited for the lease.
            stored = await self.records.load(open_id)
            if stored is None:
                raise LoginRequired("The token has been deleted.", stage="refresh")
            if is_usable(stored.token, rejected):
                return stored.token
            if open_id in self.unsaved:
                # The store was unavailable when TikTok responded, and is back.
                token = await self.save_renewed(*self.unsaved[open_id])
                self.unsaved.pop(open_id, None)
                if is_usable(token, rejected):
                    return token
                # It was held for too long, or a newer login came first.
                stored = await self.records.load(open_id) or stored
            try:
                if not held:
                    raise Unavailable("Another worker is refreshing the token.", stage="refresh")
                return await self.renew(stored, rejected)
            except (Unavailable, TokenError) as error:
                self.back_offs[open_id] = BackOff(error)
                return old_token_or_raise(stored.token, rejected, error)

    async def renew(self, stored: StoredToken, rejected: str | None) -> Token:
        token = stored.token
        if token.refresh_token is None:
            error = LoginRequired("The token has expired, and there is no refresh token.", stage="refresh")
            return old_token_or_raise(token, rejected, error)
        sent_before = stored.sent_at
        if is_recent(sent_before, BACK_OFF):
            raise Unavailable("Another worker may still be waiting for TikTok's response.", stage="refresh")
        sent = await self.mark_sent(stored, time.time())
        if sent is None:
            raise Unavailable("Another worker has changed the token.", stage="refresh")
        try:
            renewed = await self.client.refresh_token(token.refresh_token, scopes=token.scopes)
        except TokenError as error:
            if error.code != "invalid_grant":
                logger.error("refresh refused by TikTok: %s", error)
                raise
            return await self.handle_invalid_grant(sent, sent_before, error)
        if renewed.open_id != token.open_id:
            raise LoginRequired("TikTok returned the token of another user.", stage="refresh")
        return await self.save_renewed(renewed, sent)

    async def mark_sent(self, stored: StoredToken, sent_at: float | None) -> StoredToken | None:
        """Record when the refresh token was last sent. Returns None if the record has changed meanwhile."""
        return await self.records.replace(stored, stored.token, sent_at=sent_at)

    async def handle_invalid_grant(self, sent: StoredToken, sent_before: float | None, error: TokenError) -> Token:
        """Believe `invalid_grant` only if no other worker can have used the refresh token.

        Otherwise the other worker's result is in the store, or soon will be.
        """
        current = await self.records.load(sent.token.open_id)
        if current is not None and current.token.refresh_token != sent.token.refresh_token:
            return current.token
        if is_recent(sent_before, IN_DOUBT):
            # TikTok has answered this attempt. The doubt is about the one before, and must come to an end.
            await self.mark_sent(sent, sent_before)
            raise Unavailable("Another worker may have the new token.", stage="refresh", log_id=error.log_id)
        await self.records.delete(sent.token.open_id, sent.record)
        raise LoginRequired("The refresh token is no longer valid.", stage="refresh", log_id=error.log_id) from error

    async def save_renewed(self, renewed: Token, sent: StoredToken) -> Token:
        """Replace the token that was sent with TikTok's response. Returns the token to use from now on.

        A record that was deleted stays deleted, and the token of a newer login stays. A failing store is tried
        many times, because the response exists nowhere else.
        """
        current: StoredToken | None = sent
        for pause in (*SAVE_PAUSES, None):
            try:
                while current is not None and current.token.refresh_token == sent.token.refresh_token:
                    if await self.records.replace(current, renewed, sent_at=None):
                        return renewed
                    current = await self.records.load(renewed.open_id)
                break
            except StoreError as error:
                if pause is None:
                    logger.critical("refreshed token not saved, held only in this process: %s", error)
                    self.unsaved[renewed.open_id] = (renewed, sent)
                    raise
                logger.error("refreshed token not saved, next attempt in %s seconds: %s", pause, error)
                await asyncio.sleep(pause)
        if current is None:
            raise LoginRequired("The token was deleted while it was refreshed.", stage="refresh")
        return current.token


def is_recent(sent_at: float | None, seconds: int) -> bool:
    return sent_at is not None and -CLOCK_SKEW < time.time() - sent_at < seconds


def is_usable(token: Token, rejected: str | None) -> bool:
    return token.access_token != rejected and token.expires_at - time.time() > REFRESH_EARLY


def old_token_or_raise(token: Token, rejected: str | None, error: TikTokError) -> Token:
    """Return the old token while it is valid, and raise the error after that."""
    if token.access_token != rejected and token.expires_at > time.time():
        return token
    # One error may be raised many times during a back-off, and would grow by a traceback each time.
    raise error.with_traceback(None)
