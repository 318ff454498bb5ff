"""The login: to TikTok and back (RFC 6749 §4.1)."""

import asyncio
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.accounts.sessions import Session
from asgi_tiktok.client.callback import Callback, read_callback
from asgi_tiktok.crypto.keys import Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.errors import (
    AccessDenied,
    Cause,
    InvalidCallback,
    LoginError,
    LoginLost,
    LoginRequired,
    RequestRefused,
    StoreError,
    TikTokError,
    Unavailable,
)
from asgi_tiktok.event_loop import running_loop
from asgi_tiktok.http.cookies import Header
from asgi_tiktok.http.fetch_metadata import is_background
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.http.query import read_query
from asgi_tiktok.models import TikTokUser, Token, split_scopes
from asgi_tiktok.routes.error_responses import ErrorResponses
from asgi_tiktok.routes.pages import redirect
from asgi_tiktok.routes.pending import CLOCK_SKEW, LIFETIME, PendingLogin, PendingLogins
from asgi_tiktok.routes.state_parameter import LoginStart, hash_address, hash_browser, make_state, read_state
from asgi_tiktok.tiktok import TikTok

logger = logging.getLogger("asgi_tiktok")

PURPOSE = "used-login"
UNFINISHED = b"-"
USED_LIFETIME = 60 * 60  # seconds for which a reload of the callback still leads to `next`
MAX_IN_PROGRESS = 100  # logins of one process, from the callback until TikTok has answered and the session is saved
SAVE_PAUSES = (0.1, 0.4)  # seconds before another attempt


