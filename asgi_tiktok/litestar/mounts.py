"""Apps that are mounted in Litestar, and their paths."""

from typing import Any, cast
from urllib.parse import unquote

from litestar import asgi, exceptions
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send
from litestar.utils import normalize_path
from starlette.types import ASGIApp


def mount(path: str, app: ASGIApp) -> ASGIRouteHandler:
    """Mount an app that is wrapped in TikTokAuthMiddleware: `Litestar([mount("/shop", shop)])`.

    Litestar's own `asgi(path, is_mount=True)` adds a slash to the path that the mounted app gets, and does not set
    `root_path` (ASGI: HTTP Connection Scope). The mounted middleware would recognize none of its routes.

    Args:
        path (str): The prefix of the mounted app, for example `/shop`.
        app (ASGIApp): The wrapped app.
    """

    @asgi(path, is_mount=True, copy_scope=True)
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        restore_path(cast(Any, scope), path)
        await app(cast(Any, scope), cast(Any, receive), cast(Any, send))

    return serve


def restore_path(scope: dict[str, Any], path: str) -> None:
    """Set `path` and `root_path` to what the client requested. Litestar has removed the prefix and added a slash."""
    below = normalize_path(scope["path"]).rstrip("/")
    raw_path = scope.get("raw_path")  # optional in ASGI
    requested = unquote(raw_path.decode("latin-1")) if raw_path else path + below
    whole = normalize_path(requested)
    # Litestar serves /shopping from the mount at /shop.
    if not whole.endswith(below):
        raise exceptions.NotFoundException
    prefix = whole.removesuffix(below).rstrip("/")
    outer = scope.get("root_path", "")
    # If a proxy has removed a prefix, only `root_path` contains it.
    scope["root_path"] = prefix if f"{prefix}/".startswith(f"{outer}/") else outer + prefix
    scope["path"] = f"{below}/" if requested.endswith("/") else below or "/"


def with_requested_slash(path: str, scope: Any) -> str:
    """Return the path with a slash at its end if the client requested one. Litestar removes or adds it."""
    raw_path = scope.get("raw_path") or b""  # optional in ASGI
    slash = "/" if raw_path.split(b"?", 1)[0].endswith(b"/") else ""
    return path.rstrip("/") + slash or "/"
