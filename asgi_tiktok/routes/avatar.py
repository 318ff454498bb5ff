"""The picture of the signed-in user, at an address that does not expire."""

from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.errors import LoginRequired, RequestRefused
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.routes.pages import redirect
from asgi_tiktok.session import tiktok_session
from asgi_tiktok.tiktok import TikTok

MAX_WAIT = 5  # seconds for TikTok's response; a page waits for its pictures
CACHING = "private, max-age=60"


class Avatar:
    """Redirects to the picture, with a new link if the profile was read more than ten minutes ago."""

    def __init__(self, tiktok: TikTok) -> None:
        self.tiktok = tiktok
        # The emulator draws its pictures itself, over http on loopback.
        self.safe_prefixes = ("https://", f"{tiktok._client._endpoints.api}/")

    async def respond(self, request: Request, path: RequestPath) -> Response:
        session = tiktok_session(request)._session
        if session is not None:
            await self.tiktok._profiles.freshen(session, seconds=MAX_WAIT)
            session = await self.tiktok._sessions.load(request.headers.raw)
        if session is None:
            raise LoginRequired("The picture is that of the signed-in user, and the visitor is anonymous.")
        link = session.user.avatar_url or ""
        if not link.startswith(self.safe_prefixes):
            raise RequestRefused("TikTok has returned no picture of this user.", code="no_picture", status_code=404)
        response = redirect(link)
        response.headers.update({"Cache-Control": CACHING, "Vary": "Authorization, Cookie"})
        response.headers["Cross-Origin-Resource-Policy"] = "same-site"
        del response.headers["Pragma"]
        return response
