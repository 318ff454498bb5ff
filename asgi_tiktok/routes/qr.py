"""Login by QR code: a page with a code that a phone scans, which follows the login to its end.

The login is pending in a cookie, like one that leads to TikTok in this browser, and ends in the same kind of session.
Only the browser with the cookie gets it, however many people see the code. Nothing is stored before the login is
confirmed.
"""

import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from asgi_tiktok.client.callback import Callback
from asgi_tiktok.client.qr import QRClient, QRResult
from asgi_tiktok.client.qr_polls import Poll, Polls, too_many
from asgi_tiktok.crypto.keys import Unreadable
from asgi_tiktok.crypto.redaction import without_traceback
from asgi_tiktok.errors import Cause, LoginLost, RequestRefused, StoreError, TikTokError, Unavailable
from asgi_tiktok.events.event import login_event
from asgi_tiktok.http.fetch_metadata import wants_json
from asgi_tiktok.http.login_link import LoginAttempt
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.http.query import read_query
from asgi_tiktok.models import Token
from asgi_tiktok.routes import lost_logins
from asgi_tiktok.routes.callback import LoginCallback
from asgi_tiktok.routes.error_responses import ErrorResponses
from asgi_tiktok.routes.login import Login
from asgi_tiktok.routes.pages import HEADERS, redirect
from asgi_tiktok.routes.pending import PendingLogin
from asgi_tiktok.routes.qr_page import qr_page
from asgi_tiktok.tiktok import TikTok

ROUTE = "qr"
ATTEMPT = LoginAttempt(route=ROUTE)


