"""TikTokAuth installs the sign-in into a Quart app; `current_user` and the decorators use it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
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

from asgi_tiktok.errors import ConfigurationError, LoginRequired
from asgi_tiktok.middleware import TikTokAuthMiddleware
from asgi_tiktok.models import AnonymousUser, TikTokUser
from asgi_tiktok.routes import button
from asgi_tiktok.routes.options import Options
from asgi_tiktok.routes.required_scopes import add_scopes, scopes_of
from asgi_tiktok.session import Connection, TikTokSession, session_in_scope
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import check_instance, check_required_scopes

__all__ = ["TikTokAuth", "current_user", "login_required", "requires_scope"]

P = ParamSpec("P")
R = TypeVar("R")


class TikTokAuth:
    """Quart extension that adds "Continue with TikTok": `TikTokAuth(app, tiktok)`.

    It wraps `app.asgi_app` in TikTokAuthMiddleware, so requests of the app's test client also pass the middleware.
    Templates can use `current_user`, `tiktok_session` and `tiktok_button(next="/")`. A handler that raises
    LoginRequired, for example by `await session.token()`, gets the same response as with `login_required`.

    Args:
        app (Quart | None): The app to install into. Default: none; call `init_app(app)` later.
        tiktok (TikTok | None): The configured TikTok app. Default: `TikTok.from_env()`.
        **options: The keyword arguments of TikTokAuthMiddleware, for example `protect=("/studio",)`.

    Raises:
        ConfigurationError: A setting cannot work, or the app has a TikTokAuth already.
    """

    def __init__(self, app: Quart | None = None, tiktok: TikTok | None = None, **options: Unpack[Options]) -> None:
        self._wrap = partial(TikTokAuthMiddleware, tiktok=tiktok, **options)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Install into an app that was not passed to the constructor."""
        check_instance("app", app, Quart, "Write TikTokAuth(app, tiktok).")
        if "asgi_tiktok" in app.extensions:
            raise ConfigurationError("This app has a TikTokAuth already.", hint="Write TikTokAuth(app, tiktok) once.")
        # Quart documents this assignment, but its types do not allow it.
        wrapped = cast(Any, app)
        middleware = self._wrap(wrapped.asgi_app)
        wrapped.asgi_app = ExplicitMoreBody(middleware)
        app.before_serving(partial(check_scopes, app, middleware.tiktok))
        app.extensions["asgi_tiktok"] = self
        app.context_processor(template_names)
        # An app that has such a handler already wants its own response.
        if LoginRequired not in app.error_handler_spec[None][None]:
            app.register_error_handler(LoginRequired, partial(respond_to_login_required, app))


def check_scopes(app: Quart, tiktok: TikTok) -> None:
    """Raise ConfigurationError for a handler that requires scopes which no login can request."""
    for rule in app.url_map.iter_rules():
        tiktok._check_declared(scopes_of(app.view_functions.get(rule.endpoint)), route=rule.rule)


class ExplicitMoreBody:
    """Adds `more_body=False` where a response leaves it out, because Quart's test client requires it since 0.23."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_explicitly(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {"more_body": False, **message}
            await send(message)

        await self.app(scope, receive, send_explicitly)


async def respond_to_login_required(app: Quart, error: LoginRequired) -> HTTPException | ResponseReturnValue:
    handle = cast(Callable[..., Awaitable[HTTPException | ResponseReturnValue]], app.handle_http_exception)
    # Quart 0.23 added the context as the first argument.
    context = [app_ctx] if "ctx" in signature(handle).parameters else []
    return await handle(*context, to_http_exception(error))


def to_http_exception(error: LoginRequired) -> HTTPException:
    """Return the exception that calls the app's handlers of 401 and 403. The middleware replaces its response."""
    kind = Forbidden if error.status_code == 403 else Unauthorized
    headers = {"WWW-Authenticate": error.challenge}
    return kind(error.description, Response(error.description, error.status_code, headers))


def current_connection() -> Connection:
    """The current WebSocket or request. Outside both, Quart raises RuntimeError as soon as it is used."""
    return cast(Connection, websocket if has_websocket_context() else request)


def current_session() -> TikTokSession:
    session = session_in_scope(current_connection().scope)
    if session is None:
        raise ConfigurationError("This request did not pass TikTokAuth.", hint="Write TikTokAuth(app, tiktok).")
    return session


current_user: TikTokUser | AnonymousUser = cast(Any, LocalProxy(lambda: current_session().user))
"""The user of the current request or WebSocket, or the anonymous visitor. Outside both, it raises RuntimeError."""


def tiktok_button(
    *,
    next: str | None = None,
    scopes: Iterable[str] = (),
    params: Mapping[str, Any] | None = None,
    switch_account: bool | None = None,
    label: str | None = None,
    nonce: str | None = None,
) -> button.HTML:
    """Return `asgi_tiktok.tiktok_button` for the current request."""
    # Called first, because its error names the line to write in a Quart app.
    current_session()
    connection = current_connection()
    return button.tiktok_button(
        connection, next=next, scopes=scopes, params=params, switch_account=switch_account, label=label, nonce=nonce
    )


def template_names() -> dict[str, object]:
    # The proxies look up nothing until a template uses them, because templates of e-mails have no request.
    return {
        "current_user": current_user,
        "tiktok_session": LocalProxy(current_session),
        "tiktok_button": tiktok_button,
    }


def login_required(handler: Callable[P, R] | None = None) -> Callable[P, R]:
    """Decorate a handler, async or not, that requires a signed-in user.

    Write it below `@app.route` or `@app.websocket`. For an anonymous visitor, the handler raises Unauthorized, whose
    response the middleware replaces: a page request is redirected to the login, an API call gets 401. A WebSocket
    is refused.
    """
    if handler is None:
        raise ConfigurationError("login_required takes no arguments.", hint="Write @login_required.")
    return guard(handler)


def requires_scope(*scopes: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a handler that requires a signed-in user who has granted all these scopes.

    For a user who has not, the handler raises Forbidden, whose response the middleware replaces with a way to
    grant them. Anonymous visitors are treated as by `login_required`.

    Args:
        scopes (str): At least one scope, for example `"video.list"`.
    """
    return partial(guard, scopes=check_required_scopes(scopes))


def guard(handler: Callable[P, R], scopes: tuple[str, ...] = ()) -> Callable[P, R]:
    if not iscoroutinefunction(handler):

        @wraps(handler)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            require(scopes)
            return handler(*args, **kwargs)

        add_scopes(guarded, scopes)
        return guarded

    @wraps(handler)
    async def guarded_async(*args: P.args, **kwargs: P.kwargs) -> object:
        require(scopes)
        return await handler(*args, **kwargs)

    add_scopes(guarded_async, scopes)
    return cast(Callable[P, R], guarded_async)


def require(scopes: tuple[str, ...]) -> None:
    try:
        current_session().require(*scopes)
    except LoginRequired as error:
        raise to_http_exception(error) from None
