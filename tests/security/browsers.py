"""A browser that keeps to the rules which our cookies count on (RFC 6265bis §5, Fetch, Fetch Metadata)."""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from starlette.types import ASGIApp

from asgi_tiktok.emulator import Emulator, Person
from tests.security.urls import URL
from tests.security.wire import Answer, RawHeaders, ask, handshake
from tests.visits import ORIGIN, SESSION_COOKIE

FURTHEST = 400 * 24 * 60 * 60  # seconds
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass
class Cookie:
    name: str
    value: str
    domain: str
    path: str
    host_only: bool
    secure: bool
    http_only: bool
    same_site: str
    ends_at: float

    def goes_to(self, url: URL) -> bool:
        at_home = url.host == self.domain if self.host_only else domain_matches(url.host, self.domain)
        return at_home and path_matches(url.path, self.path) and (url.scheme == "https" or not self.secure)


@dataclass
class Jar:
    """The cookies of one browser."""

    cookies: dict[tuple[str, str, str], Cookie] = field(default_factory=dict)

    def put(self, url: URL, line: str, *, same_site: bool = True, top_level: bool = True) -> bool:
        """Take a Set-Cookie header; False for one that browsers ignore (RFC 6265bis §5.7)."""
        cookie = read_cookie(url, line)
        if cookie is None or (cookie.secure and url.scheme != "https"):
            return False
        if cookie.same_site != "none" and not (same_site or top_level):
            return False
        key = (cookie.name, cookie.domain, cookie.path)
        if url.scheme != "https" and any(
            old.secure and old.name == cookie.name and domain_matches(cookie.domain, old.domain)
            for old in self.cookies.values()
        ):
            return False
        self.cookies.pop(key, None)
        if cookie.ends_at > time.time():
            self.cookies[key] = cookie
        return True

    def header(self, url: URL, *, same_site: bool = True, top_level: bool = True, safe: bool = True) -> str:
        """The Cookie header that goes there, longest path first (RFC 6265bis §5.8.3)."""
        now = time.time()
        going = [cookie for cookie in self.cookies.values() if cookie.goes_to(url) and cookie.ends_at > now]
        if not same_site:
            going = [
                cookie
                for cookie in going
                if cookie.same_site == "none" or (cookie.same_site == "lax" and top_level and safe)
            ]
        going.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in going)

    def __contains__(self, name: str) -> bool:
        return any(cookie.name == name for cookie in self.cookies.values())

    def __getitem__(self, name: str) -> str:
        return next(cookie.value for cookie in self.cookies.values() if cookie.name == name)

    def __iter__(self) -> Iterator[Cookie]:
        return iter(list(self.cookies.values()))


def read_cookie(url: URL, line: str) -> Cookie | None:
    pair, *parts = line.split(";")
    name, equals, value = pair.partition("=")
    name, value = (name.strip(" \t"), value.strip(" \t")) if equals else ("", name.strip(" \t"))
    if CONTROL.search(pair) or len(name) + len(value) > 4096 or not (name or value):
        return None
    attributes = {
        key.strip(" \t").lower(): text.strip(" \t")
        for key, _, text in (part.partition("=") for part in parts)
        if len(text.strip(" \t")) <= 1024
    }
    domain = attributes.get("domain", "").lower().removeprefix(".")
    if domain and (not domain_matches(url.host, domain) or "." not in domain):
        return None
    path = attributes.get("path", "")
    cookie = Cookie(
        name=name,
        value=value,
        domain=domain or url.host,
        path=path if path.startswith("/") else default_path(url),
        host_only=not domain,
        secure="secure" in attributes,
        http_only="httponly" in attributes,
        same_site=attributes.get("samesite", "lax").lower(),
        ends_at=ending(attributes),
    )
    return cookie if keeps_its_promise(cookie, attributes) else None


def keeps_its_promise(cookie: Cookie, attributes: dict[str, str]) -> bool:
    """What a name with a prefix says must be so, and no nameless cookie may look like one (§4.1.3, §5.7)."""
    shown = (cookie.name or cookie.value).lower()
    if not shown.startswith(("__secure-", "__host-")):
        return True
    if not cookie.name or not cookie.secure:
        return False
    return shown.startswith("__secure-") or (cookie.host_only and attributes.get("path") == "/")


def ending(attributes: dict[str, str]) -> float:
    now = time.time()
    if re.fullmatch("-?[0-9]+", attributes.get("max-age", "")):
        return now + min(int(attributes["max-age"]), FURTHEST)
    if "expires" in attributes:
        return min(parsedate_to_datetime(attributes["expires"]).timestamp(), now + FURTHEST)
    return now + FURTHEST


def domain_matches(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def path_matches(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else f"{prefix}/")


def default_path(url: URL) -> str:
    return url.path.rpartition("/")[0] or "/"


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
