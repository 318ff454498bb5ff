"""The decorators of `TikTok` with which an app adds its hooks."""

from typing import TypeVar

from asgi_tiktok.accounts.hook_signature import check_hook
from asgi_tiktok.accounts.hooks import Hooks, OnEvent, OnFailedLogin, OnLogin, OnLogout, OnRefreshFailed

LoginHook = TypeVar("LoginHook", bound=OnLogin)
LogoutHook = TypeVar("LogoutHook", bound=OnLogout)
FailedLoginHook = TypeVar("FailedLoginHook", bound=OnFailedLogin)
RefreshFailedHook = TypeVar("RefreshFailedHook", bound=OnRefreshFailed)
EventHook = TypeVar("EventHook", bound=OnEvent)


class HookDecorators:
    """Adds hooks to an app. Each decorator returns the hook unchanged.

    A hook is an async function, a `functools.partial` of one, or an object with an async `__call__`. Each decorator
    raises ConfigurationError for anything else, and for a hook that takes other arguments.
    """

    _hooks: Hooks

    def on_login(self, hook: LoginHook) -> LoginHook:
        """Decorate `async def hook(user, request, grant)`, which is called before a session is created.

        `async def hook(user, request)` works too. The hook may return a JSON-serializable dict, which becomes the
        session's `data`, or raise `LoginDenied("reason")` to reject the user. Any other exception ends the login
        with an error page. Nothing of the login is stored before all hooks have returned.
        """
        check_hook("on_login", hook, arguments=("user", "request"), optional="grant")
        self._hooks.on_login.append(hook)
        return hook

    def on_logout(self, hook: LogoutHook) -> LogoutHook:
        """Decorate `async def hook(user, request)`, which is called after a user has signed out."""
        check_hook("on_logout", hook, arguments=("user", "request"))
        self._hooks.on_logout.append(hook)
        return hook

    def on_failed_login(self, hook: FailedLoginHook) -> FailedLoginHook:
        """Decorate `async def hook(error, request)`, which is called for every login that did not complete.

        `error` is a TikTokError. Anyone can cause such errors without TikTok, so the hook should be cheap.
        """
        check_hook("on_failed_login", hook, arguments=("error", "request"))
        self._hooks.on_failed_login.append(hook)
        return hook

    def on_refresh_failed(self, hook: RefreshFailedHook) -> RefreshFailedHook:
        """Decorate `async def hook(open_id, error)`, which is called when a user's token can no longer be refreshed.

        The token has been deleted, and only a new login can help. The user stays signed in. `error` is the
        LoginRequired that `token` raises. Of several workers, one calls the hook.
        """
        check_hook("on_refresh_failed", hook, arguments=("open_id", "error"))
        self._hooks.on_refresh_failed.append(hook)
        return hook

    def on_deauthorized(self, hook: EventHook) -> EventHook:
        """Decorate `async def hook(event)`, which is called when an account is no longer connected to the app.

        The sessions and tokens of logins before the event are deleted first. If a hook raises, TikTok sends the
        event again.
        """
        check_hook("on_deauthorized", hook, arguments=("event",))
        self._hooks.on_deauthorized.append(hook)
        return hook

    def on_event(self, hook: EventHook) -> EventHook:
        """Decorate `async def hook(event)`, which is called for each event that TikTok sends to the webhook."""
        check_hook("on_event", hook, arguments=("event",))
        self._hooks.on_event.append(hook)
        return hook
