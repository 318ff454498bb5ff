"""The Cookie header, read as bytes, and our Set-Cookie headers.

Lenient parsers have let foreign names pass as ours. This one takes names literally: only a space or a tab around a
pair is white space, nothing is unquoted, and of two cookies with one name neither is preferred (RFC 6265 §4.2).
"""

from collections.abc import Iterable, Iterator

Header = tuple[bytes, bytes]

MAX_VALUES = 8  # of one name; a browser sends one
MAX_SIZE = 4096  # bytes of a value; browsers keep no longer one (RFC 6265bis §5.6)
PAST = "Thu, 01 Jan 1970 00:00:00 GMT"


def cookie_line(headers: Iterable[Header], name: bytes) -> bytes:
    """Return all Cookie headers that contain the name as one. HTTP/2 splits the header (RFC 9113 §8.2.3)."""
    return b";".join([line for header, line in headers if header == b"cookie" and name in line])


def cookie_values(headers: Iterable[Header], name: bytes) -> list[bytes]:
    """Return the different values of the cookies with exactly this name, and at most one more than MAX_VALUES."""
    values: list[bytes] = []
    for header, line in headers:
        if header == b"cookie" and name in line:
            for pair in line.split(b";"):
                if name in pair:
                    found, equals, value = pair.strip(b" \t").partition(b"=")
                    if found == name and equals and value not in values:
                        values.append(value)
                        if len(values) > MAX_VALUES:
                            return values
    return values


def cookies_named(headers: Iterable[Header], prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Iterate over the names and values of all cookies whose name begins with the prefix."""
    for header, line in headers:
        if header == b"cookie" and prefix in line:
            for pair in line.split(b";"):
                name, equals, value = pair.strip(b" \t").partition(b"=")
                if equals and name.startswith(prefix):
                    yield name, value


class CookieJar:
    """The names and attributes of our cookies, which follow from the `redirect_uri` and the `path`.

    Over https they are `__Host-` cookies: Secure, for this host only, for all paths (RFC 6265bis
    §4.1.3.2). On loopback http, where browsers would reject those, they have no prefix. `suffix` keeps the
    cookies of several TikTok apps on one host apart.
    """

    def __init__(self, *, secure: bool, suffix: str = "") -> None:
        prefix = "__Host-" if secure else ""
        self.secure = secure
        self.session = f"{prefix}tiktok_session{suffix}"
        self.login_prefix = f"{prefix}tiktok_login{suffix}."
        self.attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    def set(self, name: str, value: str, *, max_age: int) -> Header:
        """Return a Set-Cookie header; `max_age` is in seconds."""
        line = f"{name}={value}; Max-Age={max_age}{self.attributes}"
        return b"set-cookie", line.encode("latin-1")

    def expire(self, name: str) -> Header:
        """Return a Set-Cookie header that deletes; it repeats every attribute, because browsers require it."""
        line = f"{name}=; Max-Age=0; Expires={PAST}{self.attributes}"
        return b"set-cookie", line.encode("latin-1")
