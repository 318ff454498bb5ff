"""Sign-out of one browser. The TikTok account stays connected to the app."""

import secrets
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.errors import RequestRefused, StoreError
from asgi_tiktok.events.event import Event
from asgi_tiktok.http.body import read_body
from asgi_tiktok.http.fetch_metadata import is_form_of_private_page, is_from, is_same_origin
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.http.query import read_query
from asgi_tiktok.routes.error_responses import ErrorResponses
from asgi_tiktok.routes.pages import redirect
from asgi_tiktok.tiktok import TikTok

MAX_FORM = 1024  # bytes


class Logout:
    """Asks on GET; ends the session on a POST from this site or from a trusted origin."""

    def __init__(self, tiktok: TikTok, error_responses: ErrorResponses) -> None:
        self.site = tiktok._site
        self.cookies = tiktok._cookies
        self.sessions = tiktok._sessions
        self.hooks = tiktok._hooks
        self.texts = tiktok._texts
        self.events = tiktok._events
        self.error_responses = error_responses
        self.pages = error_responses.pages

    async def respond(self, request: Request, path: RequestPath) -> Response:
        return await self.end(request, path) if request.method == "POST" else self.ask(request, path)

    def ask(self, request: Request, path: RequestPath) -> Response:
        """The page with the button. Nothing changes yet."""
        next_path = self.site.requested_next(read_query(request), path.mount)
        action = self.site.url(self.site.logout, path.mount, next=next_path)
        texts = self.texts.for_visitor(request.headers, "sign_out.title")
        return self.pages.sign_out(texts, action=action, csrf_token=self.csrf_token(request) or "", back=next_path)

    async def end(self, request: Request, path: RequestPath) -> Response:
        """End the session and delete its cookie: 303 or a page that leads to `next`, or 503 without the store.

        Raises RequestRefused, before anything changes, unless a page of this site or of a trusted origin sent the
        request.
        """
        same_origin = is_same_origin(request.headers, self.site.origin)
        if is_from(request.headers, self.site.trusted_origins):
            same_origin = True
        if same_origin is None and self.sessions.cookies.is_bearer(request.headers.raw):
            same_origin = True
        if same_origin is None and self.csrf_token(request) is None:
            # There is nobody to sign out. And if another site sent the request, the browser may have withheld the
            # cookie of a signed-in user, which must not be deleted.
            return redirect(self.site.requested_next(read_query(request), path.mount))
        if not (same_origin or (same_origin is None and await self.has_csrf_token(request))):
            raise self.foreign_origin(is_known=same_origin is not None)
        next_path = self.site.requested_next(read_query(request), path.mount)
        # The app may redirect from `next` to another origin. The `form-action` of our page would block the redirect.
        response = redirect(next_path)
        if is_form_of_private_page(request.headers):
            texts = self.texts.for_visitor(request.headers, "signed_out.title")
            response = self.pages.signed_out(texts, next_path)
        try:
            sessions = await self.sessions.end_of_browser(request.headers.raw)
        except StoreError as error:
            response = await self.error_responses.respond(request, error, path)
        else:
            for session in sessions:
                self.events.report(
                    Event.SIGN_OUT_DONE,
                    "signed out: session %s",
                    session.log_name,
                    open_id=session.user.open_id,
                    session=session.log_name,
                )
                await self.hooks.log_out(session.user, request)
        response.raw_headers.append(self.cookies.expire(self.cookies.session))
        return response

    def foreign_origin(self, *, is_known: bool) -> RequestRefused:
        origin = self.site.origin
        fix = f'Send the header Origin. In a test: client.post(..., headers={{"Origin": "{origin}"}}).'
        if is_known:
            fix = (
                f"POST from a page of {origin}, the origin of redirect_uri, or add the origin of the page to "
                "TikTok(trusted_origins=...)."
            )
        description = "A sign-out must come from a page of this site."
        return RequestRefused(description, code="foreign_origin", status_code=403, hint=fix)

    async def has_csrf_token(self, request: Request) -> bool:
        expected = self.csrf_token(request) or ""
        form = dict(parse_qsl((await read_body(request, MAX_FORM) or b"").decode("latin-1")))
        return secrets.compare_digest(form.get("csrf_token", "").encode(), expected.encode())

    def csrf_token(self, request: Request) -> str | None:
        """The token that proves a sign-out to be ours if the browser's headers do not; None without a session.

        It covers all sessions of the browser, so that nobody can make it who has planted one of them.
        """
        cookies = sorted(self.sessions.cookies.find_all(request.headers.raw), key=lambda cookie: cookie.name)
        names = " ".join(cookie.name for cookie in cookies)
        return cookies[0].key.digest("logout", names.encode()).hex() if cookies else None
