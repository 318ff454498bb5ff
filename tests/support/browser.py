"""A browser in front of an ASGI app that follows the rules on which our cookies depend.

It implements cookies (RFC 6265bis §5), `Origin` (Fetch) and `Sec-Fetch-*` (Fetch Metadata), but runs no scripts.
"""

from collections.abc import Iterable
from urllib.parse import unquote

from starlette.types import ASGIApp

from asgi_tiktok.emulator import Emulator, Person
from tests.support.cookies import CookieJar
from tests.support.requests import RawHeaders, RawResponse, open_websocket, send_request
from tests.support.settings import LOGIN, LOGOUT, ORIGIN, SESSION_COOKIE
from tests.support.urls import URL


class Browser:
    """The browser of one person.

    Attributes:
        app: The site. It may be replaced during a test, for example by another worker.
        emulator: The TikTok at which the person approves logins.
        home: The URL of the site. Relative addresses are resolved against it.
        prefix: The path at which the site is mounted.
        jar: The cookies.
    """

    def __init__(self, app: ASGIApp, emulator: Emulator, *, home: str = ORIGIN, prefix: str = "") -> None:
        self.app = app
        self.emulator = emulator
        self.home = URL.parse(home)
        self.prefix = prefix
        self.jar = CookieJar()

    async def request(
        self,
        address: str,
        *,
        method: str = "GET",
        page: str | None = None,
        top_level: bool = True,
        headers: RawHeaders = (),
        body: bytes = b"",
        fetch_metadata: bool = True,
    ) -> RawResponse:
        """Send one request. Redirects are not followed.

        `page` is the URL of the page that causes the request. None: the person typed the address. `top_level` is
        False for an image, a frame or a script. `fetch_metadata` is False for a browser that sends no `Sec-Fetch-*`.
        """
        url = self.home.join(address)
        page_url = None if page is None else URL.parse(page)
        same_site = page_url is None or page_url.site == url.site
        cookie = self.jar.cookie_header(url, same_site=same_site, top_level=top_level, safe=method in ("GET", "HEAD"))
        sent = [("host", url.origin.partition("//")[2]), ("user-agent", "Browser/1.0"), *headers]
        sent += [("accept", "text/html" if top_level else "*/*")]
        if cookie:
            sent.append(("cookie", cookie))
        if fetch_metadata:
            sent += [("sec-fetch-site", sec_fetch_site(page_url, url))]
            sent += [("sec-fetch-mode", "navigate" if top_level else "no-cors")]
        if page_url is not None and method not in ("GET", "HEAD"):
            sent.append(("origin", page_url.origin))
        response = await send_request(
            self.app, method, unquote(url.path), query=url.query.encode(), headers=sent, body=body, scheme=url.scheme
        )
        for line in response.headers.getlist("set-cookie"):
            self.jar.store(url, line, same_site=same_site, top_level=top_level)
        response.url = str(url)
        return response

    async def visit(self, address: str, *, page: str | None = None, person: Person | None = None) -> RawResponse:
        """Open a page and follow redirects. If they lead to TikTok, approve the login there."""
        url = self.home.join(address)
        for _ in range(10):
            if url.origin != self.home.origin:
                page, url = str(url), URL.parse(self.emulator.consent(str(url), person))
            response = await self.request(str(url), page=page)
            if response.status not in (301, 302, 303, 307, 308):
                return response
            url = url.join(response.location)
        raise AssertionError(f"{address} redirects in a loop")

    async def start_login(self, query: str = "") -> str:
        """Open the login and return the URL at TikTok that it redirects to."""
        response = await self.request(f"{self.prefix}{LOGIN}?{query}", page=str(self.home))
        assert response.status == 302, response.text
        return response.location

    async def approve_login(
        self, query: str = "next=/me", person: Person | None = None, scopes: Iterable[str] | None = None
    ) -> str:
        """Start a login, approve it at TikTok, and return the callback URL that TikTok redirects to."""
        return self.emulator.consent(await self.start_login(query), person, scopes)

    async def sign_in(self, person: Person | None = None, query: str = "") -> RawResponse:
        """Sign in and return the page that follows."""
        response = await self.visit(await self.approve_login(query or f"next={self.prefix}/me", person))
        assert response.status == 200, response.text
        return response

    async def sign_out(self) -> RawResponse:
        return await self.request(f"{self.prefix}{LOGOUT}", method="POST", page=str(self.home))

    async def display_name(self) -> str:
        """Return the name of the user whom the app sees, or "" for an anonymous visitor."""
        return str((await self.request(f"{self.prefix}/me")).json()["name"])

    async def open_websocket(self, path: str, *, page: str = ORIGIN, query: bytes = b"") -> RawResponse:
        """Open a WebSocket from a page. See `tests.support.requests.open_websocket`."""
        url, page_url = self.home.join(path), URL.parse(page)
        headers = [("host", url.host), ("origin", page_url.origin)]
        cookie = self.jar.cookie_header(url, same_site=page_url.site == url.site, top_level=False)
        return await open_websocket(
            self.app, unquote(url.path), query=query, headers=[*headers, ("cookie", cookie)] if cookie else headers
        )

    @property
    def session_cookie(self) -> str:
        """The value of the session cookie, whose name has a suffix if the site is mounted."""
        return next(cookie.value for cookie in self.jar if cookie.name.startswith(SESSION_COOKIE))


def sec_fetch_site(page: URL | None, url: URL) -> str:
    """Return the value of `Sec-Fetch-Site` for a request of the page to the URL."""
    if page is None:
        return "none"
    if page.origin == url.origin:
        return "same-origin"
    return "same-site" if page.site == url.site else "cross-site"
