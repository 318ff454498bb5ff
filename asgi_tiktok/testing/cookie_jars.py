"""Put a cookie into the cookie jar of a test client."""

from email.message import Message
from http.cookiejar import CookieJar
from types import SimpleNamespace
from typing import Any
from urllib.request import Request

from asgi_tiktok.errors import ConfigurationError


def add_cookie(client: Any, origin: str, set_cookie: str) -> None:
    """Give the client a Set-Cookie header, as if its app at `origin` had sent it."""
    base_url = str(getattr(client, "base_url", "") or "")
    if not base_url and hasattr(client, "cookie_jar"):
        base_url = "http://localhost"  # the fixed address of Quart's test client
    headers = Message()
    # The addresses of tests often begin with http:// or ws://, where the client would not send a Secure cookie.
    headers["set-cookie"] = set_cookie.replace("; Secure", "")
    response: Any = SimpleNamespace(info=lambda: headers)
    find_jar(client).extract_cookies(response, Request(base_url or origin))  # noqa: S310


def find_jar(client: Any) -> CookieJar:
    """Return the cookie jar of an HTTP client. Raise ConfigurationError if it has none."""
    cookies = getattr(client, "cookies", None)
    for jar in (getattr(cookies, "jar", None), getattr(client, "cookie_jar", None), cookies):
        if isinstance(jar, CookieJar):
            return jar
    raise ConfigurationError(
        f"login_as() found no cookie jar in this {type(client).__name__}; use Starlette's TestClient, a client of "
        "httpx2, Quart's test client or Playwright's BrowserContext, with cookies turned on."
    )
