"""Sign a user in, without TikTok and without a redirect."""

import asyncio
import inspect
import time
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from http.cookiejar import CookieJar
from types import SimpleNamespace
from typing import Any, Unpack
from urllib.parse import urlsplit
from urllib.request import Request

from anyio.from_thread import BlockingPortal

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.models import TikTokUser
from asgi_tiktok.testing.tiktok_search import find_tiktok
from asgi_tiktok.testing.users import LoginFields, SimulatedLogin, simulate_login
from asgi_tiktok.tiktok import TikTok

__all__ = ["login_as", "login_as_async", "login_cookies"]


def login_as(client: Any, *, tiktok: TikTok | None = None, **fields: Unpack[LoginFields]) -> TikTokUser:
    """Sign this test client in: create a session in the app's store, and put its cookie into the client's jar.

    If `redirect_uri` is a list, a client is signed in at the address that it requests, and a browser at each of them.

    Hooks are not called. If the store belongs to the running event loop, for example Redis through your own client,
    use `await login_as_async(...)` instead.

    Args:
        client (Any): Starlette's TestClient, a client of httpx2, Quart's test client, or a synchronous
            BrowserContext of Playwright.
        tiktok (TikTok | None): The TikTok object of the app. Default: the one that is found behind the client.
        display_name (str): The name of the user. Default: "Ada".
        open_id (str | None): The user's id. Default: derived from `display_name`.
        scopes (Iterable[str] | None): The granted scopes. Default: the scopes that the app requests at every login.
        data (Mapping[str, Any] | None): The session's data, as an `on_login` hook returns it. Default: none.
        token (bool | Token): True stores a token, so that `session.token()` and `session.api()` work. The emulator
            that the app uses in this process accepts it; an app that would use the real TikTok uses an emulator from
            then on. A Token is stored unchanged. Default: False, which stores none.
        **fields: Any other field of TikTokUser, for example `follower_count`. Default: None.

    Returns:
        The user.

    Raises:
        TypeError: A user has no such field, or `data` is not JSON-serializable.
        ValueError: TikTok cannot send this value, or not with these scopes.
        ConfigurationError: The TikTok object or the cookie jar of the client was not found.
        StoreError: The store does not answer.
    """
    tiktok = tiktok or find_tiktok(client)
    login = simulate_login(tiktok, **fields)
    check_client(client, asynchronous=False)
    for address in addresses_for(client, tiktok):
        give_cookie(client, address, run_create_session(client, address, login))
    return login.user


async def login_as_async(client: Any, *, tiktok: TikTok | None = None, **fields: Unpack[LoginFields]) -> TikTokUser:
    """Do the same as `login_as`, in the running event loop. It returns the user, and raises the same errors.

    Args:
        client (Any): As for `login_as`, or an asynchronous BrowserContext of Playwright.
        tiktok (TikTok | None): As for `login_as`.
        **fields: As for `login_as`.
    """
    tiktok = tiktok or find_tiktok(client)
    login = simulate_login(tiktok, **fields)
    check_client(client, asynchronous=True)
    for address in addresses_for(client, tiktok):
        given = give_cookie(client, address, await create_session(address, login))
        if inspect.isawaitable(given):
            await given
    return login.user


def login_cookies(tiktok: TikTok, **fields: Unpack[LoginFields]) -> list[dict[str, Any]]:
    """Create a session as `login_as` does, for any browser. It raises the same errors.

    Args:
        tiktok (TikTok): The TikTok object of the app.
        **fields: As for `login_as`.

    Returns:
        The cookies of all addresses of the app, in the form of Playwright's `context.add_cookies(...)`.
    """
    login = simulate_login(tiktok, **fields)
    addresses = (tiktok, *tiktok._other_addresses)
    return [cookie for each in addresses for cookie in browser_cookies(each, run_create_session(None, each, login))]


async def create_session(tiktok: TikTok, login: SimulatedLogin) -> str:
    """Store what a login stores; return the Set-Cookie header."""
    if login.token is not None:
        await tiktok._tokens.save(login.token)
    _, (_, set_cookie) = await tiktok._sessions.create(login.user, login.scopes, login.data)
    return set_cookie.decode("latin-1")


def run_create_session(client: Any, tiktok: TikTok, login: SimulatedLogin) -> str:
    """Create the session in the event loop of the client's app if there is one, and otherwise in a new loop."""
    # The attribute of Starlette's client, and that of Litestar's.
    for portal in (getattr(client, "portal", None), getattr(client, "blocking_portal", None)):
        if isinstance(portal, BlockingPortal):
            return str(portal.call(create_session, tiktok, login))

    async def create_and_close() -> str:
        try:
            return await create_session(tiktok, login)
        finally:
            # Connections of the store cannot be used outside of this loop.
            await tiktok._store.aclose()

    # In a thread, because a loop may be running in this one.
    with ThreadPoolExecutor(1, "asgi-tiktok-login-as") as thread:
        return thread.submit(lambda: asyncio.run(create_and_close())).result()


def check_client(client: Any, *, asynchronous: bool) -> None:
    """Raise ConfigurationError for a client that cannot take the cookie, before anything is stored."""
    if not hasattr(client, "add_cookies"):
        find_jar(client)
    elif not asynchronous and inspect.iscoroutinefunction(client.add_cookies):
        raise ConfigurationError("This browser is asynchronous; use: await login_as_async(context, ...)")


def addresses_for(client: Any, tiktok: TikTok) -> tuple[TikTok, ...]:
    """Return the app at the address that the client requests, or at all of its addresses for a browser."""
    if hasattr(client, "add_cookies"):
        return (tiktok, *tiktok._other_addresses)
    elsewhere = tiktok._elsewhere(lambda other: other)
    return ((elsewhere and elsewhere.find([(b"host", urlsplit(base_url_of(client)).netloc.encode())])) or tiktok,)


def base_url_of(client: Any) -> str:
    """Return the address that the client requests; empty if it has none."""
    base_url = str(getattr(client, "base_url", "") or "")
    if not base_url and hasattr(client, "cookie_jar"):
        return "http://localhost"  # the fixed address of Quart's test client
    return base_url


def give_cookie(client: Any, tiktok: TikTok, set_cookie: str) -> object:
    """Put the cookie into the client's jar. The result is awaitable if the client is an asynchronous browser."""
    if hasattr(client, "add_cookies"):
        return client.add_cookies(browser_cookies(tiktok, set_cookie))
    headers = Message()
    # The addresses of tests often begin with http:// or ws://, where the client would not send a Secure cookie.
    headers["set-cookie"] = set_cookie.replace("; Secure", "")
    response: Any = SimpleNamespace(info=lambda: headers)
    find_jar(client).extract_cookies(response, Request(base_url_of(client) or tiktok._site.origin))  # noqa: S310
    return None


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


def browser_cookies(tiktok: TikTok, set_cookie: str) -> list[dict[str, Any]]:
    name, _, value = set_cookie.partition(";")[0].partition("=")
    return [
        {
            "name": name,
            "value": value,
            "url": tiktok._site.origin,
            "expires": time.time() + tiktok._sessions.records.absolute_timeout,
            "httpOnly": True,
            "secure": tiktok._site.secure,
            "sameSite": "Lax",
        }
    ]
