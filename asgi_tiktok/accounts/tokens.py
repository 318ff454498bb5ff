"""A valid token of a user at any time.

Within one process, each user has at most one refresh task. A caller waits for it for a limited time only, while the
refresh continues, because TikTok's response exists nowhere else.
"""

import asyncio
import logging
import math
import time
from collections.abc import Collection

from asgi_tiktok.accounts.bounded_dict import BoundedDict
from asgi_tiktok.accounts.consents import Consent, best_for, is_later
from asgi_tiktok.accounts.hooks import Hooks
from asgi_tiktok.accounts.refresh import Refresher
from asgi_tiktok.accounts.sessions import Sessions
from asgi_tiktok.accounts.token_records import TokenRecords
from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.client.deadline import wait_for
from asgi_tiktok.crypto.keys import KeyRing
from asgi_tiktok.errors import LoginRequired, TikTokError, TokenError, Unavailable, UpstreamTimeout
from asgi_tiktok.event_loop import running_loop
from asgi_tiktok.events.events import Events
from asgi_tiktok.models import Token
from asgi_tiktok.stores import Store

logger = logging.getLogger("asgi_tiktok")

SHUTDOWN_GRACE = 10  # seconds that aclose() waits for refreshes
CALLER_WAIT = 10  # seconds that a caller waits for TikTok's response
SIGN_IN_AGAIN = "Keep TikTok(keep_tokens=True), and sign in again. In a test, write login_as(client, token=True)."
MAX_USERS = 10_000  # remembered after a failure


class Failure:
    """The error with which the last refresh of a user has ended, and when."""

    def __init__(self, error: TikTokError) -> None:
        self.error = error
        self.at = time.time()


