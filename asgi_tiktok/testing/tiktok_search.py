"""Finds the TikTok behind a test client: what its app is wrapped in, or has installed."""

from collections.abc import Iterable, Iterator
from typing import Any

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.middleware import TikTokAuthMiddleware
from asgi_tiktok.tiktok import TikTok

# How clients, frameworks and middlewares call the app that stands behind them.
INWARDS = ("app", "asgi_app", "asgi_handler", "application", "middleware_stack", "router", "transport", "_transport")


def find_tiktok(client: object) -> TikTok:
    """The only TikTok whose middleware stands before or inside the client's app."""
    found = {id(tiktok): tiktok for tiktok in search(client)}
    if len(found) == 1:
        return next(iter(found.values()))
    what = f"{len(found)} of them" if found else "no TikTokAuthMiddleware"
    raise ConfigurationError(
        f"login_as() found {what} behind this {type(client).__name__}; name the one: login_as(client, tiktok=tiktok)."
    )


def search(client: object) -> Iterator[TikTok]:
    """The TikTok of each middleware that can be reached from here."""
    ahead = [client]
    # The things themselves, because the id of one that is gone may come again.
    seen: dict[int, object] = {}
    while ahead:
        thing = ahead.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        # A middleware of ours, or what installs it: a plugin of Litestar, say.
        if isinstance(tiktok := getattr(thing, "tiktok", None), TikTok):
            yield tiktok
        if any(is_ours(middleware) for middleware in several(thing, "user_middleware")):
            build_stack(thing)
        ahead += [inner for name in INWARDS if (inner := getattr(thing, name, None)) is not None]
        ahead += [*several(thing, "routes"), *several(thing, "plugins")]


def several(thing: object, name: str) -> list[object]:
    """An attribute of many things, which frameworks use for other things, too."""
    found = getattr(thing, name, ())
    return [*found] if isinstance(found, Iterable) else []


def is_ours(middleware: Any) -> bool:
    """Whether this is an entry of ours in Starlette's list of middlewares."""
    added = getattr(middleware, "cls", None)
    return isinstance(added, type) and issubclass(added, TikTokAuthMiddleware)


def build_stack(app: Any) -> None:
    """Put Starlette's middlewares in place, as its first request would."""
    if app.middleware_stack is None:
        app.middleware_stack = app.build_middleware_stack()
