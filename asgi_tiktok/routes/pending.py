"""Pending logins: what is remembered between the way to TikTok and the way back, in the browser alone."""

import json
import re
import time
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any

from starlette.datastructures import Headers

from asgi_tiktok.crypto.keys import KeyRing, Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.http.cookies import CookieJar, Header, cookies_named

LIFETIME = 600  # seconds
LEEWAY = 60  # seconds that the clocks of two machines may differ
MOST_PENDING = 5
MOST_HELD = 50  # cookies that are looked at; a browser holds a few
LONGEST_NEXT = 400  # bytes; five such cookies still fit into a Cookie header
PURPOSE = "login"
NAME_TAIL = re.compile(rb"[A-Za-z0-9_-]{11}")


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """One login that began in this browser."""

    state: str = field(repr=False)
    code_verifier: str = field(repr=False)
    next_path: str
    scopes: tuple[str, ...]
    began_at: float

    @property
    def is_expired(self) -> bool:
        return not -LEEWAY <= time.time() - self.began_at < LIFETIME


class PendingLogins:
    """Reads and writes one sealed cookie per login, named after its state, so that tabs do not collide.

    The seal binds it to its name, to this TikTok app and to its redirect_uri.
    """

    def __init__(self, keys: KeyRing, cookies: CookieJar, *, audience: str, redirect_uri: str) -> None:
        self.keys = keys
        self.cookies = cookies
        self.audience = (audience, redirect_uri)

    def name(self, state: str) -> str:
        digest = sha256(state.encode()).digest()
        return self.cookies.login_prefix + urlsafe_b64encode(digest[:8]).rstrip(b"=").decode("ascii")

    def remember(self, login: PendingLogin) -> Header:
        """The Set-Cookie header that remembers the login."""
        name = self.name(login.state)
        sealed = seal_record(self.keys.newest, PURPOSE, asdict(login), place=self.place(name))
        value = urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")
        return self.cookies.set(name, value, max_age=LIFETIME)

    def forget(self, login: PendingLogin) -> Header:
        """The Set-Cookie header that forgets the login."""
        return self.cookies.expire(self.name(login.state))

    def find(self, headers: Headers, state: str) -> PendingLogin | None:
        """The login with this state, or None when the browser does not hold it.

        Raises Unreadable when it holds one that no key of ours opens.
        """
        name = self.name(state)
        values = [value for found, value in self.held(headers) if found == name]
        if not values:
            return None
        logins = [login for value in values if (login := self.read(name, value)) and login.state == state]
        if len(logins) != 1:
            raise Unreadable(PURPOSE)
        return logins[0]

    def make_room(self, headers: Headers) -> list[Header]:
        """Set-Cookie headers that forget what is spent or too much, so that one more login fits."""
        live: list[tuple[float, str]] = []
        gone: list[str] = []
        for name, value in dict(self.held(headers)).items():
            login = self.read(name, value)
            if login is None or login.is_expired:
                gone.append(name)
            else:
                live.append((login.began_at, name))
        live.sort(reverse=True)
        gone += [name for _, name in live[MOST_PENDING - 1 :]]
        return [self.cookies.expire(name) for name in gone[: 4 * MOST_PENDING]]

    def count(self, headers: Headers) -> int:
        """How many logins this browser holds."""
        return len(dict(self.held(headers)))

    def held(self, headers: Headers) -> list[tuple[str, bytes]]:
        prefix = self.cookies.login_prefix.encode("ascii")
        pairs = islice(cookies_named(headers.raw, prefix), MOST_HELD)
        # A name goes back out in Set-Cookie, so it must be one that we could have given.
        return [(name.decode(), value) for name, value in pairs if NAME_TAIL.fullmatch(name, len(prefix))]

    def read(self, name: str, value: bytes) -> PendingLogin | None:
        try:
            sealed = b64decode(value + b"=" * (-len(value) % 4), altchars=b"-_", validate=True)
            return open_record(self.keys, PURPOSE, sealed, read_login, place=self.place(name))
        except (Base64Error, Unreadable):
            return None

    def place(self, name: str) -> str:
        return json.dumps([name, *self.audience])


def read_login(facts: dict[str, Any]) -> PendingLogin:
    return PendingLogin(**{**facts, "scopes": tuple(facts["scopes"]), "began_at": float(facts["began_at"])})
