"""The start of a login: to TikTok (RFC 6749 §4.1.1). Nothing is stored for a visitor who has not come back."""

import logging
import time

from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.client.random_values import generate_code_verifier
from asgi_tiktok.errors import LoginRequired, RequestRefused, StoreError, TikTokError
from asgi_tiktok.event_loop import running_loop
from asgi_tiktok.events.event import Event
from asgi_tiktok.http.fetch_metadata import is_background, not_cross_site
from asgi_tiktok.http.login_link import LoginAttempt
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.http.query import read_query
from asgi_tiktok.routes.error_responses import ErrorResponses
from asgi_tiktok.routes.pages import redirect
from asgi_tiktok.routes.pending import PendingLogin, PendingLogins
from asgi_tiktok.routes.state_parameter import make_state
from asgi_tiktok.session import tiktok_session
from asgi_tiktok.tiktok import TikTok


class Login:
    """Starts logins."""

    def __init__(self, tiktok: TikTok, error_responses: ErrorResponses, pending: PendingLogins) -> None:
        self.tiktok = tiktok
        self.client = tiktok._client
        self.events = tiktok._events
        self.error_responses = error_responses
        self.pending = pending

    async def start(self, request: Request, path: RequestPath) -> Response:
        """Redirect (302) to TikTok, with the cookie that remembers this login, or respond to a link that cannot.

        Raises ConfigurationError without asyncio.
        """
        attempt = self.read_attempt(request, path)
        try:
            login = await self.begin(request, attempt)
        except TikTokError as error:
            return await self.error_responses.respond(request, error, path, attempt)
        address = self.client.authorization_url(
            state=login.state,
            code_verifier=login.code_verifier,
            scopes=login.scopes,
            disable_auto_auth=login.switch_account,
        )
        response = redirect(address, status_code=302)
        if request.method != "HEAD":
            response.raw_headers += self.pending.set_cookies(request.headers, login)
        return response

    def read_attempt(self, request: Request, path: RequestPath) -> LoginAttempt:
        """What the link asks for. Raises RequestRefused for a link that connects an account, on another site."""
        running_loop()  # checked before the visitor leaves, because the callback needs it
        attempt = self.tiktok._login_links.read(read_query(request), path.mount)
        if attempt.user_id and not not_cross_site(request.headers):
            raise RequestRefused(
                "A link that connects a TikTok account was opened from a page of another site.",
                code="foreign_origin",
                status_code=403,
                hint=f"Write connect_url() into a page of {self.tiktok._site.origin}.",
            )
        return attempt

    async def begin(self, request: Request, attempt: LoginAttempt) -> PendingLogin:
        """A new login. Raises RequestRefused or LoginRequired for a request that cannot start it."""
        self.check(request, attempt)
        scopes = dict.fromkeys((*self.client.scopes, *attempt.scopes, *await self.granted_before(request, attempt)))
        if request.method != "HEAD":
            # At DEBUG, because anyone can start logins; and before a frame holds the state.
            self.events.report(Event.LOGIN_STARTED, "login started", level=logging.DEBUG, flow=attempt.flow)
        return PendingLogin(
            next_path=attempt.next_path,
            scopes=tuple(scopes),
            params=attempt.params,
            switch_account=attempt.switch_account,
            user_id=attempt.user_id,
            route=attempt.route,
            state=make_state(self.tiktok._keys, request.scope.get("scheme", "http"), request.headers),
            code_verifier=generate_code_verifier(),
            began_at=time.time(),
        )

    def check(self, request: Request, attempt: LoginAttempt) -> None:
        """Raise RequestRefused for scopes that the app does not declare, and LoginRequired for a `fetch()`."""
        if not set(attempt.scopes) <= set(self.tiktok._declared_scopes):
            raise RequestRefused(
                "The link requests a scope that the app does not declare.",
                code="undeclared_scope",
                status_code=400,
                hint="Add it to TikTok(optional_scopes=...).",
            )
        if is_background(request.headers):
            raise LoginRequired("Navigate to login_url, because a script cannot sign in with fetch().")

    async def granted_before(self, request: Request, attempt: LoginAttempt) -> list[str]:
        """The optional scopes that the signed-in user has granted, in this browser or another one.

        TikTok's new token has only the scopes that its login requests, so without these the user would lose them.
        A user who wants to switch accounts or to connect one is not asked to grant them for the other account.
        """
        session = tiktok_session(request)
        open_id = session.user.open_id
        if open_id is None or attempt.switch_account:
            return []
        granted = session.scopes
        try:
            granted += await self.tiktok._tokens.scopes_of(open_id)
        except StoreError as error:
            self.events.store_failed("login requests only the scopes of the session", error)
        return [scope for scope in granted if scope in self.tiktok._optional_scopes]
