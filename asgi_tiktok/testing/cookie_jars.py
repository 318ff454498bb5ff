"""Where clients keep their cookies."""

from email.message import Message
from http.cookiejar import CookieJar
from typing import Any, cast
from urllib.request import Request

from asgi_tiktok.errors import ConfigurationError

KNOWN = "Starlette's TestClient, httpx2's clients, Quart's test client and Playwright's BrowserContext have one"


def keep_cookie(client: Any, origin: str, set_cookie: str) -> None:
    """Let the client take a Set-Cookie line, as if its app at `origin` had sent it.

    Without Secure, because the addresses of tests are often http:// and ws://, where it would stay at home.
    """
    base_url = str(getattr(client, "base_url", "") or "")
    if not base_url and hasattr(client, "cookie_jar"):
        base_url = "http://localhost"  # Quart's test client always is there
    headers = Message()
    headers["set-cookie"] = set_cookie.replace("; Secure", "")
    find_jar(client).extract_cookies(cast(Any, Answer(headers)), Request(base_url or origin))  # noqa: S310


def find_jar(client: Any) -> CookieJar:
    """The client's jar."""
    cookies = getattr(client, "cookies", None)
    for jar in (getattr(cookies, "jar", None), getattr(client, "cookie_jar", None), cookies):
        if isinstance(jar, CookieJar):
            return jar
    raise ConfigurationError(f"login_as() finds no cookie jar in this {type(client).__name__}; {KNOWN}.")


class Answer:
    """As much of an answer as a cookie jar looks at."""

    def __init__(self, headers: Message) -> None:
        self.headers = headers

    def info(self) -> Message:
        return self.headers
