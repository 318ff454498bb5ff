"""The login: to TikTok and back (RFC 6749 §4.1)."""

import asyncio
import logging
import secrets
import time
from contextlib import suppress
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.accounts.sessions import Session
from asgi_tiktok.client.callback import read_callback
from asgi_tiktok.crypto.keys import Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.errors import (
    Cause,
    InvalidCallback,
    LoginLost,
    LoginRequired,
    RequestRefused,
    StoreError,
    TikTokError,
)
from asgi_tiktok.http.cookies import Header
from asgi_tiktok.http.fetch_metadata import is_background
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.models import TikTokUser, Token, split_scopes
from asgi_tiktok.routes.error_responses import Responder
from asgi_tiktok.routes.pages import redirect
from asgi_tiktok.routes.pending import LEEWAY, LIFETIME, LONGEST_NEXT, MOST_PENDING, PendingLogin, PendingLogins
from asgi_tiktok.routes.state_parameter import Origins, address_of, browser_of, make_state, read_state
from asgi_tiktok.tiktok import TikTok

logger = logging.getLogger("asgi_tiktok")

PURPOSE = "used-login"
UNFINISHED = b"-"
USED_LIFETIME = 60 * 60  # seconds in which a reload still finds its way
SAVE_PAUSES = (0.1, 0.4)  # seconds before another attempt


