"""Responses to errors: a page, JSON, or the response of the app's `on_error`. Each error is logged once."""

import logging
import secrets
from copy import copy
from dataclasses import replace
from inspect import isawaitable

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok.accounts.tokens import SIGN_IN_AGAIN
from asgi_tiktok.crypto.redaction import without_traceback
from asgi_tiktok.errors import (
    AccessDenied,
    ConfigurationError,
    ConnectRefused,
    LoginRequired,
    RequestRefused,
    ScopeRequired,
    TikTokError,
    Unavailable,
    WebhookRefused,
)
from asgi_tiktok.events.event import Event, error_event
from asgi_tiktok.http.fetch_metadata import is_navigation, wants_json
from asgi_tiktok.http.login_link import NO_ATTEMPT, LoginAttempt
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.http.protection import has_one_reading
from asgi_tiktok.http.response import without_caching
from asgi_tiktok.routes.messages import code_of, message_of
from asgi_tiktok.routes.options import OnError
from asgi_tiktok.routes.pages import Pages, error_json, redirect
from asgi_tiktok.session import TikTokSession, session_in_scope
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import check_callable

logger = logging.getLogger("asgi_tiktok")


class ErrorResponses:
    """Turns the errors of one middleware into responses."""

    def __init__(self, tiktok: TikTok, app: ASGIApp, on_error: OnError | None) -> None:
        if on_error is not None:
            check_callable("on_error", on_error, "Write def on_error(connection, error) -> Response.")
        self.tiktok = tiktok
        self.app = app
        self.site = tiktok._site
        self.on_error = on_error
        self.pages = Pages(tiktok)
        self.events = tiktok._events
        self.routes_for_scripts = {self.site.session, self.site.webhook, self.site.optional_route("native")}

    async def respond(
        self,
        connection: HTTPConnection,
        error: TikTokError,
        path: RequestPath,
        attempt: LoginAttempt = NO_ATTEMPT,
        *,
        event: Event | None = None,
        **fields: str | None,
    ) -> Response:
        """Report the error, and respond to it. The button starts a login that asks for the same as the attempt."""
        reference = secrets.token_hex(4)
        self.events.report(
            event or error_event(error),
            "%s | reference %s",
            error,
            reference,
            level=level_of(error),
            kind=error.code,
            error=error,
            is_outcome=True,
            reference=reference,
            **fields,
        )
        attempt = solution(connection, error, attempt)
        response = await self.response_of_app(connection, error, path, attempt)
        if response is not None:
            # A copy, because the app may return one object for all visitors, and callers add our cookies to it.
            response = copy(response)
            vars(response).pop("_headers", None)
            response.raw_headers = [*without_caching(response.raw_headers), (b"cache-control", b"no-store")]
            response.headers.setdefault("Referrer-Policy", "no-referrer")
            return response
        login_url = self.tiktok._login_links.write(attempt, path.mount)
        headers = connection.headers
        code = code_of(error, flow="connect" if attempt.user_id else attempt.route)
        texts = self.tiktok._texts.for_visitor(headers, f"{code}.title")
        message = message_of(code, texts)
        for_scripts = isinstance(error, WebhookRefused) or path.below in self.routes_for_scripts
        by_script = wants_json(headers) or (isinstance(error, LoginRequired) and not is_navigation(headers))
        if for_scripts or by_script:
            return error_json(
                error,
                texts,
                message,
                login_url=login_url,
                reference=reference,
                for_developer=self.site.is_local,
            )
        return self.pages.error(
            error,
            texts,
            message,
            login_url=login_url,
            back=(attempt.user_id and attempt.next_path) or self.site.default_next,
            reference=reference,
            # A cancelled login is nobody's mistake.
            for_developer=not self.site.secure and not isinstance(error, AccessDenied),
        )

    async def refuse(self, scope: Scope, receive: Receive, send: Send, error: TikTokError, path: RequestPath) -> None:
        """Respond instead of the app: redirect an anonymous visitor's page request to the login, explain the rest.

        A signed-in user is asked before they leave for TikTok. Below a mount that is not safe, the response is 404.
        No login leads back to a path that routers read differently.
        """
        connection = HTTPConnection(scope)
        reads = scope["method"] in ("GET", "HEAD") and has_one_reading(path, scope)
        page = self.site.page(path, scope.get("query_string", b"")) if reads else None
        attempt = LoginAttempt(next_path=page or "")
        if not self.site.is_safe_mount(path.mount):
            error = unsafe_mount()
        elif isinstance(error, LoginRequired):
            try:
                self.tiktok._check_declared(error.scopes)
            except ConfigurationError as undeclared:
                error = undeclared
            else:
                error = with_path(error, path, scope)
        # Not scope["user"], because the app may have replaced it.
        session = session_in_scope(scope)
        signed_in = session is not None and session.user.is_authenticated
        to_login = isinstance(error, LoginRequired) and not isinstance(error, ConnectRefused)
        if to_login and signed_in and not isinstance(error, ScopeRequired):
            error.hint = SIGN_IN_AGAIN  # frameworks turn the error into a response, which has no hint
        if to_login and not signed_in and reads and is_navigation(connection.headers):
            response = redirect(self.tiktok._login_links.write(solution(connection, error, attempt), path.mount))
        else:
            response = await self.respond(connection, error, path, attempt)
        await response(scope, receive, send)

    async def refuse_websocket(
        self, scope: Scope, receive: Receive, send: Send, error: TikTokError, path: RequestPath
    ) -> None:
        """Refuse the handshake, with a response if the server supports it (ASGI: WebSocket Denial Response)."""
        error = with_path(error, path, scope)
        if "websocket.http.response" in (scope.get("extensions") or {}):
            response = await self.respond(HTTPConnection(scope), error, path)
            await response(scope, receive, send)
        else:
            if error.code == "unclear_path":
                self.warn("WebSocket refused", error)
            await send({"type": "websocket.close", "code": 1008})

    def refuse_unknown(self, scope: Scope) -> None:
        """Log that a connection of a type that ASGI does not define was not passed on to a protected path."""
        error = RequestRefused(f"{scope['type']!r} is not a type of ASGI.", code="unknown_type", status_code=403)
        self.warn("connection to a protected path refused", error)

    def warn(self, consequence: str, error: TikTokError) -> None:
        """Report an error that needs no response."""
        event, kind = error_event(error), error.code
        self.events.report(
            event, "%s: %s", consequence, error, level=logging.WARNING, kind=kind, error=error, is_outcome=False
        )

    def name_app(self, scope: Scope) -> None:
        """Let the app's code use `url_for` and `request.app`, which Starlette provides for its own requests only."""
        scope.setdefault("app", self.app)

    async def response_of_app(
        self, connection: HTTPConnection, error: TikTokError, path: RequestPath, attempt: LoginAttempt
    ) -> Response | None:
        """The response of the app's `on_error`; None without one, and if it fails."""
        if self.on_error is None:
            return None
        self.name_app(connection.scope)
        if session := session_in_scope(connection.scope):
            # So that the app's own button starts the same login again.
            connection.scope["tiktok"] = TikTokSession(
                self.tiktok, session._session, path.mount, session._headers, attempt
            )
        try:
            returned = self.on_error(connection, without_traceback(error))
            response: object = await returned if isawaitable(returned) else returned
        except Exception:
            logger.exception("on_error failed, so the visitor gets the built-in page")
            return None
        if not isinstance(response, Response):
            logger.error("on_error returned %s, which is not a Starlette response", type(response).__name__)
            return None
        return response


