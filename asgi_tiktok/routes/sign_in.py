"""The last steps of every kind of login: from the token that TikTok has issued to a session."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request

from asgi_tiktok.accounts.grant import Grant
from asgi_tiktok.accounts.session_cookies import VerifiedCookie
from asgi_tiktok.accounts.session_record import Session
from asgi_tiktok.errors import RequestRefused, StoreError
from asgi_tiktok.events.event import Event
from asgi_tiktok.events.events import Events
from asgi_tiktok.http.cookies import Header
from asgi_tiktok.http.user_agent import describe_browser
from asgi_tiktok.models import TikTokUser, Token
from asgi_tiktok.tiktok import TikTok

T = TypeVar("T")

MAX_IN_PROGRESS = 100  # logins, from the code until TikTok has answered and the session is saved
SAVE_PAUSES = (0.1, 0.4)  # seconds before another attempt


class SignIn:
    """Signs users in to one TikTok app."""

    def __init__(self, tiktok: TikTok) -> None:
        self.client = tiktok._client
        self.sessions = tiktok._sessions
        self.tokens = tiktok._tokens
        self.keep_tokens = tiktok._keep_tokens
        self.hooks = tiktok._hooks
        self.logins = tiktok._logins
        self.events = tiktok._events

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Count a login that is in progress, in all middlewares that share one `TikTok`.

        Raises RequestRefused if there are too many.

        Anyone can send a code that they invented. The limit comes before the mark in the store, so that a flood of
        them neither fills the store nor sends TikTok more than a few requests at a time.
        """
        if self.logins.in_progress >= MAX_IN_PROGRESS:
            raise RequestRefused(
                f"{MAX_IN_PROGRESS} logins are in progress in this process.",
                code="busy",
                status_code=503,
                hint="If these are not your users, put a rate limit in front of the callback. Otherwise add workers.",
            )
        self.logins.in_progress += 1
        try:
            yield
        finally:
            self.logins.in_progress -= 1

    async def complete(
        self,
        request: Request,
        token: Token,
        *,
        requested_scopes: tuple[str, ...],
        params: Mapping[str, Any],
        next_path: str,
        flow: str = "redirect",
    ) -> tuple[Session, Header]:
        """Call the hooks, save the token and create the session. Returns it with its Set-Cookie header.

        Nothing is stored if TikTok returns no profile or a hook refuses the user.
        """
        user = await self.client.fetch_user(token)
        grant = Grant(
            token=token, requested_scopes=requested_scopes, params=params, next=next_path, _client=self.client
        )
        data = await self.hooks.log_in(user, request, grant)
        browser = describe_browser(request.headers.get("user-agent", ""))
        session, cookie = await save_patiently(self.events, partial(self.save, user, token, data, browser))
        self.events.report(
            Event.LOGIN_DONE,
            "signed in: session %s",
            session.log_name,
            open_id=user.open_id,
            session=session.log_name,
            flow=flow,
        )
        return session, cookie

    async def save(
        self, user: TikTokUser, token: Token, data: dict[str, Any], browser: str
    ) -> tuple[Session, Header]:
        if self.keep_tokens:
            await self.tokens.save(token)
        else:
            await self.tokens.delete(token.open_id)
        return await self.sessions.create(user, token.scopes, data, browser=browser)

    async def end_previous(self, cookies: Iterable[VerifiedCookie]) -> None:
        """End the sessions that this browser had before."""
        for cookie in cookies:
            try:
                await self.sessions.end(cookie.name)
            except StoreError as error:
                self.events.store_failed("previous session not ended, it ends at its next use", error)


async def save_patiently(events: Events, save: Callable[[], Awaitable[T]]) -> T:
    """Save what a login has brought. A failing store is tried again, because the code cannot be used twice."""
    for pause in SAVE_PAUSES:
        try:
            return await save()
        except StoreError as error:
            events.store_failed(f"login not saved, next attempt in {pause} seconds", error)
            await asyncio.sleep(pause)
    return await save()