class Login:
    """Begins logins and finishes them. Nothing is stored for a visitor who has not come back."""

    def __init__(self, tiktok: TikTok, responder: Responder) -> None:
        self.tiktok = tiktok
        self.client = tiktok.client
        self.site = tiktok.site
        self.keys = tiktok.keys
        self.store = tiktok.store
        self.sessions = tiktok.sessions
        self.tokens = tiktok.tokens
        self.responder = responder
        self.pending = PendingLogins(
            tiktok.keys, tiktok.cookies, audience=self.client.audience, redirect_uri=self.client.redirect_uri
        )

    def start(self, request: Request, path: RequestPath) -> Response:
        """302 to TikTok, and the cookie that remembers this login.

        Raises LoginRequired for a `fetch()`, which could not follow, and RequestRefused for scopes that
        the app did not declare.
        """
        if is_background(request.headers):
            raise LoginRequired("Navigate to login_url; a script cannot sign in with fetch().")
        scopes = self.scopes(request)
        code_verifier = secrets.token_urlsafe(32)
        state = make_state(self.keys, request.scope.get("scheme", "http"), request.headers)
        response = redirect(
            self.client.authorization_url(
                state=state,
                code_verifier=code_verifier,
                scopes=scopes,
                disable_auto_auth=request.query_params.get("switch_account") == "1",
            ),
            status_code=302,
        )
        if request.method == "HEAD":
            return response
        login = PendingLogin(state, code_verifier, self.next_path(request, path.mount), scopes, time.time())
        response.raw_headers += self.pending.make_room(request.headers)
        response.raw_headers.append(self.pending.remember(login))
        return response

    def scopes(self, request: Request) -> tuple[str, ...]:
        wanted = split_scopes(request.query_params.get("scopes", ""))
        for scope in wanted:
            if scope not in self.client.scopes + self.tiktok.optional_scopes:
                raise RequestRefused(
                    "A scope was asked for that the app does not declare.",
                    code="undeclared_scope",
                    status_code=400,
                    hint="Name it in TikTok(optional_scopes=...).",
                )
        return tuple(dict.fromkeys(self.client.scopes + wanted))

    def next_path(self, request: Request, mount: str) -> str:
        asked = request.query_params.getlist("next")
        accepted = self.site.next_path(asked[0] if len(asked) == 1 else None, mount)
        return accepted if len(accepted) <= LONGEST_NEXT else self.site.default_next

    async def callback(self, request: Request, path: RequestPath, query: bytes) -> Response:
        """Complete the login that the query string belongs to: 303 to `next`, or the response to an error.

        Until `state` and cookie match, no request goes to TikTok, no session is touched, and errors are
        raised: InvalidCallback, LoginLost, StoreError.
        """
        callback = read_callback(query)
        if callback.state is None:
            raise InvalidCallback("No state came back.")
        login = self.find(request, callback.state)
        if login is None:
            return await self.resume_or_explain(request, path, callback.state)
        try:
            if callback.issuer not in (None, self.client.endpoints.issuer):
                raise InvalidCallback("The answer comes from another issuer (RFC 9207 §2.4).")
            if login.is_expired:
                return await self.fail(request, path, login, expired())
            if callback.error is not None:
                return await self.fail(request, path, login, callback.error)
            old = await self.sessions.load(request.headers.raw)
            if not await self.store.add(used_name(login.state), UNFINISHED, ttl=USED_LIFETIME):
                return await self.resume_or_explain(request, path, login.state)
        except TikTokError as error:
            # The login can still be completed, so its cookie stays.
            return await self.responder.respond(request, error, path, next_path=login.next_path)
        try:
            session, cookie = await self.sign_in(request, login, callback.code or "")
        except TikTokError as error:
            return await self.fail(request, path, login, error)
        if old is not None:
            await self.replace(old)
        await self.note_used(login, session)
        response = self.redirect_to_next(path, login.next_path)
        response.raw_headers += [self.pending.forget(login), cookie]
        return response

    async def fail(self, request: Request, path: RequestPath, login: PendingLogin, error: TikTokError) -> Response:
        """Respond to an error that ends the login, and discard its cookie."""
        response = await self.responder.respond(request, error, path, next_path=login.next_path)
        response.raw_headers.append(self.pending.forget(login))
        return response

    def redirect_to_next(self, path: RequestPath, next_path: str) -> Response:
        # Checked again, because the rules may have changed since it was remembered (RFC 9700 §4.11).
        return redirect(self.site.next_path(next_path, path.mount))

    def find(self, request: Request, state: str) -> PendingLogin | None:
        """The login that this browser began with this state, None when it holds none."""
        try:
            return self.pending.find(request.headers, state)
        except Unreadable:
            raise LoginLost(
                Cause.KEY_GONE,
                "The login began under a key that is gone, or its cookie was changed.",
                hint="Keep the old secret_key behind the new one for ten minutes, as a list.",
            ) from None

    async def sign_in(self, request: Request, login: PendingLogin, code: str) -> tuple[Session, Header]:
        token = await self.client.fetch_token(code, code_verifier=login.code_verifier, scopes=login.scopes)
        user = await self.client.fetch_user(token)
        data = await self.tiktok.hooks.log_in(user, request)
        session, cookie = await self.save(user, token, data)
        logger.info("signed in: session %s", session.log_name)
        return session, cookie

    async def replace(self, old: Session) -> None:
        """End the session that this browser had before."""
        try:
            await self.sessions.end(old)
        except StoreError as error:
            logger.warning("a replaced session ends at its next use: %s", error)

    async def save(self, user: TikTokUser, token: Token, data: dict[str, Any]) -> tuple[Session, Header]:
        """Save token and session. The code is spent, so a store that stumbles gets more than one chance."""
        for pause in SAVE_PAUSES:
            try:
                return await self.save_once(user, token, data)
            except StoreError as error:
                logger.warning("saving a login again in %s seconds: %s", pause, error)
                await asyncio.sleep(pause)
        return await self.save_once(user, token, data)

    async def save_once(self, user: TikTokUser, token: Token, data: dict[str, Any]) -> tuple[Session, Header]:
        if self.tiktok.keep_tokens:
            await self.tokens.save(token)
        else:
            await self.tokens.forget(token.open_id)
        return await self.sessions.create(user, token.scopes, data)

    async def note_used(self, login: PendingLogin, session: Session) -> None:
        """Let a reload of this callback lead to where the login led."""
        name = used_name(login.state)
        note = {"session": session.record_key, "next_path": login.next_path}
        sealed = seal_record(self.keys.newest, PURPOSE, note, place=name)
        try:
            await self.store.set(name, sealed, ttl=USED_LIFETIME)
        except StoreError as error:
            logger.warning("a reload of this callback will not find its way: %s", error)

    async def resume_or_explain(self, request: Request, path: RequestPath, state: str) -> Response:
        """303 to where a finished login led, if its session is this browser's; else raises LoginLost."""
        began = read_state(self.keys, state)
        if began is None:
            raise LoginLost(Cause.NEVER_BEGUN, "No login with this state began here.")
        name = used_name(state)
        used = await self.store.get(name)
        if used is None:
            raise self.diagnose(request, began)
        session = await self.sessions.load(request.headers.raw)
        if used != UNFINISHED and session is not None:
            with suppress(Unreadable):
                record_key, next_path = open_record(self.keys, PURPOSE, used, read_note, place=name)
                if session.record_key == record_key:
                    return self.redirect_to_next(path, next_path)
        raise LoginLost(Cause.ALREADY_USED, "The login was finished before.")

    def diagnose(self, request: Request, began: Origins) -> LoginLost:
        """Why this browser does not hold a login that did begin here."""
        if not -LEEWAY <= time.time() - began.at < LIFETIME:
            return expired()
        if began.address != address_of(request.scope.get("scheme", "http"), request.headers):
            return LoginLost(
                Cause.OTHER_ADDRESS,
                "The login began at another address than the one TikTok returned to, so its cookie stayed there.",
                hint=f"Open the app at {self.site.origin}, the address in redirect_uri, and nowhere else.",
            )
        if began.browser != browser_of(request.headers):
            return LoginLost(Cause.OTHER_BROWSER, "The login began in another browser.")
        if self.pending.count(request.headers) >= MOST_PENDING:
            return LoginLost(Cause.TOO_MANY, f"More than {MOST_PENDING} logins were open at once.")
        return LoginLost(Cause.NO_COOKIE, "The browser did not send the cookie of this login back.")


def expired() -> LoginLost:
    return LoginLost(Cause.EXPIRED, "The login is more than ten minutes old.")


def read_note(facts: dict[str, Any]) -> tuple[str, str]:
    return str(facts["session"]), str(facts["next_path"])


def used_name(state: str) -> str:
    return "used:" + sha256(state.encode()).hexdigest()