class Login:
    """Starts logins and completes them. Nothing is stored for a visitor who has not returned from TikTok."""

    def __init__(self, tiktok: TikTok, error_responses: ErrorResponses) -> None:
        self.tiktok = tiktok
        self.client = tiktok._client
        self.site = tiktok._site
        self.keys = tiktok._keys
        self.store = tiktok._store
        self.sessions = tiktok._sessions
        self.tokens = tiktok._tokens
        self.error_responses = error_responses
        self.pending = PendingLogins(tiktok)
        self.in_progress = 0

    def start(self, request: Request, path: RequestPath) -> Response:
        """Redirect (302) to TikTok, with the cookie that remembers this login.

        Raises LoginRequired for a `fetch()`, which cannot follow, RequestRefused for scopes that the app does not
        declare, and ConfigurationError without asyncio.
        """
        running_loop()  # checked before the visitor leaves, because the callback needs it
        if is_background(request.headers):
            raise LoginRequired("Navigate to login_url, because a script cannot sign in with fetch().")
        query = read_query(request)
        scopes = self.scopes(query)
        code_verifier = secrets.token_urlsafe(32)
        state = make_state(self.keys, request.scope.get("scheme", "http"), request.headers)
        response = redirect(
            self.client.authorization_url(
                state=state,
                code_verifier=code_verifier,
                scopes=scopes,
                disable_auto_auth=query.get("switch_account") == "1",
            ),
            status_code=302,
        )
        if request.method == "HEAD":
            return response
        next_path = self.site.requested_next(query, path.mount)
        login = PendingLogin(state, code_verifier, next_path, scopes, time.time())
        response.raw_headers += self.pending.set_cookies(request.headers, login)
        return response

    def scopes(self, query: QueryParams) -> tuple[str, ...]:
        requested = split_scopes(query.get("scopes", ""))
        for scope in requested:
            if scope not in self.tiktok._declared_scopes:
                raise RequestRefused(
                    "The link requests a scope that the app does not declare.",
                    code="undeclared_scope",
                    status_code=400,
                    hint="Add it to TikTok(optional_scopes=...).",
                )
        return tuple(dict.fromkeys(self.client.scopes + requested))

    async def callback(self, request: Request, path: RequestPath, query: Secret[bytes]) -> Response:
        """Complete the login that the query string belongs to: 303 to `next`, or the response to an error.

        Until `state` and cookie match, no request goes to TikTok, no session is touched, and errors are
        raised: InvalidCallback, LoginLost, StoreError.
        """
        callback = read_callback(query.reveal())
        if callback.state is None:
            raise without_state(callback)
        login = self.find_pending(request, callback.state)
        if login is None:
            return await self.resume_or_explain(request, path, Secret(callback.state))
        try:
            if callback.issuer not in (None, self.client._endpoints.issuer):
                raise InvalidCallback("The callback names another issuer (RFC 9207 §2.4).")
            if login.is_expired:
                return await self.fail(request, path, login, expired())
            if callback.error is not None:
                return await self.fail(request, path, login, callback.error)
            with self.limited():
                return await self.complete(request, path, login, callback)
        except TikTokError as error:
            # The login can still be completed, so its cookie stays.
            return await self.error_responses.respond(request, error, path, next_path=login.next_path)

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Count a login that is in progress. Raises RequestRefused if there are too many.

        Anyone can make callbacks with a code that they invented. The limit comes before the mark in the store, so
        that a flood of them neither fills the store nor sends TikTok more than a few requests at a time.
        """
        if self.in_progress >= MAX_IN_PROGRESS:
            raise RequestRefused(
                f"{MAX_IN_PROGRESS} logins are in progress in this process.",
                code="busy",
                status_code=503,
                hint="If these are not your users, put a rate limit in front of the callback. Otherwise add workers.",
            )
        self.in_progress += 1
        try:
            yield
        finally:
            self.in_progress -= 1

    async def complete(
        self, request: Request, path: RequestPath, login: PendingLogin, callback: Callback
    ) -> Response:
        """Mark the login as used, and sign in.

        Raises an error only if nothing was sent to TikTok: StoreError, LoginLost, Unavailable.
        """
        previous = self.sessions.genuine_cookies(request.headers.raw)
        name = self.used_name(login.state)
        if not await self.store.add(name, UNFINISHED, ttl=LIFETIME):
            return await self.resume_or_explain(request, path, Secret(login.state))
        token = None
        try:
            token = await self.client.fetch_token(
                callback.code or "", code_verifier=login.code_verifier, scopes=login.scopes
            )
            session, cookie = await self.sign_in(request, token)
        except TikTokError as error:
            if token is None and isinstance(error, Unavailable) and not error._sent:
                with suppress(StoreError):  # then the mark expires with the login
                    await self.store.delete(name, UNFINISHED)
                raise
            return await self.fail(request, path, login, error)
        for verified in previous:
            await self.end_previous(verified.name)
        await self.remember_used(login, session)
        response = self.redirect_to_next(path, login.next_path)
        response.raw_headers += [self.pending.expire_cookie(login), cookie]
        return response

    def find_pending(self, request: Request, state: str) -> PendingLogin | None:
        """The login that began in this browser with this state, or None."""
        try:
            return self.pending.find(request.headers, state)
        except Unreadable:
            raise LoginLost(
                Cause.KEY_GONE,
                "The login began under a key that has been removed, or its cookie was changed.",
                hint="Keep the old secret_key for ten minutes: TikTok(secret_key=[new, old]).",
            ) from None

    async def fail(self, request: Request, path: RequestPath, login: PendingLogin, error: TikTokError) -> Response:
        """Respond to an error that ends the login, and delete its cookie."""
        response = await self.error_responses.respond(request, error, path, next_path=login.next_path)
        response.raw_headers.append(self.pending.expire_cookie(login))
        return response

    def redirect_to_next(self, path: RequestPath, next_path: str) -> Response:
        # Checked again, because the rules may have changed since it was remembered (RFC 9700 §4.11).
        return redirect(self.site.next_path(next_path, path.mount))

    async def sign_in(self, request: Request, token: Token) -> tuple[Session, Header]:
        user = await self.client.fetch_user(token)
        data = await self.tiktok._hooks.log_in(user, request)
        session, cookie = await self.save(user, token, data)
        logger.info("signed in: session %s", session.log_name)
        return session, cookie

    async def save(self, user: TikTokUser, token: Token, data: dict[str, Any]) -> tuple[Session, Header]:
        """Save token and session. A failing store is tried again, because the code cannot be used twice."""
        for pause in SAVE_PAUSES:
            try:
                return await self.save_once(user, token, data)
            except StoreError as error:
                logger.warning("login not saved, next attempt in %s seconds: %s", pause, error)
                await asyncio.sleep(pause)
        return await self.save_once(user, token, data)

    async def save_once(self, user: TikTokUser, token: Token, data: dict[str, Any]) -> tuple[Session, Header]:
        if self.tiktok._keep_tokens:
            await self.tokens.save(token)
        else:
            await self.tokens.delete(token.open_id)
        return await self.sessions.create(user, token.scopes, data)

    async def end_previous(self, name: str) -> None:
        """End a session that this browser had before."""
        try:
            await self.sessions.end(name)
        except StoreError as error:
            logger.warning("previous session not ended, it ends at its next use: %s", error)

    async def remember_used(self, login: PendingLogin, session: Session) -> None:
        """Let a reload of this callback lead to `next` again."""
        name = self.used_name(login.state)
        note = {"session": session.name, "next_path": login.next_path}
        sealed = seal_record(self.keys.newest, PURPOSE, note, context=name)
        try:
            await self.store.set(name, sealed, ttl=USED_LIFETIME)
        except StoreError as error:
            logger.warning("used login not remembered, a reload of its callback shows an error: %s", error)

    async def resume_or_explain(self, request: Request, path: RequestPath, state: Secret[str]) -> Response:
        """Redirect to `next` if this browser has completed the login before; otherwise raise LoginLost."""
        origin = read_state(self.keys, state.reveal())
        if origin is None:
            raise LoginLost(Cause.NEVER_BEGUN, "No login with this state began here.")
        name = self.used_name(state.reveal())
        used = await self.store.get(name)
        if used is None:
            raise self.diagnose(request, origin)
        session = await self.sessions.load(request.headers.raw)
        if used != UNFINISHED and session is not None:
            with suppress(Unreadable):
                session_name, next_path = open_record(self.keys, PURPOSE, used, read_note, context=name)
                if session.name == session_name:
                    return self.redirect_to_next(path, next_path)
        raise LoginLost(Cause.ALREADY_USED, "The login was completed before.")

    def used_name(self, state: str) -> str:
        """The name of the mark that this login was used, in this TikTok app."""
        return "used:" + sha256(self.pending.context(state).encode()).hexdigest()

    def diagnose(self, request: Request, origin: LoginStart) -> LoginLost:
        """The reason why this browser has no cookie for a login that did begin here."""
        if not -CLOCK_SKEW <= time.time() - origin.began_at < LIFETIME:
            return expired()
        if origin.address != hash_address(request.scope.get("scheme", "http"), request.headers):
            return LoginLost(
                Cause.OTHER_ADDRESS,
                "The login began at another address than the one to which TikTok returned, so it has no cookie here.",
                hint=f"Open the app only at {self.site.origin}, the address in redirect_uri.",
            )
        if origin.browser != hash_browser(request.headers):
            return LoginLost(Cause.OTHER_BROWSER, "The login began in another browser.")
        if self.pending.is_full(request.headers):
            return LoginLost(Cause.TOO_MANY, "Too many logins were open at once, and the oldest made room.")
        return LoginLost(Cause.NO_COOKIE, "The browser did not send the cookie of this login.")


def without_state(callback: Callback) -> LoginError:
    """The error for a callback that belongs to no login. Anyone can make one, so it contains nothing of the query."""
    if isinstance(callback.error, AccessDenied):
        return AccessDenied("The user cancelled a login at TikTok, which did not return its state.")
    if callback.error is not None:
        return InvalidCallback(f"TikTok's error {callback.error.code} has no state.", hint=callback.error.hint)
    return InvalidCallback("The callback has no state.")


def expired() -> LoginLost:
    return LoginLost(Cause.EXPIRED, "The login is older than ten minutes.")


def read_note(facts: dict[str, Any]) -> tuple[str, str]:
    return str(facts["session"]), str(facts["next_path"])
