"""The cookies of a browser that follows RFC 6265bis §5."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from tests.support.urls import URL

MAX_AGE = 400 * 24 * 60 * 60  # seconds (§5.5)
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass
class Cookie:
    """A cookie as a browser stores it (§5.7)."""

    name: str
    value: str
    domain: str
    path: str
    host_only: bool
    secure: bool
    http_only: bool
    same_site: str
    expires_at: float

    def is_sent_to(self, url: URL) -> bool:
        domain_fits = url.host == self.domain if self.host_only else domain_matches(url.host, self.domain)
        return domain_fits and path_matches(url.path, self.path) and (url.scheme == "https" or not self.secure)


@dataclass
class CookieJar:
    """The cookies of one browser."""

    cookies: dict[tuple[str, str, str], Cookie] = field(default_factory=dict)

    def store(self, url: URL, line: str, *, same_site: bool = True, top_level: bool = True) -> bool:
        """Store a cookie from a Set-Cookie header. Return False if a browser would ignore it (RFC 6265bis §5.7)."""
        cookie = parse_cookie(url, line)
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
        if cookie.expires_at > time.time():
            self.cookies[key] = cookie
        return True

    def cookie_header(self, url: URL, *, same_site: bool = True, top_level: bool = True, safe: bool = True) -> str:
        """Return the Cookie header of a request to the URL, the longest path first (RFC 6265bis §5.8.3)."""
        now = time.time()
        sent = [cookie for cookie in self.cookies.values() if cookie.is_sent_to(url) and cookie.expires_at > now]
        if not same_site:
            sent = [
                cookie
                for cookie in sent
                if cookie.same_site == "none" or (cookie.same_site == "lax" and top_level and safe)
            ]
        sent.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in sent)

    def __contains__(self, name: str) -> bool:
        return any(cookie.name == name for cookie in self.cookies.values())

    def __getitem__(self, name: str) -> str:
        return next(cookie.value for cookie in self.cookies.values() if cookie.name == name)

    def __iter__(self) -> Iterator[Cookie]:
        return iter(list(self.cookies.values()))


def parse_cookie(url: URL, line: str) -> Cookie | None:
    pair, *parts = line.split(";")
    name, equals, value = pair.partition("=")
    name, value = (name.strip(" \t"), value.strip(" \t")) if equals else ("", name.strip(" \t"))
    if CONTROL.search(pair) or len(name) + len(value) > 4096 or not (name or value):
        return None
    attributes = {
        key.strip(" \t").lower(): content.strip(" \t")
        for key, _, content in (part.partition("=") for part in parts)
        if len(content.strip(" \t")) <= 1024
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
        expires_at=expiry(attributes),
    )
    return cookie if honors_prefix(cookie, attributes) else None


def honors_prefix(cookie: Cookie, attributes: dict[str, str]) -> bool:
    """Whether a `__Host-` or `__Secure-` cookie has what its prefix requires (§4.1.3).

    A cookie without a name may not look like one with a prefix (§5.7).
    """
    visible = (cookie.name or cookie.value).lower()
    if not visible.startswith(("__secure-", "__host-")):
        return True
    if not cookie.name or not cookie.secure:
        return False
    return visible.startswith("__secure-") or (cookie.host_only and attributes.get("path") == "/")


def expiry(attributes: dict[str, str]) -> float:
    now = time.time()
    if re.fullmatch("-?[0-9]+", attributes.get("max-age", "")):
        return now + min(int(attributes["max-age"]), MAX_AGE)
    if "expires" in attributes:
        return min(parsedate_to_datetime(attributes["expires"]).timestamp(), now + MAX_AGE)
    return now + MAX_AGE


def domain_matches(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def path_matches(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix if prefix.endswith("/") else f"{prefix}/")


def default_path(url: URL) -> str:
    return url.path.rpartition("/")[0] or "/"
