"""Profiles that are read again after the login: their names and pictures change, and the links to pictures expire.

The time of the last attempt is a mark in the store, one for each user, so that all workers share it and no session
grows. A profile that cannot be read is tried again after ten minutes.
"""

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import replace
from functools import partial

from asgi_tiktok.accounts.session_record import Session
from asgi_tiktok.accounts.sessions import Sessions
from asgi_tiktok.accounts.tokens import Tokens
from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.client.deadline import wait_for
from asgi_tiktok.errors import APIError, LoginRequired, StoreError, TikTokError
from asgi_tiktok.event_loop import running_loop
from asgi_tiktok.events.events import Events
from asgi_tiktok.models import USER_FIELDS, TikTokUser

MIN_AGE = 600  # seconds between two attempts that nobody has asked for
MAX_READS = 20  # at the same time, in one event loop, so that they leave connections to logins
RENEWABLE = ("access_token_invalid", "scope_not_authorized")  # a refresh brings a token with the current scopes


class Profiles:
    """The profiles of one TikTok app's users.

    With `max_age`, profiles of sessions in use that are older, in seconds, are read again in the background.
    """

    def __init__(
        self,
        sessions: Sessions,
        tokens: Tokens,
        client: TikTokClient,
        events: Events,
        *,
        max_age: int | None,
    ) -> None:
        self.store = sessions.store
        self.sessions = sessions
        self.tokens = tokens
        self.client = client
        self.events = events
        self.max_age = max_age
        if max_age is not None:
            sessions.on_touch = partial(self.start, age=max_age)
        self.reads: dict[tuple[asyncio.AbstractEventLoop, str, int], asyncio.Task[None]] = {}

    async def read(self, open_id: str) -> TikTokUser:
        """Read the profile, and update the user's sessions. Raises the errors of `TikTok.refresh_user`."""
        token = await self.tokens.get(open_id)
        try:
            user = await self.client.fetch_user(token)
        except APIError as error:
            if error.code not in RENEWABLE:
                raise
            token = await self.tokens.get(open_id, rejected=token.access_token)
            user = await self.client.fetch_user(token)
        await self.store.set(self.mark_of(open_id), now(), ttl=max(MIN_AGE, self.max_age or 0))
        await self.sessions.revise(open_id, lambda session: with_profile(session, user, token.scopes))
        return user

    def mark_of(self, open_id: str) -> str:
        return "profile:" + self.sessions.records.owner(open_id)

    async def claim(self, session: Session, age: int) -> bool:
        """Return whether the profile is older than this. If so, no other worker gets True for ten minutes."""
        if time.time() - session.created_at < age:
            return False
        name = self.mark_of(session.user.open_id)
        mark = await self.store.get(name)
        if mark is None:
            return await self.store.add(name, now(), ttl=MIN_AGE)
        if time.time() - int.from_bytes(mark, "big") < age:
            return False
        return await self.store.replace(name, mark, now(), ttl=MIN_AGE)

    async def read_if_due(self, session: Session, age: int) -> None:
        """Read the profile if it is older than this. Errors are logged."""
        try:
            if await self.claim(session, age):
                await self.read(session.user.open_id)
        except StoreError as error:
            self.events.store_failed("profile not read again", error)
        except TikTokError as error:
            level = logging.DEBUG if isinstance(error, LoginRequired) else logging.WARNING
            self.events.log_limiter.log(level, f"profile {error.code}", "profile not read again: %s", error)

    def start(self, session: Session, age: int) -> asyncio.Task[None] | None:
        """Return the task that reads the profile if it is due, shared by all callers. None if there are too many."""
        loop = running_loop()
        key = (loop, session.user.open_id, age)
        task = self.reads.get(key)
        if task is None and sum(other is loop for other, _, _ in self.reads) < MAX_READS:
            task = self.reads[key] = loop.create_task(self.read_if_due(session, age))
            task.add_done_callback(lambda _: self.reads.pop(key, None))
        return task

    async def freshen(self, session: Session, *, seconds: float) -> None:
        """Read the profile unless that was tried in the last ten minutes, and wait for it for this time at most."""
        if task := self.start(session, MIN_AGE):
            await wait_for(task, seconds)

    async def aclose(self) -> None:
        """Cancel the reads of this event loop. A refresh that one of them has begun goes on."""
        loop = running_loop()
        tasks = [task for (other, _, _), task in self.reads.items() if other is loop]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def now() -> bytes:
    return int(time.time()).to_bytes(8, "big")


def with_profile(session: Session, profile: TikTokUser, granted: Collection[str]) -> Session:
    """Return the session with the fields that its own scopes grant, and old values of those that were not read."""
    values = {
        name: getattr(profile if scope in granted else session.user, name)
        for scope in session.scopes
        for name in USER_FIELDS.get(scope, ())
    }
    return replace(session, user=TikTokUser(**{**values, "open_id": session.user.open_id}))
