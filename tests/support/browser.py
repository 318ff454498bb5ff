"""A browser that keeps to the rules which our cookies count on (RFC 6265bis §5, Fetch, Fetch Metadata)."""

from collections.abc import Iterable
from urllib.parse import unquote

from starlette.types import ASGIApp

from asgi_tiktok.emulator import Emulator, Person
from tests.support.cookies import Jar
from tests.support.requests import Answer, RawHeaders, ask, handshake
from tests.support.settings import ORIGIN, SESSION_COOKIE
from tests.support.urls import URL


class Browser:
    """Somebody's browser before one site, and TikTok behind it; `prefix` is where the site is mounted."""

    def __init__(self, app: ASGIApp, emulator: Emulator, *, home: str = ORIGIN, prefix: str = "") -> None:
        self.app = app
        self.emulator = emulator
        self.home = URL.of(home)
        self.prefix = prefix
        self.jar = Jar()

    async def open(
        self,
        address: str,
        *,
        method: str = "GET",
        page: str | None = None,
        top_level: bool = True,
        headers: RawHeaders = (),
        body: bytes = b"",
        says: bool = True,
    ) -> Answer:
        """One request, no redirect followed.

        `page` is the address of the page that asks, None for a person who typed; `top_level` is False for
        an image, a frame or a script; a browser that does not say (`says`) knows no Fetch Metadata.
        """
        url = self.home.join(address)
        asks = None if page is None else URL.of(page)
        same_site = asks is None or asks.site == url.site
        cookie = self.jar.header(url, same_site=same_site, top_level=top_level, safe=method in ("GET", "HEAD"))
        sent = [("host", url.origin.partition("//")[2]), ("user-agent", "Browser/1.0"), *headers]
        sent += [("accept", "text/html" if top_level else "*/*")]
        if cookie:
            sent.append(("cookie", cookie))
        if says:
            sent += [("sec-fetch-site", relation(asks, url))]
            sent += [("sec-fetch-mode", "navigate" if top_level else "no-cors")]
        if asks is not None and method not in ("GET", "HEAD"):
            sent.append(("origin", asks.origin))
        answer = await ask(
            self.app, method, unquote(url.path), query=url.query.encode(), headers=sent, body=body, scheme=url.scheme
        )
        for line in answer.headers.getlist("set-cookie"):
            self.jar.put(url, line, same_site=same_site, top_level=top_level)
        answer.url = str(url)
        return answer

    async def visit(self, address: str, *, page: str | None = None, person: Person | None = None) -> Answer:
        """A page after all redirects; a person who is led to TikTok agrees."""
        url = self.home.join(address)
        for _ in range(10):
            if url.origin != self.home.origin:
                page, url = str(url), URL.of(self.emulator.consent(str(url), person))
            answer = await self.open(str(url), page=page)
            if answer.status not in (301, 302, 303, 307, 308):
                return answer
            url = url.join(answer.location)
        raise AssertionError(f"{address} leads around in circles")

    async def begin(self, query: str = "") -> str:
        """Press the button; the address at TikTok that it leads to."""
        answer = await self.open(f"{self.prefix}/auth/tiktok/login?{query}", page=str(self.home))
        assert answer.status == 302, answer.text
        return answer.location

    async def come_back(
        self, query: str = "next=/me", person: Person | None = None, scopes: Iterable[str] | None = None
    ) -> str:
        """Agree at TikTok; the address that TikTok leads back to."""
        return self.emulator.consent(await self.begin(query), person, scopes)

    async def sign_in(self, person: Person | None = None, query: str = "") -> Answer:
        answer = await self.visit(await self.come_back(query or f"next={self.prefix}/me", person))
        assert answer.status == 200, answer.text
        return answer

    async def sign_out(self) -> Answer:
        return await self.open(f"{self.prefix}/auth/tiktok/logout", method="POST", page=str(self.home))

    async def name(self) -> str:
        """Who the app thinks is there; empty for nobody."""
        return str((await self.open(f"{self.prefix}/me")).json()["name"])

    async def listen(self, path: str, *, page: str = ORIGIN, query: bytes = b"") -> Answer:
        """What a WebSocket tells that a page opens."""
        url, asks = self.home.join(path), URL.of(page)
        headers = [("host", url.host), ("origin", asks.origin)]
        cookie = self.jar.header(url, same_site=asks.site == url.site, top_level=False)
        return await handshake(
            self.app, unquote(url.path), query=query, headers=[*headers, ("cookie", cookie)] if cookie else headers
        )

    @property
    def session(self) -> str:
        """The value of the session cookie."""
        return self.jar[SESSION_COOKIE]


def relation(page: URL | None, url: URL) -> str:
    """Sec-Fetch-Site."""
    if page is None:
        return "none"
    if page.origin == url.origin:
        return "same-origin"
    return "same-site" if page.site == url.site else "cross-site"