class Tokens:
    """The tokens of one TikTok app's users."""

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        client: TikTokClient,
        sessions: Sessions,
        events: Events,
        hooks: Hooks,
        *,
        shutdown_grace: float = SHUTDOWN_GRACE,
    ) -> None:
        self.client = client
        self.sessions = sessions
        self.shutdown_grace = shutdown_grace
        self.records = TokenRecords(store, keys, client._audience)
        self.refresher = Refresher(self.records, client, sessions, events, hooks)
        self.in_flight: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Task[Token]] = {}
        self.failures: BoundedDict[str, Failure] = BoundedDict(MAX_USERS)

    async def save(self, token: Token) -> None:
        """Store the token of a login. An earlier one is kept beside it if it has scopes that this one lacks."""
        await self.records.save(token)
        self.failures.pop(token.open_id, None)

    async def delete(self, open_id: str, *, consented_before: float | None = None) -> None:
        """Delete the tokens, or only those of earlier logins. Deleting a missing one is not an error.

        Args:
            open_id (str): The user's `open_id`.
            consented_before (float | None): The time of an event at TikTok. The token of a login that is certainly
                later stays (see `is_later`). Default: no token stays.
        """
        if consented_before is None:
            await self.records.delete(open_id)
            return
        while (stored := await self.records.load(open_id)) is not None:
            later = tuple(each for each in stored.consents if is_later(each.consented_at, consented_before))
            if later == stored.consents:
                return
            if not later:
                if await self.records.delete(open_id, stored.record):
                    return
            elif await self.records.replace(stored, *later):
                await self.refresher.reduce_sessions(open_id, later)
                return

    async def scopes_of(self, open_id: str) -> tuple[str, ...]:
        """Return the scopes of the user's stored tokens, expired or not; none without one. Raises StoreError."""
        stored = await self.records.load(open_id)
        consents = () if stored is None else stored.consents
        return tuple(dict.fromkeys(scope for consent in consents for scope in consent.token.scopes))

    async def consented_at(self, open_id: str) -> float | None:
        """Return the time of the user's latest login that has a stored token, in seconds since the epoch."""
        stored = await self.records.load(open_id)
        return None if stored is None else max(each.consented_at for each in stored.consents)

    async def get(self, open_id: str, *, scopes: Collection[str] = (), rejected: str | None = None) -> Token:
        """Return a token that stays valid for a while, and whose access token is not the `rejected` one.

        Of the user's tokens, it is the one that has most of the scopes.

        Raises LoginRequired if only a new login can help, Unavailable if TikTok does not respond and the old
        token has expired, StoreError.
        """
        stored = await self.records.load(open_id)
        if stored is None:
            raise LoginRequired("No token is stored for this user.", stage="token", hint=SIGN_IN_AGAIN)
        consent = best_for(scopes, stored.consents)
        if consent.is_fresh(rejected):
            return consent.token
        consent = (await self.records.put_first(stored, consent)).consent
        seconds = self.seconds_to_wait(consent)
        if seconds <= 0:
            failure = self.failures.get(open_id)
            return old_token_or_raise(consent, rejected, pause_of(consent) if failure is None else failure.error)
        task = self.refresh_task(consent.token, rejected)
        await wait_for(task, seconds)
        if not task.done():
            return old_token_or_raise(consent, rejected, no_response())
        try:
            return task.result()
        except (Unavailable, TokenError) as error:
            return old_token_or_raise(consent, rejected, error)

    def seconds_to_wait(self, consent: Consent) -> float:
        """The time for which a caller waits for a refresh; 0 if none may run now, or it has taken too long."""
        open_id = consent.token.open_id
        if not consent.is_paused or open_id in self.refresher.unsaved:
            return CALLER_WAIT
        failure, sent_at = self.failures.get(open_id), consent.sent_at
        if sent_at is None or (failure is not None and failure.at > sent_at):
            return 0
        return min(sent_at + CALLER_WAIT - time.time(), CALLER_WAIT)

    def refresh_task(self, token: Token, rejected: str | None) -> asyncio.Task[Token]:
        """Return the task that refreshes the user's token in this event loop, which is started if there is none."""
        key = (running_loop(), token.open_id)
        task = self.in_flight.get(key)
        if task is None:
            task = self.in_flight[key] = asyncio.create_task(self.refresher.refresh(token, rejected))
            task.add_done_callback(lambda done: self.on_refresh_done(key, done))
        return task

    def on_refresh_done(self, key: tuple[asyncio.AbstractEventLoop, str], task: asyncio.Task[Token]) -> None:
        del self.in_flight[key]
        # The exception is retrieved here, in case every caller has gone.
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Unavailable | TokenError):
            self.failures[key[1]] = Failure(error)

    async def other_scopes(self, open_id: str, refused: Token) -> list[tuple[str, ...]]:
        """Return the scopes of each of the user's tokens that has some which the refused one lacks."""
        stored = await self.records.load(open_id)
        found = [] if stored is None else [consent.token.scopes for consent in stored.consents]
        return [scopes for scopes in found if not set(scopes) <= set(refused.scopes)]

    async def give_up(self, open_id: str, refused: Token) -> Token | None:
        """Return a token of the user's next consent, because TikTok refuses this one for good; None without one."""
        stored = await self.records.load(open_id)
        if stored is None or stored.token != refused or len(stored.consents) == 1:
            return None
        refusal = LoginRequired("TikTok refuses the token, although it was refreshed.", stage="token")
        return await self.refresher.give_up(stored, refusal, refused.access_token)

    async def aclose(self) -> None:
        """Wait for the refreshes that run in this event loop, because their responses must be saved."""
        running = running_loop()
        tasks = {task for (loop, _), task in self.in_flight.items() if loop is running}
        if not tasks:
            return
        _, unfinished = await asyncio.wait(tasks, timeout=self.shutdown_grace)
        if unfinished:
            logger.error("%s refreshes unfinished at shutdown, their users may have to log in again", len(unfinished))


def no_response() -> Unavailable:
    return UpstreamTimeout("The refresh has not ended yet.", stage="refresh")


def pause_of(consent: Consent) -> Unavailable:
    """The error for a pause that another worker has caused."""
    seconds = 0 if consent.retry_at is None else math.ceil(consent.retry_at - time.time())
    if seconds <= 0:
        return no_response()
    return Unavailable(f"Another worker could not refresh the token, next attempt in {seconds} s.", stage="refresh")


def old_token_or_raise(consent: Consent, rejected: str | None, error: TikTokError) -> Token:
    """Return the old token while it is valid, and raise the error after that."""
    if consent.is_valid(rejected):
        return consent.token
    # One error may be raised many times during a pause, and would grow by a traceback each time.
    raise error.with_traceback(None)