def solution(connection: HTTPConnection, error: TikTokError, attempt: LoginAttempt) -> LoginAttempt:
    """The login that resolves the error."""
    if not isinstance(error, LoginRequired):
        return attempt
    scopes = attempt.scopes + error.scopes
    # A login replaces the granted scopes, so it must also request those that the user has.
    if (session := session_in_scope(connection.scope)) and not attempt.switch_account:
        scopes += session.scopes
    return replace(attempt, scopes=scopes)


def unsafe_mount() -> RequestRefused:
    """The error for a request below a mount that must not be in a link."""
    return RequestRefused(
        "The path at which the app is mounted could lead to another site, so no link can contain it.",
        code="unsafe_mount",
        status_code=404,
        hint="If your mounts have parameters, let them accept letters, digits, - and _ only.",
    )


def with_path(error: TikTokError, path: RequestPath, scope: Scope) -> TikTokError:
    """The error, or for a path that routers read differently one that is always logged."""
    if not isinstance(error, LoginRequired) or isinstance(error, ScopeRequired | ConnectRefused):
        return error
    if has_one_reading(path, scope):
        return error
    unclear = LoginRequired(
        "An anonymous visitor requested a path that routers read differently.", scopes=error.scopes
    )
    unclear.code = "unclear_path"
    return unclear


def level_of(error: TikTokError) -> int:
    if error.code == "unclear_path":
        return logging.WARNING
    if isinstance(error, LoginRequired):
        return logging.DEBUG
    if isinstance(error, AccessDenied):
        return logging.INFO
    if error.status_code >= 500 and not isinstance(error, Unavailable | RequestRefused):
        return logging.ERROR
    return logging.WARNING
