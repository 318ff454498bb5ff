"""The Cookie header read as bytes, and the Set-Cookie headers of our own.

Lenient readers have let foreign names pass as ours, so this one takes names to the letter: only a space
or a tab around a pair is white space, nothing is unquoted, and of two cookies of one name none is
preferred (RFC 6265 §4.2).
"""

from collections.abc import Iterable, Iterator
from email.utils import formatdate

Header = tuple[bytes, bytes]

MOST_VALUES = 8  # of one name; a browser sends one


def cookie_values(headers: Iterable[Header], name: bytes) -> list[bytes]:
    """The different values under exactly this name."""
    values: list[bytes] = []
    for header, line in headers:
        if header == b"cookie" and name in line:
            for pair in line.split(b";"):
                if name in pair:
                    found, equals, value = pair.strip(b" \t").partition(b"=")
                    if found == name and equals and value not in values[:MOST_VALUES]:
                        values.append(value)
    return values


def cookies_named(headers: Iterable[Header], prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All cookies whose name begins like this."""
    for header, line in headers:
        if header == b"cookie" and prefix in line:
            for pair in line.split(b";"):
                name, equals, value = pair.strip(b" \t").partition(b"=")
                if equals and name.startswith(prefix):
                    yield name, value


class CookieJar:
    """How our cookies are named and sent, which follows from the redirect_uri.

    Over https they are `__Host-` cookies: Secure, of this host alone, for all paths (RFC 6265bis
    §4.1.3.2). On loopback http, where browsers would drop those, they are plain.
    """

    def __init__(self, *, secure: bool, suffix: str = "") -> None:
        prefix = "__Host-" if secure else ""
        self.session = f"{prefix}tiktok_session{suffix}"
        self.login_prefix = f"{prefix}tiktok_login{suffix}."
        self.attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    def set(self, name: str, value: str, *, max_age: int) -> Header:
        """A Set-Cookie header; `max_age` is in seconds."""
        line = f"{name}={value}; Max-Age={max_age}{self.attributes}"
        return b"set-cookie", line.encode("latin-1")

    def expire(self, name: str) -> Header:
        """A Set-Cookie header that deletes; it repeats every attribute, for else browsers ignore it."""
        line = f"{name}=; Max-Age=0; Expires={formatdate(0, usegmt=True)}{self.attributes}"
        return b"set-cookie", line.encode("latin-1")
