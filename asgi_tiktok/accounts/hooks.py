"""The app's own functions, which are called when users sign in or out, and when TikTok sends an event."""

import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from starlette.requests import Request

from asgi_tiktok.accounts.grant import Grant
from asgi_tiktok.accounts.hook_signature import takes_grant
from asgi_tiktok.crypto.redaction import without_traceback
from asgi_tiktok.errors import HookFailed, LoginDenied, LoginRequired, TikTokError
from asgi_tiktok.models import TikTokUser, WebhookEvent

logger = logging.getLogger("asgi_tiktok")

Data = Mapping[str, Any] | None
OnLogin = Callable[[TikTokUser, Request], Awaitable[Data]] | Callable[[TikTokUser, Request, Grant], Awaitable[Data]]
OnLogout = Callable[[TikTokUser, Request], Awaitable[None]]
OnFailedLogin = Callable[[TikTokError, Request], Awaitable[None]]
OnRefreshFailed = Callable[[str, LoginRequired], Awaitable[None]]
OnEvent = Callable[[WebhookEvent], Awaitable[None]]

NOBODY: frozenset[str] = frozenset()
signing_in: ContextVar[set[str] | frozenset[str]] = ContextVar("signing_in", default=NOBODY)
"""The user whose `on_login` hooks run. The set is emptied after them, also for the tasks that they have started."""


class Hooks:
    """The hooks of one TikTok app, each kind called in the order in which they were added."""

    def __init__(self) -> None:
        self.on_login: list[Callable[..., Awaitable[Data]]] = []
        self.on_logout: list[OnLogout] = []
        self.on_failed_login: list[OnFailedLogin] = []
        self.on_refresh_failed: list[OnRefreshFailed] = []
        self.on_deauthorized: list[OnEvent] = []
        self.on_event: list[OnEvent] = []

    async def log_in(self, user: TikTokUser, request: Request, grant: Grant) -> dict[str, Any]:
        """Return the data to store with the session; a later hook overrides an earlier one.

        Raises LoginDenied if a hook does, and HookFailed for any other error in a hook.
        """
        data: dict[str, Any] = {}
        for hook in self.on_login:
            arguments = (user, request, grant) if takes_grant(hook) else (user, request)
            try:
                with signing_in_as(user):
                    data.update(await hook(*arguments) or {})
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

    async def fail_login(self, error: TikTokError, request: Request) -> None:
        """Call the hooks for a login that did not complete. A hook that fails is only logged."""
        for hook in self.on_failed_login:
            try:
                await hook(without_traceback(error), request)
            except Exception:
                logger.exception("on_failed_login hook failed: %s", name_of(hook))

    async def fail_refresh(self, open_id: str, error: LoginRequired) -> None:
        """Call the hooks for a user who has no token any more. A hook that fails is only logged."""
        for hook in self.on_refresh_failed:
            try:
                await hook(open_id, without_traceback(error))
            except Exception:
                logger.exception("on_refresh_failed hook failed: %s", name_of(hook))

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


@contextmanager
def signing_in_as(user: TikTokUser) -> Iterator[None]:
    users = {user.open_id}
    token = signing_in.set(users)
    try:
        yield
    finally:
        signing_in.reset(token)
        users.clear()


def check_not_signing_in(open_id: str) -> None:
    """Raise LoginRequired in an `on_login` hook of this user, because the new token is not stored yet."""
    if open_id in signing_in.get():
        raise LoginRequired(
            "The login of this user is not complete.",
            stage="token",
            hint="In on_login, use grant.token or grant.api(): write async def hook(user, request, grant).",
        )


def name_of(hook: object) -> str:
    return getattr(hook, "__qualname__", repr(hook))
