"""One refresh of one user's token, by one worker at a time.

TikTok invalidates the old refresh token with every refresh, so two refreshes at once would lose the user's grant.
Between processes, a lease in the store keeps workers from refreshing at the same time. Even if a lease is lost, the
record protects the grant: it is marked before its refresh token is sent, and every update of it is a compare-and-set.
"""

# The states of a consent in a user's record, the events between them, and the only code that may write each
# (RFC 6749 §6). CAS is a compare-and-set with the bytes that were read.
#
#   state     event                                        writes                       next state
#   -------   ------------------------------------------   --------------------------   ----------------------------
#   any       a login whose scopes include all of this     records.save(): CAS          DELETED, the login is STORED
#             consent
#   any       a login that lacks scopes of this consent    records.save(): CAS          unchanged, and kept beside it
#   any       disconnect, webhook, keep_tokens=False       Tokens.delete(): CAS or      DELETED
#                                                          delete
#   STORED    token expires soon, or TikTok rejected it    mark(): CAS                  SENT
#   SENT      TikTok responds with a new token             save_renewed(): CAS          STORED
#   SENT      TikTok says 429                              mark(): CAS                  STORED, paused for Retry-After
#   SENT      nothing was written to the connection        mark(): CAS                  STORED, paused for 1 second
#   SENT      TikTok says invalid_grant, and no other      give_up(): CAS or delete     DELETED; the next consent of
#             worker can have used the refresh token                                    the record, or LoginRequired
#   SENT      TikTok says invalid_grant, and another       mark(): CAS                  SENT at the earlier time; not
#             worker sent it less than IN_DOUBT ago                                     sent again within IN_DOUBT
#   SENT      any other error, or no response at all       nothing                      SENT; not sent again within
#                                                                                       RESEND_AFTER of the sending
#   STORED    TikTok rejects a token that was just         give_up(): CAS               DELETED; the next consent
#             refreshed, and there is another consent
#   DELETED   a refresh that was running gets its token    nothing                      DELETED -> LoginRequired
#
#                  mark()                  save_renewed()
#     STORED ----------------------> SENT -------------------> STORED
#        ^                             |
#        | records.save()              | give_up()
#        +---------- DELETED <---------+
#
# If the store is unavailable for longer than SAVE_PAUSES when TikTok has responded, the new token exists only in
# `unsaved`, in this process, and the next refresh of this user saves it.

import asyncio
import logging
import time
from dataclasses import replace
from weakref import WeakKeyDictionary

from asgi_tiktok.accounts.bounded_dict import BoundedDict
from asgi_tiktok.accounts.consents import Consent, scopes_of
from asgi_tiktok.accounts.hooks import Hooks
from asgi_tiktok.accounts.sessions import Sessions
from asgi_tiktok.accounts.token_records import StoredToken, TokenRecords
from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.client.transport import MAX_CONNECTIONS
from asgi_tiktok.clock import is_recent
from asgi_tiktok.errors import LoginRequired, RateLimited, StoreError, TikTokError, TokenError, Unavailable
from asgi_tiktok.event_loop import running_loop
from asgi_tiktok.events.event import Event
from asgi_tiktok.events.events import Events
from asgi_tiktok.events.tracing import operation
from asgi_tiktok.models import Token
from asgi_tiktok.stores.lease import lease

logger = logging.getLogger("asgi_tiktok")

MAX_REFRESHES = MAX_CONNECTIONS // 2  # at the same time, in one event loop
IN_DOUBT = 120  # seconds for which another worker that sent the refresh token may still save the response
NOT_SENT_PAUSE = 1  # seconds until another attempt if nothing was sent
MAX_UNSAVED = 10_000  # users
SAVE_PAUSES = (0.1, 0.2, 0.5, 1, 2, 4, *(5,) * 18)  # seconds between attempts to save, less than IN_DOUBT in all