class QRLogins:
    """Starts and follows logins by QR code."""

    def __init__(
        self,
        tiktok: TikTok,
        polls: Polls,
        error_responses: ErrorResponses,
        login: Login,
        callback: LoginCallback,
    ) -> None:
        self.client = tiktok._client
        self.qr_client = QRClient(tiktok._client)
        self.site = tiktok._site
        self.login_links = tiktok._login_links
        self.texts = tiktok._texts
        self.logins = tiktok._logins
        self.error_responses = error_responses
        self.login = login
        self.callback = callback
        self.pending = callback.pending
        self.polls = polls

    async def respond(self, request: Request, path: RequestPath) -> Response:
        """Start a login. If the request comes from a page that shows a code, continue with the login of that code."""
        name = read_query(request).get("login")
        return await (self.start(request, path) if name is None else self.proceed(request, path, name))

    async def start(self, request: Request, path: RequestPath) -> Response:
        """Redirect to the page with a new code, with the cookie that remembers this login."""
        attempt = replace(self.login.read_attempt(request, path), route=ROUTE)
        if attempt.user_id:
            raise RequestRefused(
                "A link of connect_url() was changed so that a phone would connect its TikTok account: anyone who "
                "scans the code could be made to connect theirs to this user.",
                code="connect_link",
                status_code=403,
                hint="Use the link of connect_url() unchanged.",
            )
        try:
            login = await self.login.begin(request, attempt)
            login = await self.with_code(login)
        except TikTokError as error:
            return await self.error_responses.respond(request, error, path, attempt)
        name = self.pending.cookie_name(login.state).removeprefix(self.pending.cookies.login_prefix)
        response = redirect(self.site.url(self.site.optional_route(ROUTE), path.mount, login=name))
        response.raw_headers += self.pending.set_cookies(request.headers, login)
        return response

    async def with_code(self, login: PendingLogin) -> PendingLogin:
        """The login with a code of TikTok. Raises RequestRefused if there are too many."""
        poll = self.polls.follow(self.pending.cookie_name(login.state))
        if poll is None:
            raise too_many()
        with self.polls.asking(poll) as may_ask:
            if not may_ask:
                raise too_many()
            code = await self.qr_client.begin(scopes=login.scopes, ticket=login.state)
        return replace(login, qr_text=code.text, qr_token=code.token)

    async def proceed(self, request: Request, path: RequestPath, name: str) -> Response:
        """Respond to a page that shows the code, or to its script: the end of the login, or its progress."""
        by_script = wants_json(request.headers)
        try:
            login = self.find_pending(request, name)
        except TikTokError as error:
            if by_script:
                return progress_json("ended")  # the page loads again, and gets the error
            await self.callback.hooks.fail_login(error, request)
            event = login_event(error)
            return await self.error_responses.respond(request, error, path, ATTEMPT, event=event, flow=ATTEMPT.flow)
        try:
            # Shielded, because TikTok returns the code once: if the browser has gone, the session waits for it.
            response, progress = await self.logins.run(self.advance(request, path, login))
        except TikTokError as error:
            if by_script:
                return progress_json("ended")
            return await self.callback.fail(request, path, error, login, ended=True)
        if by_script:
            return progress_json(progress) if response is None else as_json(response)
        return response or self.page(request, login, path, progress)

    def find_pending(self, request: Request, name: str) -> PendingLogin:
        """The login by QR code that began in this browser. Raises LoginLost if there is none."""
        try:
            login = self.pending.find_named(request.headers, self.pending.cookies.login_prefix + name)
        except Unreadable:
            raise lost_logins.key_gone() from None
        if login is None or login.route != ROUTE:
            raise LoginLost(
                Cause.NO_COOKIE,
                "This browser has no cookie for this QR code: it shows the code of another browser, does not keep "
                "cookies, or has completed or ended the login.",
            )
        return login

    async def advance(self, request: Request, path: RequestPath, login: PendingLogin) -> tuple[Response | None, str]:
        """The response that ends the login, or None and its progress. Raises the error that has ended it."""
        poll = self.polls.follow(self.pending.cookie_name(login.state))
        if poll is None:
            return None, "unavailable"
        try:
            if poll.error is not None:
                raise poll.error
            response = await self.ask(request, path, login, poll)
        except TikTokError as error:
            if not (isinstance(error, Unavailable | StoreError) or error.code == "busy"):
                poll.error = without_traceback(error)
                raise
            self.error_responses.warn("login by QR code waits", error)
            return None, "unavailable"
        return response, poll.progress

    async def ask(self, request: Request, path: RequestPath, login: PendingLogin, poll: Poll) -> Response | None:
        """Ask TikTok, if it may be asked now, and complete a confirmed login."""
        arrived_at = time.time()
        if login.is_expired:
            raise lost_logins.expired()
        if poll.is_used:
            return await self.callback.repeat_outcome(request, path, login, arrived_at)
        with self.polls.asking(poll) as may_ask:
            if not may_ask:
                return None
            result = poll.confirmed or await self.qr_client.check(login.qr_token, ticket=login.state)
            if result.callback is not None:
                poll.confirmed = result
                response = await self.complete(request, path, login, result, result.callback)
                poll.is_used, poll.confirmed = True, None
                return response or await self.callback.repeat_outcome(request, path, login, arrived_at)
            if result.status in ("utilised", "expired"):
                # Perhaps another process has completed it, and this browser has lost the response.
                if await self.callback.used.find(self.callback.used.name_of(login.state)) is not None:
                    poll.is_used = True
                    return await self.callback.repeat_outcome(request, path, login, arrived_at)
                if result.status == "expired":
                    raise LoginLost(Cause.EXPIRED, "The QR code has expired, or the user has cancelled on the phone.")
            poll.progress = "new" if result.status == "new" else "scanned"
            return None

    async def complete(
        self, request: Request, path: RequestPath, login: PendingLogin, result: QRResult, callback: Callback
    ) -> Response | None:
        """Complete the login, unless another process has begun to. Raises TikTok's error, or if no code was sent."""
        if callback.error is not None:
            raise callback.error

        def exchange() -> Coroutine[Any, Any, Token]:
            return self.client.fetch_token(callback.code or "", redirect_uri=result.redirect_uri, scopes=login.scopes)

        return await self.callback.complete_once(request, path, login, exchange)

    def page(self, request: Request, login: PendingLogin, path: RequestPath, progress: str) -> Response:
        endpoints = self.client._endpoints
        phone = f"{endpoints.api}/_emulator/phone?{urlencode({'code': login.qr_text})}"
        return qr_page(
            self.error_responses.pages,
            self.texts.for_visitor(request.headers, "qr.title"),
            login.qr_text,
            progress,
            login_url=self.login_links.write(replace(login.attempt, route=""), path.mount),
            back=self.site.default_next,
            phone_url=None if self.site.secure or endpoints.is_tiktok else phone,
        )


def progress_json(progress: str) -> Response:
    return JSONResponse({"progress": progress}, headers=HEADERS)


def as_json(response: Response) -> Response:
    """The end of a login for the script: where the page must go, with the session's cookie.

    After an error, the page loads again and gets the error once more, with the cookie of the login.
    """
    if response.status_code != 303:
        return progress_json("ended")
    answer = JSONResponse({"next": response.headers["location"]}, headers=HEADERS)
    answer.raw_headers += [header for header in response.raw_headers if header[0] == b"set-cookie"]
    return answer
