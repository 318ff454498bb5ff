"""The app's own functions, which are called when users sign in or out, and when TikTok sends an event."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from starlette.requests import Request

from asgi_tiktok.errors import ConfigurationError, HookFailed, LoginDenied
from asgi_tiktok.models import TikTokUser, WebhookEvent

logger = logging.getLogger("asgi_tiktok")

OnLogin = Callable[[TikTokUser, Request], Awaitable[Mapping[str, Any] | None]]
OnLogout = Callable[[TikTokUser, Request], Awaitable[None]]
OnEvent = Callable[[WebhookEvent], Awaitable[None]]

Hook = TypeVar("Hook", OnLogin, OnLogout, OnEvent)


class Hooks:
    """The hooks of one TikTok app, each kind called in the order in which they were added."""

    def __init__(self) -> None:
        self.on_login: list[OnLogin] = []
        self.on_logout: list[OnLogout] = []
        self.on_deauthorized: list[OnEvent] = []
        self.on_event: list[OnEvent] = []

    async def log_in(self, user: TikTokUser, request: Request) -> dict[str, Any]:
        """Return the data to store with the session; a later hook overrides an earlier one.

        Raises LoginDenied if a hook does, and HookFailed for any other error in a hook.
        """
        data: dict[str, Any] = {}
        for hook in self.on_login:
            try:
                data.update(await hook(user, request) or {})
                json.dumps(data, allow_nan=False)
            except LoginDenied:
                raise
            except Exception as error:
                logger.exception("on_login hook failed: %s", name_of(hook))
                raise HookFailed(
                    f"{name_of(hook)} failed with {type(error).__name__}.",
                    hint="Its traceback is in the log. It must return None or a JSON-serializable dict.",
                ) from None
        return data

    async def log_out(self, user: TikTokUser, request: Request) -> None:
        """Call the hooks after the user has signed out in this browser. A hook that fails is only logged."""
        for hook in self.on_logout:
            try:
                await hook(user, request)
            except Exception:
                logger.exception("on_logout hook failed: %s", name_of(hook))

    async def dispatch(self, event: WebhookEvent, hooks: list[OnEvent]) -> None:
        """Call these hooks with the event. Raises HookFailed for the first that fails."""
        for hook in hooks:
            try:
                await hook(event)
            except Exception as error:
                logger.exception("webhook hook failed: %s on %s", name_of(hook), event.event)
                raise HookFailed(
                    f"{name_of(hook)} failed with {type(error).__name__}.",
                    hint="Its traceback is in the log. TikTok will send the event again.",
                ) from None


def add_hook(name: str, hooks: list[Hook], hook: Hook) -> Hook:
    """Add the hook and return it. Raises ConfigurationError for a function that is not async."""
    if not is_async(hook):
        raise ConfigurationError(f"{name} needs an async function. Write async def.")
    hooks.append(hook)
    return hook


def is_async(hook: object) -> bool:
    return iscoroutinefunction(hook)


def name_of(hook: object) -> str:
    return getattr(hook, "__qualname__", repr(hook))
