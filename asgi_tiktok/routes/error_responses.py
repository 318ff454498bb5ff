"""Errors as answers: a page, JSON, or what the app's `on_error` makes of them; and one line in the log."""

import logging
import secrets
from collections.abc import Awaitable, Callable
from inspect import isawaitable

from starlette.requests import HTTPConnection
from starlette.responses import Response

from asgi_tiktok.crypto.redaction import bare
from asgi_tiktok.errors import AccessDenied, LoginRequired, TikTokError, Unavailable, WebhookRefused
from asgi_tiktok.http.fetch_metadata import is_navigation, wants_json
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.http.site import Site
from asgi_tiktok.routes.log_limiter import FloodGate
from asgi_tiktok.routes.pages import error_json, error_page
from asgi_tiktok.session import introduced

logger = logging.getLogger("asgi_tiktok")

OnError = Callable[[HTTPConnection, TikTokError], Response | Awaitable[Response]]


class Responder:
    """Turns errors into answers for one site."""

    def __init__(self, site: Site, on_error: OnError | None) -> None:
        self.site = site
        self.on_error = on_error
        self.gate = FloodGate(logger)

    async def respond(
        self, connection: HTTPConnection, error: TikTokError, path: RequestPath, *, next_path: str | None = None
    ) -> Response:
        """The answer to an error; its button starts a login that leads to `next_path`."""
        reference = secrets.token_hex(4)
        self.gate.log(level_of(error), error.code, "%s | reference %s", error, reference)
        response = await self.own_response(connection, error)
        if response is not None:
            response.headers["Cache-Control"] = "no-store"
            response.headers.setdefault("Referrer-Policy", "no-referrer")
            return response
        login_url = self.login_url(connection, error, path, next_path)
        headers = connection.headers
        for_scripts = isinstance(error, WebhookRefused) or path.below in (self.site.session, self.site.webhook)
        by_script = wants_json(headers) or (isinstance(error, LoginRequired) and not is_navigation(headers))
        if for_scripts or by_script:
            return error_json(error, login_url=login_url, reference=reference)
        return error_page(
            error,
            login_url=login_url,
            back=self.site.default_next,
            reference=reference,
            for_developer=not self.site.secure,
        )

    def login_url(
        self, connection: HTTPConnection, error: TikTokError, path: RequestPath, next_path: str | None
    ) -> str:
        """The login that cures the error."""
        session = introduced(connection.scope)
        scopes: list[str] = []
        if isinstance(error, LoginRequired):
            scopes += error.scopes
            # A login grants anew: one guard's scopes must not cost those that another has asked for.
            scopes += (
                [scope for scope in session.scopes if scope in session.tiktok.optional_scopes] if session else []
            )
        return self.site.url(self.site.login, path.mount, next=next_path, scopes=",".join(dict.fromkeys(scopes)))

    async def own_response(self, connection: HTTPConnection, error: TikTokError) -> Response | None:
        """What the app's `on_error` makes of it; None without one, and where it fails itself."""
        if self.on_error is None:
            return None
        try:
            answer = self.on_error(connection, bare(error))
            response: object = await answer if isawaitable(answer) else answer
        except Exception:
            logger.exception("on_error failed, so the visitor sees our page")
            return None
        if not isinstance(response, Response):
            logger.error("on_error returned %s, which is no Starlette response", type(response).__name__)
            return None
        return response


def level_of(error: TikTokError) -> int:
    if isinstance(error, LoginRequired):
        return logging.DEBUG
    if isinstance(error, AccessDenied):
        return logging.INFO
    if error.status_code >= 500 and not isinstance(error, Unavailable):
        return logging.ERROR
    return logging.WARNING