class Refresher:
    """Refreshes the tokens of one TikTok app's users."""

    def __init__(
        self, records: TokenRecords, client: TikTokClient, sessions: Sessions, events: Events, hooks: Hooks
    ) -> None:
        self.records = records
        self.client = client
        self.sessions = sessions
        self.events = events
        self.hooks = hooks
        self.unsaved: BoundedDict[str, tuple[Consent, StoredToken]] = BoundedDict(MAX_UNSAVED)
        self.slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def refresh(self, old: Token, rejected: str | None) -> Token:
        """Return a token that replaces the old one. Raises Unavailable, TokenError, LoginRequired and StoreError."""
        open_id = old.open_id
        async with self.slot(), lease(self.records.store, "lease:" + self.records.name_of(open_id)) as held:
            # Read again, because another worker may have refreshed while this one waited for the lease.
            stored = await self.load(open_id)
            if stored.consent.is_fresh(rejected) or stored.consent.is_valid(old.access_token, rejected):
                return stored.token
            if open_id in self.unsaved:
                # The store was unavailable when TikTok responded, and is back.
                consent = await self.save_renewed(*self.unsaved[open_id])
                self.unsaved.pop(open_id, None)
                if consent.is_fresh(rejected):
                    return consent.token
                # It was held for too long, or a newer login came first.
                stored = await self.load(open_id)
            if not held:
                raise Unavailable("Another worker is refreshing the token.", stage="refresh")
            return await self.renew_and_report(stored, rejected)

    def slot(self) -> asyncio.Semaphore:
        """Limit the refreshes of this event loop, so that a job for many users leaves connections to logins."""
        return self.slots.setdefault(running_loop(), asyncio.Semaphore(MAX_REFRESHES))

    async def load(self, open_id: str) -> StoredToken:
        stored = await self.records.load(open_id)
        if stored is None:
            raise LoginRequired("The token has been deleted.", stage="refresh")
        return stored

    async def renew_and_report(self, stored: StoredToken, rejected: str | None) -> Token:
        """Renew the token, and report a failure."""
        open_id = stored.token.open_id
        with operation("tiktok.refresh"):
            try:
                return await self.renew(stored, rejected)
            except LoginRequired as error:
                message = "refresh ended, the user must log in again: %s"
                self.events.report(Event.REFRESH_ENDED, message, error, open_id=open_id, error=error)
                raise
            except TikTokError as error:
                level = logging.ERROR if isinstance(error, TokenError) else logging.WARNING
                self.events.report(
                    Event.REFRESH_FAILED,
                    "refresh failed: %s",
                    error,
                    level=level,
                    kind=f"{Event.REFRESH_FAILED} {error.code}",
                    open_id=open_id,
                    error=error,
                )
                raise

    async def renew(self, stored: StoredToken, rejected: str | None) -> Token:
        consent = stored.consent
        if consent.token.refresh_token is None:
            if consent.is_valid(rejected):
                return consent.token
            refusal = LoginRequired("The token has expired, and there is no refresh token.", stage="refresh")
            return await self.give_up(stored, refusal, rejected)
        if consent.is_paused:
            raise Unavailable(
                "An earlier refresh may still get a response, or TikTok has asked for a pause.", stage="refresh"
            )
        sent = await self.mark(stored, sent_at=time.time(), retry_at=None)
        if sent is None:
            raise Unavailable("Another worker has changed the token.", stage="refresh")
        try:
            renewed = await self.exchange(consent.token)
        except Unavailable as error:
            if (pause := pause_after(error)) is not None:
                await self.mark(sent, sent_at=consent.sent_at, retry_at=time.time() + pause)
            raise
        except TokenError as error:
            if error.code != "invalid_grant":
                raise
            return await self.handle_invalid_grant(sent, consent.sent_at, error, rejected)
        saved = await self.save_renewed(replace(consent, token=renewed, issued_at=time.time()), sent)
        self.events.report(Event.REFRESH_DONE, "token refreshed", level=logging.DEBUG, open_id=renewed.open_id)
        return saved.token

    async def exchange(self, token: Token) -> Token:
        renewed = await self.client.refresh_token(token.refresh_token or "", scopes=token.scopes)
        if renewed.open_id != token.open_id:
            raise LoginRequired("TikTok returned the token of another user.", stage="refresh")
        if renewed.refresh_token == token.refresh_token and renewed.refresh_expires_at is None:
            return replace(renewed, refresh_expires_at=token.refresh_expires_at)
        return renewed

    async def mark(self, stored: StoredToken, *, sent_at: float | None, retry_at: float | None) -> StoredToken | None:
        """Record when the refresh token was sent, and may be sent again. Returns None if the record has changed."""
        marked = replace(stored.consent, sent_at=sent_at, retry_at=retry_at)
        return await self.records.replace(stored, marked, *stored.consents[1:])

    async def handle_invalid_grant(
        self, sent: StoredToken, sent_before: float | None, error: TokenError, rejected: str | None
    ) -> Token:
        """Believe `invalid_grant` only if no other worker can have used the refresh token.

        Otherwise the other worker's result is in the store, or soon will be.
        """
        current = await self.records.load(sent.token.open_id)
        if current is not None and current.token != sent.token:
            return current.token
        if sent_before is not None and is_recent(sent_before, IN_DOUBT):
            # TikTok has answered this attempt. The doubt is about the one before, and must come to an end.
            await self.mark(sent, sent_at=sent_before, retry_at=sent_before + IN_DOUBT)
            raise Unavailable("Another worker may have the new token.", stage="refresh", log_id=error.log_id)
        refusal = LoginRequired("The refresh token is no longer valid.", stage="refresh", log_id=error.log_id)
        return await self.give_up(current or sent, refusal, rejected)

    async def give_up(self, stored: StoredToken, refusal: LoginRequired, rejected: str | None) -> Token:
        """Delete the consent that TikTok has refused for good, and return a token of the next one.

        Raises the refusal if there is no other consent.
        """
        open_id, others = stored.token.open_id, stored.consents[1:]
        if not others:
            if await self.records.delete(open_id, stored.record):
                await self.hooks.fail_refresh(open_id, refusal)
            raise refusal
        remaining = await self.records.replace(stored, *others)
        if remaining is None:
            raise Unavailable("Another worker has changed the token.", stage="refresh")
        logger.info("consent refused by TikTok, the next one of the same user replaces it")
        await self.reduce_sessions(open_id, others)
        return remaining.token if remaining.consent.is_fresh(rejected) else await self.renew(remaining, rejected)

    async def save_renewed(self, renewed: Consent, sent: StoredToken) -> Consent:
        """Replace the token that was sent with TikTok's response. Returns the consent to use from now on.

        A record that was deleted stays deleted, and the token of a newer login stays. A failing store is tried
        many times, because the response exists nowhere else.
        """
        open_id = renewed.token.open_id
        saved = replace(renewed, sent_at=None, retry_at=None)
        current: StoredToken | None = sent
        for pause in (*SAVE_PAUSES, None):
            try:
                while current is not None and any(each.token == sent.token for each in current.consents):
                    consents = [saved if each.token == sent.token else each for each in current.consents]
                    if stored := await self.records.replace(current, *consents):
                        if not scopes_of(stored.consents) >= scopes_of(current.consents):
                            await self.reduce_sessions(open_id, stored.consents)
                        return saved
                    current = await self.records.load(open_id)
                break
            except StoreError as error:
                if pause is None:
                    consequence = "refreshed token not saved, held only in this process"
                    self.events.store_failed(consequence, error, level=logging.CRITICAL, open_id=open_id)
                    self.unsaved[open_id] = (renewed, sent)
                    raise
                consequence = f"refreshed token not saved, next attempt in {pause} seconds"
                self.events.store_failed(consequence, error, level=logging.ERROR, open_id=open_id)
                await asyncio.sleep(pause)
        if current is None:
            raise LoginRequired("The token was deleted while it was refreshed.", stage="refresh")
        return current.consent

    async def reduce_sessions(self, open_id: str, consents: tuple[Consent, ...]) -> None:
        """Remove from the user's sessions the scopes that no consent has any more."""
        try:
            await self.sessions.reduce_scopes(open_id, scopes_of(consents))
        except StoreError as error:
            consequence = "sessions not reduced, TikTok will refuse scopes that they still have"
            self.events.store_failed(consequence, error, level=logging.ERROR, open_id=open_id)


def pause_after(error: Unavailable) -> float | None:
    """Seconds until the refresh token may be sent again; None if TikTok may have used it."""
    if isinstance(error, RateLimited):
        return error.retry_after
    return None if error._sent else NOT_SENT_PAUSE
