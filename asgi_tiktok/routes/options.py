"""The keyword arguments of TikTokAuthMiddleware."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from inspect import signature
from typing import Any, TypedDict

from starlette.requests import HTTPConnection
from starlette.responses import Response

from asgi_tiktok.errors import TikTokError
from asgi_tiktok.mistakes.arguments import check_arguments
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import APP_FIX

# Each framework has its own types for the three arguments of an ASGI app.
AnyApp = Callable[[Any, Any, Any], Awaitable[None]]

OnError = Callable[[HTTPConnection, TikTokError], Response | Awaitable[Response]]


check_middleware_arguments = check_arguments(
    "TikTokAuthMiddleware", missing=APP_FIX, elsewhere={"TikTok(...)": tuple(signature(TikTok).parameters)}
)


class Options(TypedDict, total=False):
    """The keyword arguments, for the framework integrations that pass them on."""

    # Not Iterable: an integration that installs into two apps would find a generator empty at the second.
    protect: Collection[str]
    public: Collection[str]
    skip: Collection[str]
    challenges: bool
    on_error: OnError | None
    websocket_origins: Collection[str]
    allow_missing_origin: bool
    websocket_recheck: int


def reusable(values: Iterable[str]) -> Iterable[str]:
    """Return the values in a form that can be read more than once. A value that is no iterable is refused later."""
    return tuple(values) if isinstance(values, Iterator) else values
