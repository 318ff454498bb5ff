"""Who may open a WebSocket."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import Scope

from asgi_tiktok.errors import RequestRefused


def check_origin(scope: Scope, allowed: Collection[str], *, allow_missing: bool) -> bool:
    """Return whether the client may use a session on a WebSocket (RFC 6455 §10.2).

    Raises RequestRefused for a page of an origin that is not allowed.
    """
    origins = Headers(scope=scope).getlist("origin")
    if not origins:
        return allow_missing
    if len(origins) == 1 and origins[0] in allowed:
        return True
    raise RequestRefused(
        "A page of another origin opened a WebSocket.",
        code="foreign_origin",
        status_code=403,
        hint="To allow its origin, add it to TikTokAuthMiddleware(websocket_origins=...).",
    )
