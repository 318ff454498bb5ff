"""Put a cookie into the cookie jar of a test client."""

from email.message import Message
from http.cookiejar import CookieJar
from typing import Any, cast
from urllib.request import Request

from asgi_tiktok.errors import ConfigurationError

FIX = (
    "use Starlette's TestClient, a client of httpx2, Quart's test client or Playwright's BrowserContext, "
    "with cookies turned on"
)


def add_cookie(client: Any, origin: str, set_cookie: str) -> None:
    """Give the client a Set-Cookie header, as if its app at `origin` had sent it.

    `Secure` is removed, because the addresses of tests often begin with http:// or ws://, and the client would not
    send the cookie there.
    """
    base_url = str(getattr(client, "base_url", "") or "")
    if not base_url and hasattr(client, "cookie_jar"):
        base_url = "http://localhost"  # the fixed address of Quart's test client
    headers = Message()
    headers["set-cookie"] = set_cookie.replace("; Secure", "")
    find_jar(client).extract_cookies(cast(Any, Response(headers)), Request(base_url or origin))  # noqa: S310


def find_jar(client: Any) -> CookieJar:
    """Return the cookie jar of an HTTP client. Raises ConfigurationError if it has none."""
    cookies = getattr(client, "cookies", None)
    for jar in (getattr(cookies, "jar", None), getattr(client, "cookie_jar", None), cookies):
        if isinstance(jar, CookieJar):
            return jar
    raise ConfigurationError(f"login_as() found no cookie jar in this {type(client).__name__}; {FIX}.")


class Response:
    """The part of a response that a cookie jar reads."""

    def __init__(self, headers: Message) -> None:
        self.headers = headers

    def info(self) -> Message:
        """Return the headers."""
        return self.headers
