"""The user of this browser as JSON, for single-page apps."""

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from asgi_tiktok.errors import RequestRefused
from asgi_tiktok.http.fetch_metadata import is_same_origin
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.http.query import read_query
from asgi_tiktok.routes.pages import HEADERS
from asgi_tiktok.session import tiktok_session
from asgi_tiktok.tiktok import TikTok


class CurrentSession:
    """Responds with the user; with `sessions=1`, also with the browsers that are signed in."""

    def __init__(self, tiktok: TikTok) -> None:
        self.tiktok = tiktok

    async def respond(self, request: Request, path: RequestPath) -> Response:
        session = tiktok_session(request)._session
        content: dict[str, Any] = {"user": None}
        if session is not None:
            content = {"user": session.user.to_dict(), "scopes": session.scopes}
        if read_query(request).get("sessions") == "1":
            origin = self.tiktok._site.origin
            if is_same_origin(request.headers, origin) is False:
                raise RequestRefused(
                    "The sessions of a user are for pages of this site only.",
                    code="foreign_origin",
                    status_code=403,
                    hint=f"Call fetch() in a page of {origin}.",
                )
            browsers = [] if session is None else await self.tiktok.sessions_of(session.user.open_id)
            current = session and session.id
            content["sessions"] = [{**asdict(each), "current": each.id == current} for each in browsers]
        return JSONResponse(content, headers=HEADERS)
