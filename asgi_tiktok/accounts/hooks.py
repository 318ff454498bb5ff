"""What the app does when people come and go."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any

from starlette.requests import Request

from asgi_tiktok.errors import ConfigurationError, HookFailed, LoginDenied
from asgi_tiktok.models import TikTokUser, WebhookEvent

logger = logging.getLogger("asgi_tiktok")

OnLogin = Callable[[TikTokUser, Request], Awaitable[Mapping[str, Any] | None]]
OnLogout = Callable[[TikTokUser, Request], Awaitable[None]]
OnEvent = Callable[[WebhookEvent], Awaitable[None]]


class Hooks:
    """The app's own functions, each kind called in the order in which they were added."""

    def __init__(self) -> None:
        self.on_login: list[OnLogin] = []
        self.on_logout: list[OnLogout] = []
        self.on_deauthorized: list[OnEvent] = []
        self.on_event: list[OnEvent] = []

    async def log_in(self, user: TikTokUser, request: Request) -> dict[str, Any]:
        """What the hooks want to be kept with the session, later ones over earlier ones.

        Raises LoginDenied where a hook does, and HookFailed for anything else that goes wrong.
        """
        data: dict[str, Any] = {}
        for hook in self.on_login:
            try:
                data.update(await hook(user, request) or {})
                json.dumps(data, allow_nan=False)
            except LoginDenied:
                raise
            except Exception as error:
                logger.exception("the on_login hook %s failed", name_of(hook))
                raise HookFailed(
                    f"{name_of(hook)} failed with {type(error).__name__}.",
                    hint="Its traceback is in the log. It must return None or a dict that JSON can hold.",
                ) from None
        return data

    async def log_out(self, user: TikTokUser, request: Request) -> None:
        """Tell the hooks that this user has signed out here; one that fails is logged and passed over."""
        for hook in self.on_logout:
            try:
                await hook(user, request)
            except Exception:
                logger.exception("the on_logout hook %s failed", name_of(hook))

    async def tell(self, event: WebhookEvent, hooks: list[OnEvent]) -> None:
        """Pass the event to these hooks; HookFailed for the first that raises."""
        for hook in hooks:
            try:
                await hook(event)
            except Exception as error:
                logger.exception("the hook %s failed on %s", name_of(hook), event.event)
                raise HookFailed(
                    f"{name_of(hook)} failed with {type(error).__name__}.",
                    hint="Its traceback is in the log. TikTok will send the event again.",
                ) from None


def name_of(hook: object) -> str:
    return getattr(hook, "__qualname__", repr(hook))


def check_hook(name: str, hook: object) -> None:
    """Raise ConfigurationError for a hook that is not async."""
    if not iscoroutinefunction(hook):
        raise ConfigurationError(f"{name} takes an async function: write async def.")
