"""The end of a login: back from TikTok (RFC 6749 §4.1.2)."""

import time
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.client.callback import Callback, read_callback
from asgi_tiktok.crypto.keys import Unreadable
from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.errors import InvalidCallback, TikTokError, Unavailable
from asgi_tiktok.events.event import Event, login_event
from asgi_tiktok.http.cookies import Header
from asgi_tiktok.http.login_link import NO_ATTEMPT
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.models import ConnectedAccount, Token
from asgi_tiktok.routes import lost_logins
from asgi_tiktok.routes.error_responses import ErrorResponses
from asgi_tiktok.routes.pages import redirect
from asgi_tiktok.routes.pending import PendingLogin, PendingLogins
from asgi_tiktok.routes.sign_in import SignIn, save_patiently
from asgi_tiktok.routes.state_parameter import read_state
from asgi_tiktok.routes.used_logins import UNFINISHED, Outcome, UsedLogins, error_of
from asgi_tiktok.session import tiktok_session
from asgi_tiktok.tiktok import TikTok

Exchange = Callable[[], Awaitable[Token]]


class LoginCallback:
    """Completes logins."""

    def __init__(self, tiktok: TikTok, error_responses: ErrorResponses, pending: PendingLogins) -> None:
        self.client = tiktok._client
        self.site = tiktok._site
        self.keys = tiktok._keys
        self.sessions = tiktok._sessions
        self.tokens = tiktok._tokens
        self.hooks = tiktok._hooks
        self.events = tiktok._events
        self.logins = tiktok._logins
        self.error_responses = error_responses
        self.pending = pending
        self.sign_ins = SignIn(tiktok)
        self.used = UsedLogins(tiktok._store, tiktok._keys, pending, self.events)

    async def respond(self, request: Request, path: RequestPath, query: Secret[bytes]) -> Response:
        """Complete the login that the query string belongs to: 303 to `next`, or the response to an error.

        Until `state` and cookie match, no request goes to TikTok, and no session is touched.
        """
        login, arrived_at = None, time.time()
        try:
            callback = read_callback(query.reveal())
            if callback.state is None:
                raise lost_logins.without_state(callback)
            login = self.find_pending(request, callback.state)
            if login is None:
                return await self.redirect_again(request, path, Secret(callback.state))
            if callback.issuer not in (None, self.client._endpoints.issuer):
                raise InvalidCallback("The callback names another issuer (RFC 9207 §2.4).")
            if login.is_expired:
                return await self.fail(request, path, lost_logins.expired(), login, ended=True)
            if callback.error is not None:
                return await self.fail(request, path, callback.error, login, ended=True)
            exchange = self.exchange(login, callback)
            # Shielded, because a code works once: if the browser has gone, it gets the session when it comes back.
            response = await self.logins.run(self.complete_once(request, path, login, exchange))
            return response or await self.repeat_outcome(request, path, login, arrived_at)
        except TikTokError as error:
            # If there is a login, it can still be completed, so its cookie stays.
            return await self.fail(request, path, error, login)

    def find_pending(self, request: Request, state: str) -> PendingLogin | None:
        """The login that began in this browser with this state, or None."""
        try:
            login = self.pending.find(request.headers, state)
        except Unreadable:
            raise lost_logins.with_unreadable_cookie(request, read_state(self.keys, state), self.site) from None
        if login is not None and login.route:
            raise lost_logins.never_begun(self.site)  # a login of another route, whose code no browser brings
        return login

    def exchange(self, login: PendingLogin, callback: Callback) -> Exchange:
        """The exchange of the code. A closure, because its `repr` does not show the code."""
        return lambda: self.client.fetch_token(
            callback.code or "", code_verifier=login.code_verifier, scopes=login.scopes
        )

    async def complete_once(
        self, request: Request, path: RequestPath, login: PendingLogin, exchange: Exchange
    ) -> Response | None:
        """Complete the login, unless another callback has begun to. Raises an error only if no code was sent."""
        with self.sign_ins.limited():
            return await self.complete(request, path, login, exchange) if await self.used.claim(login) else None

    async def complete(
        self, request: Request, path: RequestPath, login: PendingLogin, exchange: Exchange
    ) -> Response:
        """Sign in, or connect the account. Raises Unavailable if nothing was sent to TikTok, and no other error."""
        token, session_name = None, ""
        previous = [] if login.user_id else self.sessions.cookies.find_all(request.headers.raw)
        try:
            token = await exchange()
            if login.user_id:
                cookie = await self.connect(login, token)
            else:
                session_name, cookie = await self.sign_in(request, path, login, token)
        except TikTokError as error:
            if token is None and isinstance(error, Unavailable) and not error._sent:
                await self.used.release(login)
                raise
            await self.used.save_failure(login, error)
            open_id = None if token is None else token.open_id
            return await self.fail(request, path, error, login, ended=True, open_id=open_id)
        await self.used.save_success(login, session_name, cookie)
        await self.sign_ins.end_previous(previous)
        return self.signed_in(path, login, cookie)

    async def sign_in(
        self, request: Request, path: RequestPath, login: PendingLogin, token: Token
    ) -> tuple[str, Header]:
        session, cookie = await self.sign_ins.complete(
            request,
            token,
            requested_scopes=login.scopes,
            params=login.params,
            next_path=self.site.next_path(login.next_path, path.mount),
            flow=login.flow,
        )
        return session.name, cookie

    async def connect(self, login: PendingLogin, token: Token) -> Header:
        """Keep the account for the app, which takes it at `next`. No hook is called, and no session changes."""
        from asgi_tiktok.accounts.connections import Connections

        account = ConnectedAccount(profile=await self.client.fetch_user(token), token=token)
        connections = Connections(self.sessions, self.tokens)
        cookie = await save_patiently(self.events, partial(connections.save, login.user_id, account))
        self.events.report(
            Event.LOGIN_DONE, "account connected, and kept for the app", open_id=token.open_id, flow=login.flow
        )
        return cookie

    def signed_in(self, path: RequestPath, login: PendingLogin, cookie: Header) -> Response:
        response = self.redirect_to_next(path, login.next_path)
        response.raw_headers += [self.pending.expire_cookie(login), cookie]
        return response

    def redirect_to_next(self, path: RequestPath, next_path: str) -> Response:
        # Checked again, because the rules may have changed since it was remembered (RFC 9700 §4.11).
        return redirect(self.site.next_path(next_path, path.mount))

    async def fail(
        self,
        request: Request,
        path: RequestPath,
        error: TikTokError,
        login: PendingLogin | None,
        *,
        ended: bool = False,
        open_id: str | None = None,
    ) -> Response:
        """Respond to an error. If it ends the login, delete its cookie."""
        await self.hooks.fail_login(error, request)
        attempt = login.attempt if login else NO_ATTEMPT
        response = await self.error_responses.respond(
            request, error, path, attempt, event=login_event(error), flow=attempt.flow, open_id=open_id
        )
        if login is not None and ended:
            response.raw_headers.append(self.pending.expire_cookie(login))
        return response

    async def repeat_outcome(
        self, request: Request, path: RequestPath, login: PendingLogin, arrived_at: float
    ) -> Response:
        """Respond like another callback of this login, whose response this browser may have lost.

        A callback that arrived while the other one was running gets the outcome, too, even if a slow store showed
        the other one only afterwards. One that arrives later gets the session once: if the browser had got it
        before, it would have deleted the cookie of the login. A session that has ended stays ended, and that of a
        later login stays. Raises LoginLost.
        """
        name = self.used.name_of(login.state)
        record = await self.used.find(name)
        has_ended = record not in (None, UNFINISHED)
        outcome = self.used.read(name, record) if has_ended and record else await self.used.wait(login)
        is_late = has_ended and arrived_at > outcome.ended_at
        if error := error_of(outcome):
            response = await self.error_responses.respond(request, error, path, login.attempt)
            response.raw_headers.append(self.pending.expire_cookie(login))
            return response
        # The login has ended the sessions that this browser had before, so another one is of a later login.
        signed_in_later = is_late and not login.user_id and tiktok_session(request)._session is not None
        if signed_in_later or self.has_session(request, outcome):
            return self.redirect_to_next(path, outcome.next_path)
        cookie = await self.lost_session(login, outcome, once=is_late)
        if cookie is None:
            raise lost_logins.already_used()
        if not login.user_id:
            previous = self.sessions.cookies.find_all(request.headers.raw)
            await self.sign_ins.end_previous(each for each in previous if each.name != outcome.session_name)
        return self.signed_in(path, login, cookie)

    async def lost_session(self, login: PendingLogin, outcome: Outcome, *, once: bool) -> Header | None:
        """Return the Set-Cookie header that this browser has lost. None if the session has ended, or it was taken."""
        cookie = self.used.session_cookie(login, outcome)
        if cookie is None:
            return None
        if not login.user_id and await self.sessions.load([(b"cookie", cookie[1].partition(b";")[0])]) is None:
            return None
        if once and not await self.used.take_cookie(login, outcome):
            return None
        return cookie

    async def redirect_again(self, request: Request, path: RequestPath, state: Secret[str]) -> Response:
        """Redirect to `next` if this browser has the session of the login. Otherwise raise LoginLost."""
        start = read_state(self.keys, state.reveal())
        if start is None:
            raise lost_logins.never_begun(self.site)
        name = self.used.name_of(state.reveal())
        record = await self.used.find(name)
        if record is None:
            raise lost_logins.without_cookie(request, start, self.site, self.pending)
        if record == UNFINISHED:
            raise lost_logins.already_used()
        outcome = self.used.read(name, record)
        if not self.has_session(request, outcome):
            raise lost_logins.already_used()
        return self.redirect_to_next(path, outcome.next_path)

    def has_session(self, request: Request, outcome: Outcome) -> bool:
        """True if this browser is signed in by the login with this outcome."""
        session = tiktok_session(request)._session
        return session is not None and session.name == outcome.session_name
