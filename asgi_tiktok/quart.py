"""Quart's own idiom: `TikTokAuth(app, tiktok)`, who is there, and decorators of routes and WebSockets."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial, wraps
from inspect import iscoroutinefunction, signature
from typing import Any, ParamSpec, TypeVar, Unpack, cast

from quart import Quart, has_websocket_context, request, websocket
from quart.globals import app_ctx
from quart.typing import ResponseReturnValue
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from werkzeug.exceptions import Forbidden, HTTPException, Unauthorized
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

from asgi_tiktok.button import HTML
from asgi_tiktok.button import tiktok_button as button_of
from asgi_tiktok.errors import ConfigurationError, LoginRequired, ScopeRequired
from asgi_tiktok.middleware import TikTokAuthMiddleware
from asgi_tiktok.models import AnonymousUser, TikTokUser
from asgi_tiktok.routes.options import Options
from asgi_tiktok.session import Connection, TikTokSession
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import check_instance, check_scopes

__all__ = ["TikTokAuth", "current_user", "login_required", "requires_scope"]

P = ParamSpec("P")
R = TypeVar("R")


class TikTokAuth:
    """Puts "Continue with TikTok" into a Quart app: `TikTokAuth(app, tiktok)`, or later `init_app(app)`.

    The keywords are those of TikTokAuthMiddleware, which goes around `app.asgi_app`, so that the app's test
    client passes it, too. Templates find `current_user`, `tiktok_session` and `tiktok_button(next="/")`.
    A LoginRequired that a handler raises, by `await session.token()` say, is answered as `login_required` does.

    Without `tiktok`, everything comes from the environment: TikTok.from_env().
    """

    def __init__(
        self,
        app: Quart | None = None,
        tiktok: TikTok | None = None,
        **options: Unpack[Options],
    ) -> None:
        self._wrap = partial(TikTokAuthMiddleware, tiktok=tiktok, **options)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Install into the app. Raises ConfigurationError for settings that cannot work, and the second time."""
        check_instance("app", app, Quart, "Write TikTokAuth(app, tiktok).")
        if "asgi_tiktok" in app.extensions:
            raise ConfigurationError("This app has a TikTokAuth already; give TikTokAuth(app, tiktok) once.")
        # Quart's documentation assigns to the method, and its ASGI types are hypercorn's.
        wrapped = cast(Any, app)
        wrapped.asgi_app = ExplicitMoreBody(self._wrap(wrapped.asgi_app))
        app.extensions["asgi_tiktok"] = self
        app.context_processor(template_names)
        # A handler that the app has already is the app's own answer.
        if LoginRequired not in app.error_handler_spec[None][None]:
            app.register_error_handler(LoginRequired, partial(answer_login_required, app))


class ExplicitMoreBody:
    """Adds the default of `more_body` to each response, because Quart's test client requires it since 0.23."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_explicitly(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {"more_body": False, **message}
            await send(message)

        await self.app(scope, receive, send_explicitly)


async def answer_login_required(app: Quart, error: LoginRequired) -> HTTPException | ResponseReturnValue:
    handle = cast(Callable[..., Awaitable[HTTPException | ResponseReturnValue]], app.handle_http_exception)
    # Since 0.23, Quart hands its context over.
    context = [app_ctx] if "ctx" in signature(handle).parameters else []
    return await handle(*context, refusal(error))


def refusal(error: LoginRequired) -> HTTPException:
    """The exception for which handlers of 401 and 403 are called; its answer is the middleware's to replace."""
    kind = Forbidden if isinstance(error, ScopeRequired) else Unauthorized
    headers = {"WWW-Authenticate": error.challenge}
    return kind(error.description, Response(error.description, error.status_code, headers))


def current_connection() -> Connection:
    """The WebSocket or request that is being served; outside of both, Quart raises RuntimeError when it is used."""
    return cast(Connection, websocket if has_websocket_context() else request)


def current_session() -> TikTokSession:
    """Raises ConfigurationError when nothing of ours stands in front of the app."""
    session = current_connection().scope.get("tiktok")
    if not isinstance(session, TikTokSession):
        raise ConfigurationError("This request did not pass TikTokAuth. Install it: TikTokAuth(app, tiktok).")
    return session


current_user = cast(TikTokUser | AnonymousUser, LocalProxy(lambda: current_session().user))
"""Whoever sent the request or opened the WebSocket that is being served.

Raises RuntimeError outside of one, and ConfigurationError without TikTokAuth.
"""


def tiktok_button(
    *, next: str | None = None, scopes: Iterable[str] = (), label: str = "Continue with TikTok"
) -> HTML:
    """asgi_tiktok.tiktok_button for the page that is being made."""
    # Asked first, because its error names the line to write in Quart.
    current_session()
    return button_of(current_connection(), next=next, scopes=scopes, label=label)


def template_names() -> dict[str, object]:
    # Nothing is looked up before a template uses it, for mails and the like are rendered outside of requests.
    return {
        "current_user": current_user,
        "tiktok_session": LocalProxy(current_session),
        "tiktok_button": tiktok_button,
    }


def login_required(handler: Callable[P, R] | None = None) -> Callable[P, R]:
    """Decorate a handler, below `@app.route` or `@app.websocket`: only for somebody who is signed in.

    For nobody it raises Unauthorized, which the middleware answers: a page leads to the login, an API call
    gets 401, and a WebSocket is refused.
    """
    if handler is None:
        raise ConfigurationError("login_required takes no arguments; write @login_required.")
    return guard(handler)


def requires_scope(*scopes: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a handler as login_required does: only for somebody who granted all these scopes.

    For those who did not it raises Forbidden, which the middleware answers with the way to grant them.
    Raises ConfigurationError for no scope at all and for one that cannot be TikTok's.
    """
    if not scopes or callable(scopes[0]):
        raise ConfigurationError('requires_scope names no scope; write @requires_scope("video.list").')
    return partial(guard, scopes=check_scopes("requires_scope", scopes))


def guard(handler: Callable[P, R], scopes: tuple[str, ...] = ()) -> Callable[P, R]:
    if not iscoroutinefunction(handler):

        @wraps(handler)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            require(scopes)
            return handler(*args, **kwargs)

        return guarded

    @wraps(handler)
    async def guarded_async(*args: P.args, **kwargs: P.kwargs) -> object:
        require(scopes)
        return await handler(*args, **kwargs)

    return cast(Callable[P, R], guarded_async)


def require(scopes: tuple[str, ...]) -> None:
    try:
        current_session().require(*scopes)
    except LoginRequired as error:
        raise refusal(error) from None
