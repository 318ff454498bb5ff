"""Sign-out of one browser. The TikTok account stays connected to the app."""

import secrets
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.errors import RequestRefused, StoreError
from asgi_tiktok.http.fetch_metadata import is_same_origin
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.routes.error_responses import Responder
from asgi_tiktok.routes.pages import logout_page, redirect
from asgi_tiktok.tiktok import TikTok

LARGEST_FORM = 1024  # bytes


class Logout:
    """Asks on GET, ends the session on a POST from this very site."""

    def __init__(self, tiktok: TikTok, responder: Responder) -> None:
        self.site = tiktok.site
        self.cookies = tiktok.cookies
        self.sessions = tiktok.sessions
        self.hooks = tiktok.hooks
        self.responder = responder

    def ask(self, request: Request, path: RequestPath) -> Response:
        """The page with the button; nothing changes yet."""
        next_path = self.next_path(request, path)
        action = self.site.url(self.site.logout, path.mount, next=next_path)
        return logout_page(action=action, csrf_token=self.csrf_token(request) or "", back=next_path)

    async def end(self, request: Request, path: RequestPath) -> Response:
        """End the session and its cookie: 303 to `next`, or 503 if the store fails; the cookie is gone in both cases.

        Raises RequestRefused, before anything changes, unless a page of this site asked.
        """
        same_origin = is_same_origin(request.headers, self.site.origin)
        if same_origin is None and self.csrf_token(request) is None:
            # Nobody to sign out; and a deletion that nobody vouches for could sign out somebody whose
            # cookie was withheld because another site asked.
            return redirect(self.next_path(request, path))
        if not (same_origin or (same_origin is None and await self.has_proof(request))):
            raise RequestRefused(
                "A sign-out must come from a page of this site.",
                code="foreign_origin",
                status_code=403,
                hint=f"POST from a page of {self.site.origin}, the origin of redirect_uri.",
            )
        response = redirect(self.next_path(request, path))
        try:
            session = await self.sessions.end_found(request.headers.raw)
        except StoreError as error:
            response = await self.responder.respond(request, error, path)
        else:
            if session is not None:
                await self.hooks.log_out(session.user, request)
        response.raw_headers.append(self.cookies.expire(self.cookies.session))
        return response

    async def has_proof(self, request: Request) -> bool:
        expected = self.csrf_token(request) or ""
        form = dict(parse_qsl(await read_form(request)))
        return secrets.compare_digest(form.get("csrf_token", "").encode(), expected.encode())

    def csrf_token(self, request: Request) -> str | None:
        """What proves a sign-out to be ours where the browser does not; None without a session."""
        found = self.sessions.find(request.headers.raw)
        if found is None:
            return None
        key, session_id = found
        return key.digest("logout", session_id).hex()

    def next_path(self, request: Request, path: RequestPath) -> str:
        asked = request.query_params.getlist("next")
        return self.site.next_path(asked[0] if len(asked) == 1 else None, path.mount)


async def read_form(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            return ""
    return body.decode("latin-1")
