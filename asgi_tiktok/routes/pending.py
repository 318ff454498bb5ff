"""Pending logins: what must be remembered between the redirect to TikTok and the callback, in the browser only."""

import json
import re
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field, fields
from hashlib import sha256
from itertools import accumulate, islice
from typing import Any

from starlette.datastructures import Headers

from asgi_tiktok.clock import is_recent
from asgi_tiktok.crypto.keys import Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.http.cookies import MAX_SIZE, Header, cookies_named
from asgi_tiktok.http.login_link import LoginAttempt
from asgi_tiktok.http.next_path import pack, unpack
from asgi_tiktok.tiktok import TikTok

LIFETIME = 600  # seconds
MAX_PENDING = 5
MAX_EXAMINED = 50  # cookies; a browser sends a few
MAX_TOTAL = 5_000  # bytes of all login cookies together, because servers limit the Cookie header
MAX_COOKIE = 3_300  # bytes of the largest login cookie
PURPOSE = "login"
NAME_TAIL = re.compile(rb"[A-Za-z0-9_-]{11}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLogin(LoginAttempt):
    """One login that began in this browser. `began_at` is in seconds since the epoch.

    A login by QR code has the text of the code, and the token with which TikTok is asked for the result.
    """

    state: str = field(repr=False)
    code_verifier: str = field(repr=False)
    began_at: float
    qr_text: str = field(default="", repr=False)
    qr_token: str = field(default="", repr=False)

    @property
    def attempt(self) -> LoginAttempt:
        """What this login asks for, without its secrets."""
        return LoginAttempt(
            next_path=self.next_path,
            scopes=self.scopes,
            params=self.params,
            switch_account=self.switch_account,
            user_id=self.user_id,
            route=self.route,
        )

    @property
    def is_expired(self) -> bool:
        return not is_recent(self.began_at, LIFETIME)


class PendingLogins:
    """Reads and writes one sealed cookie per login, named after its state, so that tabs do not collide.

    The seal binds the cookie to its name, to this TikTok app and to its redirect_uri.
    """

    def __init__(self, tiktok: TikTok) -> None:
        self.keys = tiktok._keys
        self.cookies = tiktok._cookies
        self.audience = (tiktok._client._audience, tiktok._client.redirect_uri)

    def cookie_name(self, state: str) -> str:
        digest = sha256(state.encode()).digest()
        return self.cookies.login_prefix + urlsafe_b64encode(digest[:8]).rstrip(b"=").decode("ascii")

    def set_cookies(self, headers: Headers, login: PendingLogin) -> list[Header]:
        """The Set-Cookie headers that remember the login, and delete the logins that must make room for it."""
        name = self.cookie_name(login.state)
        values = {each.name: getattr(login, each.name) for each in fields(login)}
        facts = {name: value for name, value in values.items() if value not in (None, "", {})}
        facts["next_path"] = pack(login.next_path)
        sealed = seal_record(self.keys.newest, PURPOSE, facts, context=self.context(name))
        value = urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")
        expired = self.evict(headers, room=MAX_TOTAL - size_of(name, value))
        return [*expired, self.cookies.set(name, value, max_age=LIFETIME)]

    def expire_cookie(self, login: PendingLogin) -> Header:
        """The Set-Cookie header that deletes the cookie of the login."""
        return self.cookies.expire(self.cookie_name(login.state))

    def find(self, headers: Headers, state: str) -> PendingLogin | None:
        """Return the login with this state, or None if the browser has no cookie for it.

        Raises Unreadable if there is a cookie that none of our keys opens.
        """
        login = self.find_named(headers, self.cookie_name(state))
        if login is not None and login.state != state:
            raise Unreadable(PURPOSE)
        return login

    def find_named(self, headers: Headers, name: str) -> PendingLogin | None:
        """Return the login with this cookie, as `find` does."""
        values = [value for found, value in self.login_cookies(headers) if found == name]
        if not values:
            return None
        logins = [login for value in values if (login := self.read(name, value))]
        if len(logins) != 1:
            raise Unreadable(PURPOSE)
        return logins[0]

    def evict(self, headers: Headers, *, room: int) -> list[Header]:
        """The Set-Cookie headers that delete expired logins, and the oldest ones that do not fit into the room."""
        live: list[tuple[float, str, int]] = []
        excess: list[str] = []
        for name, value in dict(self.login_cookies(headers)).items():
            login = self.read(name, value)
            if login is None or login.is_expired:
                excess.append(name)
            else:
                live.append((login.began_at, name, size_of(name, value)))
        live.sort(reverse=True)
        sizes = accumulate(size for _, _, size in live)
        excess += [
            name
            for number, ((_, name, _), size) in enumerate(zip(live, sizes, strict=True), start=1)
            if number >= MAX_PENDING or size > room
        ]
        return [self.cookies.expire(name) for name in excess[: 4 * MAX_PENDING]]

    def is_full(self, headers: Headers) -> bool:
        """True if a login may have been deleted from this browser because of the others."""
        others = dict(self.login_cookies(headers))
        sizes = [size_of(name, value) for name, value in others.items()]
        return len(others) >= MAX_PENDING or sum(sizes) > MAX_TOTAL - MAX_COOKIE

    def login_cookies(self, headers: Headers) -> list[tuple[str, bytes]]:
        prefix = self.cookies.login_prefix.encode("ascii")
        pairs = islice(cookies_named(headers.raw, prefix), MAX_EXAMINED)
        # A name is sent back in Set-Cookie, so it must be one that we could have chosen.
        return [(name.decode(), value) for name, value in pairs if NAME_TAIL.fullmatch(name, len(prefix))]

    def read(self, name: str, value: bytes) -> PendingLogin | None:
        if len(value) > MAX_SIZE:
            return None
        try:
            sealed = b64decode(value + b"=" * (-len(value) % 4), altchars=b"-_", validate=True)
            return open_record(self.keys, PURPOSE, sealed, read_login, context=self.context(name))
        except (Base64Error, Unreadable):
            return None

    def context(self, name: str) -> str:
        return json.dumps([name, *self.audience])


def size_of(name: str, value: str | bytes) -> int:
    """The bytes that a cookie adds to the Cookie header."""
    return len(name) + len("=") + len(value) + len("; ")


def read_login(facts: dict[str, Any]) -> PendingLogin:
    return PendingLogin(
        **{
            **facts,
            "next_path": unpack(facts["next_path"]),
            "scopes": tuple(facts["scopes"]),
            "params": {**facts.get("params", {})},
            "began_at": float(facts["began_at"]),
        }
    )
