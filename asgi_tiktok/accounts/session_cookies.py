"""The session cookie: a random id, signed, so that a forged cookie is rejected before the store is asked."""

from collections.abc import Iterable
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import Scope

from asgi_tiktok.accounts.bounded_dict import BoundedDict
from asgi_tiktok.accounts.session_record import SessionRecords
from asgi_tiktok.crypto.keys import Key, KeyRing
from asgi_tiktok.crypto.signer import IdSigner
from asgi_tiktok.http.cookies import MAX_SIZE, MAX_VALUES, CookieJar, Header, cookie_line, cookie_values
from asgi_tiktok.http.fetch_metadata import not_cross_site

MAX_VERIFIED = 2_000  # cookies


class VerifiedCookie(NamedTuple):
    """A genuine session cookie: the key that signed it, and the name of its record in the store."""

    key: Key
    name: str


class SessionCookies:
    """Signs the session cookies of one `TikTok(...)`, and finds the genuine ones among what browsers send.

    `mark` begins the lines that session memory remembers. With it, a cookie of one address of an app finds no session
    at another, where cookies may have the same name.
    """

    def __init__(self, cookies: CookieJar, keys: KeyRing, records: SessionRecords, *, mark: bytes = b"") -> None:
        self.cookies = cookies
        self.mark = mark
        self.name = cookies.session.encode("ascii")
        self.records = records
        self.signer = IdSigner(keys, f"cookie/{records.purpose}")
        self.verified: BoundedDict[bytes, VerifiedCookie] = BoundedDict(MAX_VERIFIED)

    def line(self, headers: Iterable[Header]) -> bytes:
        """All Cookie headers that may contain the session, as one after the mark; empty if there are none."""
        line = cookie_line(headers, self.name)
        return line and self.mark + line

    def find(self, headers: Iterable[Header]) -> VerifiedCookie | None:
        """The genuine session cookie, if there is exactly one."""
        values = cookie_values(headers, self.name)
        if len(values) > MAX_VALUES:
            return None
        genuine = [cookie for value in values if (cookie := self.verify(value)) is not None]
        return genuine[0] if len(genuine) == 1 else None

    def find_all(self, headers: Iterable[Header]) -> list[VerifiedCookie]:
        """All genuine session cookies. A browser sends several if one was set for a domain or a path."""
        values = cookie_values(headers, self.name)[:MAX_VALUES]
        return [cookie for value in values if (cookie := self.verify(value)) is not None]

    def is_bearer(self, headers: Iterable[Header]) -> bool:
        """True if the session is in a header that no web page can send. No request of another site has one."""
        return False

    def verify(self, value: bytes) -> VerifiedCookie | None:
        cookie = self.verified.get(value)
        if cookie is None and len(value) <= MAX_SIZE and (signed := self.signer.verify(value)):
            key, session_id = signed
            cookie = self.verified[value] = VerifiedCookie(key, self.records.name_of(key, session_id))
        return cookie

    def set(self, session_id: bytes) -> Header:
        """The Set-Cookie header that carries the id."""
        value = self.signer.sign(session_id).decode("ascii")
        return self.cookies.set(self.cookies.session, value, max_age=self.records.absolute_timeout)

    def expire_forged(self, scope: Scope) -> Header | None:
        """The Set-Cookie header that deletes a session cookie which none of our keys has signed, if there is one."""
        headers = scope["headers"]
        # On localhost, a foreign cookie may belong to another app that uses this port at other times.
        if not self.cookies.secure or not not_cross_site(Headers(raw=headers)):
            return None
        values = cookie_values(headers, self.name)[:MAX_VALUES]
        if not values or any(self.verify(value) for value in values):
            return None
        return self.cookies.expire(self.cookies.session)
