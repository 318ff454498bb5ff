"""Our own routes: login, callback, logout, session and webhook."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from asgi_tiktok.errors import RequestRefused, TikTokError
from asgi_tiktok.http.fetch_metadata import is_prefetch
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.routes.error_responses import Responder
from asgi_tiktok.routes.login import Login
from asgi_tiktok.routes.logout import Logout
from asgi_tiktok.routes.pages import HEADERS
from asgi_tiktok.routes.webhooks import Webhooks
from asgi_tiktok.tiktok import TikTok


class Routes:
    """Answers the requests for one TikTok app's routes."""

    def __init__(self, tiktok: TikTok, responder: Responder) -> None:
        self.tiktok = tiktok
        self.responder = responder
        self.login = Login(tiktok, responder)
        self.logout = Logout(tiktok, responder)
        self.webhooks = Webhooks(tiktok)
        site = tiktok.site
        self.methods = {
            site.callback: ("GET",),
            site.login: ("GET", "HEAD"),
            site.logout: ("GET", "HEAD", "POST"),
            site.session: ("GET", "HEAD"),
            site.webhook: ("POST",),
        }

    async def respond(self, path: RequestPath, request: Request) -> Response:
        """The response to a request for this route, also where it is an error."""
        route = self.tiktok.site.callback if path.whole == self.tiktok.site.callback else path.below
        query = request.scope["query_string"]
        if route == self.tiktok.site.callback:
            request.scope["query_string"] = b""  # for access logs, which servers write from the scope
        try:
            return await self.handle(route, path, request, query)
        except TikTokError as error:
            response = await self.responder.respond(request, error, path)
            if error.status_code == 405:
                response.headers["Allow"] = ", ".join(self.methods[route])
            return response

    async def handle(self, route: str, path: RequestPath, request: Request, query: bytes) -> Response:
        site, method = self.tiktok.site, request.method
        if method == "OPTIONS":
            return Response(status_code=204, headers={**HEADERS, "Allow": ", ".join(self.methods[route])})
        if method not in self.methods[route]:
            raise RequestRefused(f"{route} has no such method.", code="method_not_allowed", status_code=405)
        if is_prefetch(request.headers):
            # Nobody has clicked yet. 503 makes a browser ask again on the click; a code is left untouched.
            return Response(status_code=204 if route == site.callback else 503, headers=HEADERS)
        if route == site.callback:
            return await self.login.callback(request, path, query)
        if route == site.login:
            return self.login.start(request, path)
        if route == site.logout and method == "POST":
            return await self.logout.end(request, path)
        if route == site.webhook:
            return await self.webhooks.receive(request)
        if route == site.logout:
            return self.logout.ask(request, path)
        return await self.session(request)

    async def session(self, request: Request) -> Response:
        session = await self.tiktok.sessions.load(request.headers.raw)
        if session is None:
            return JSONResponse({"user": None}, headers=HEADERS)
        return JSONResponse({"user": session.user.to_dict(), "scopes": session.scopes}, headers=HEADERS)
