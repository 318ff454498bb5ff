"""Small apps in every framework, with a route whose response contains SECRET.

Each app has the guarded route and the open route `/open`. `GuardedApp.path` is the plain path of the guarded route.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from asgi_tiktok import TikTokAuthMiddleware

SECRET = "text-of-the-guarded-handler"
OPEN = "text-of-an-open-handler"


@dataclass(frozen=True)
class GuardedApp:
    """One app of the matrix.

    Args:
        build: Returns the app, without our middleware.
        path: The path of the guarded route.
        open_path: The path of the open route.
        websocket: Whether the guarded route also accepts WebSockets.
        everywhere: Whether the app returns SECRET at every path but `/open` and `/health`.
        install: Puts the guard in front of the app.
    """

    build: Callable[[], Any]
    path: str = "/studio"
    open_path: str = "/open"
    websocket: bool = True
    everywhere: bool = False
    install: Callable[..., Any] = TikTokAuthMiddleware
