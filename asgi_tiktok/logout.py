"""Sign-out of one browser. The TikTok account stays connected to the app."""

import secrets
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from asgi_tiktok.cookies import CookieJar, Header
from asgi_tiktok.errors import RequestRefused
from asgi_tiktok.fetch_metadata import is_same_origin
from asgi_tiktok.hooks import Hooks
from asgi_tiktok.pages import logout_page
from asgi_tiktok.sessions import Sessions
from asgi_tiktok.site import Site

LARGEST_FORM = 1024  # bytes


class Logout:
    """Asks on GET, ends the session on a POST from this very site."""

    def __init__(self, site: Site, cookies: CookieJar, sessions: Sessions, hooks: Hooks) -> None:
        self.site = site
        self.cookies = cookies
        self.sessions = sessions
        self.hooks = hooks

    def ask(self, request: Request) -> Response:
        """The page with the button; nothing changes yet."""
        root_path = request.scope.get("root_path", "")
        next_path = self.next_path(request)
        action = self.site.url(self.site.logout, root_path, next=next_path)
        return logout_page(action=action, csrf_token=self.csrf_token(request) or "", back=next_path)

    async def end(self, request: Request, set_cookies: list[Header]) -> Response:
        """End the session and its cookie: 303 to `next`.

        Raises RequestRefused, before anything changes, unless a page of this site asked; StoreError, with
        the cookie gone all the same.
        """
        same_origin = is_same_origin(request.headers, self.site.origin)
        if same_origin is None and self.csrf_token(request) is None:
            # Nobody to sign out; and a deletion that nobody vouches for could sign out somebody whose
            # cookie was withheld because another site asked.
            return RedirectResponse(self.next_path(request), status_code=303)
        if not (same_origin or (same_origin is None and await self.has_proof(request))):
            raise RequestRefused(
                "A sign-out must come from a page of this site.",
                code="foreign_origin",
                status_code=403,
                hint=f"POST from a page of {self.site.origin}, the origin of redirect_uri.",
            )
        set_cookies.append(self.cookies.expire(self.cookies.session))
        session = await self.sessions.end_found(request.headers.raw)
        if session is not None:
            await self.hooks.log_out(session.user, request)
        return RedirectResponse(self.next_path(request), status_code=303)

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

    def next_path(self, request: Request) -> str:
        asked = request.query_params.getlist("next")
        return self.site.next_path(asked[0] if len(asked) == 1 else None, request.scope.get("root_path", ""))


async def read_form(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            return ""
    return body.decode("latin-1")
