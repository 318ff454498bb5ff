"""Small apps in every framework, with a route whose response contains SECRET.

Each app has the guarded route and the open route `/open`. `GuardedApp.path` is the plain path of the guarded route.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from asgi_tiktok import TikTokAuthMiddleware
from tests.support.requests import RawResponse

SECRET = "text-of-the-guarded-handler"
OPEN = "text-of-an-open-handler"


def shows_secret(response: RawResponse) -> bool:
    return SECRET.encode() in response.body or SECRET in str(response.headers)


@dataclass(frozen=True)
class GuardedApp:
    """One app of the matrix.

    Args:
        build: Returns the app, without the guard.
        path: The path of the guarded route.
        open_path: The path of the open route.
        websocket: Whether the guarded route also accepts WebSockets.
        everywhere: Whether the app returns SECRET at every path but `/open` and `/health`.
        install: Puts the guard in front of the app.
        prefix: The path that is guarded.
        public: Whether the app has the open route `/health`.
        ran: Whether a response shows that the guarded handler ran.
    """

    build: Callable[[], Any]
    path: str = "/studio"
    open_path: str = "/open"
    websocket: bool = True
    everywhere: bool = False
    install: Callable[..., Any] = TikTokAuthMiddleware
    prefix: str = "/studio"
    public: bool = True
    ran: Callable[[RawResponse], bool] = shows_secret

    @property
    def guards(self) -> tuple[str, ...]:
        return ("/",) if self.everywhere else (self.prefix, "/")
