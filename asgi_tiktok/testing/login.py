"""login_as: somebody is signed in, without a TikTok and without a redirect."""

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Unpack

from anyio.from_thread import BlockingPortal

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.models import TikTokUser
from asgi_tiktok.testing.cookie_jars import find_jar, keep_cookie
from asgi_tiktok.testing.tiktok_search import find_tiktok
from asgi_tiktok.testing.users import Visitor, Who
from asgi_tiktok.tiktok import TikTok


def login_as(client: Any, *, tiktok: TikTok | None = None, **who: Unpack[Who]) -> TikTokUser:
    """Sign this test client in: a session in the app's store, its cookie in the client's jar.

    `display_name` is Ada where it is not given, and `open_id` follows from it. `scopes` are the granted
    ones, by default those that the app asks for at every login. `data` is what an `on_login` hook would
    have returned; hooks are not called. `token=True` keeps a token that `session.token()` returns for two
    hours, and a Token is kept as it is. All other fields of TikTokUser go by their names. `tiktok` is
    found behind the client.

    A store that lives in the running event loop, such as Redis through a client of yours, needs
    `await login_as_async(...)`.

    Raises TypeError and ValueError for what no login could have brought, ConfigurationError when the
    TikTok or the client's cookies cannot be found, StoreError.
    """
    tiktok = tiktok or find_tiktok(client)
    visitor = Visitor.of(tiktok, **who)
    check_client(client, awaiting=False)
    give_cookie(client, tiktok, in_a_loop(client, tiktok, partial(begin_session, tiktok, visitor)))
    return visitor.user


async def login_as_async(client: Any, *, tiktok: TikTok | None = None, **who: Unpack[Who]) -> TikTokUser:
    """As login_as, in the running event loop."""
    tiktok = tiktok or find_tiktok(client)
    visitor = Visitor.of(tiktok, **who)
    check_client(client, awaiting=True)
    given = give_cookie(client, tiktok, await begin_session(tiktok, visitor))
    if inspect.isawaitable(given):
        await given
    return visitor.user


def login_cookies(tiktok: TikTok, **who: Unpack[Who]) -> list[dict[str, Any]]:
    """As login_as, for any browser: the cookies in the form of Playwright's `context.add_cookies(...)`."""
    visitor = Visitor.of(tiktok, **who)
    return browser_cookies(tiktok, in_a_loop(None, tiktok, partial(begin_session, tiktok, visitor)))


async def begin_session(tiktok: TikTok, visitor: Visitor) -> str:
    """What the end of a login does; the Set-Cookie line."""
    if visitor.token is not None:
        await tiktok.tokens.save(visitor.token)
    _, (_, set_cookie) = await tiktok.sessions.create(visitor.user, visitor.scopes, visitor.data)
    return set_cookie.decode("latin-1")


def in_a_loop(client: Any, tiktok: TikTok, begin: Callable[[], Coroutine[Any, Any, str]]) -> str:
    """The result of `begin`, in the loop of the client's app where it has one, else in one of its own."""
    # What Starlette's client calls portal, and Litestar's blocking_portal.
    for portal in (getattr(client, "portal", None), getattr(client, "blocking_portal", None)):
        if isinstance(portal, BlockingPortal):
            return str(portal.call(begin))

    async def alone() -> str:
        try:
            return await begin()
        finally:
            # What the store opened here cannot outlive this loop.
            await tiktok.store.aclose()

    # A thread, for this one may be inside of a running loop.
    with ThreadPoolExecutor(1, "asgi-tiktok-login-as") as thread:
        return thread.submit(lambda: asyncio.run(alone())).result()


def check_client(client: Any, *, awaiting: bool) -> None:
    """Raise ConfigurationError before anything is stored, for a client that could not take the cookie."""
    if not hasattr(client, "add_cookies"):
        find_jar(client)
    elif not awaiting and inspect.iscoroutinefunction(client.add_cookies):
        raise ConfigurationError("This browser is driven asynchronously: await login_as_async(context, ...).")


def give_cookie(client: Any, tiktok: TikTok, set_cookie: str) -> object:
    """Into the client's jar; awaitable when the client is a browser that is driven asynchronously."""
    if hasattr(client, "add_cookies"):
        return client.add_cookies(browser_cookies(tiktok, set_cookie))
    keep_cookie(client, tiktok.site.origin, set_cookie)
    return None


def browser_cookies(tiktok: TikTok, set_cookie: str) -> list[dict[str, Any]]:
    name, _, value = set_cookie.partition(";")[0].partition("=")
    return [
        {
            "name": name,
            "value": value,
            "url": tiktok.site.origin,
            "expires": time.time() + tiktok.sessions.absolute_timeout,
            "httpOnly": True,
            "secure": tiktok.site.secure,
            "sameSite": "Lax",
        }
    ]
