"""Search for the TikTok object of the app behind a test client."""

from collections.abc import Iterable, Iterator
from typing import Any

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.middleware import TikTokAuthMiddleware
from asgi_tiktok.tiktok import TikTok

# The attributes in which test clients, frameworks and middleware keep the app that they wrap.
INNER_APPS = (
    "app",
    "asgi_app",
    "asgi_handler",
    "application",
    "middleware_stack",
    "router",
    "transport",
    "_transport",
)


def find_tiktok(client: object) -> TikTok:
    """Return the only TikTok object that the client's app uses."""
    found = {id(tiktok): tiktok for tiktok in search(client)}
    if len(found) == 1:
        return next(iter(found.values()))
    what = f"{len(found)} TikTok objects" if found else "no TikTokAuthMiddleware"
    raise ConfigurationError(
        f"login_as() found {what} behind this {type(client).__name__}; pass the right one: "
        "login_as(client, tiktok=tiktok)."
    )


def search(client: object) -> Iterator[TikTok]:
    """Yield the TikTok object of each middleware that can be reached from the client."""
    pending = [client]
    # The objects are kept, because the id of a deleted object may be used again.
    seen: dict[int, object] = {}
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen[id(current)] = current
        # The middleware itself, or an object that installs it, for example the Litestar plugin.
        if isinstance(tiktok := getattr(current, "tiktok", None), TikTok):
            yield tiktok
        if any(is_tiktok_middleware(entry) for entry in list_of(current, "user_middleware")):
            # As Starlette does on the first request.
            app: Any = current
            app.middleware_stack = app.middleware_stack or app.build_middleware_stack()
        pending += [inner for name in INNER_APPS if (inner := getattr(current, name, None)) is not None]
        pending += [*list_of(current, "routes"), *list_of(current, "plugins")]


def list_of(owner: object, name: str) -> list[object]:
    """Return the attribute as a list; empty if it is not iterable, because frameworks use the name differently."""
    found = getattr(owner, name, ())
    return [*found] if isinstance(found, Iterable) else []


def is_tiktok_middleware(entry: Any) -> bool:
    """Return whether this entry of Starlette's list of middleware is TikTokAuthMiddleware."""
    added = getattr(entry, "cls", None)
    return isinstance(added, type) and issubclass(added, TikTokAuthMiddleware)
