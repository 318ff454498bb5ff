"""Guards and the dependency `current_user`: they require a signed-in user."""

from typing import Any

from litestar import Request, Response, exceptions
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.exceptions.responses import create_exception_response
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from asgi_tiktok.errors import ConfigurationError, LoginRequired
from asgi_tiktok.models import TikTokUser
from asgi_tiktok.session import session_in_scope
from asgi_tiktok.validation import check_required_scopes

EXAMPLE = "Write Litestar(..., plugins=[TikTokPlugin(tiktok)])."

Connection = ASGIConnection[Any, Any, Any, Any]


class Guard:
    """A guard that requires a signed-in user who has granted all these scopes."""

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        require(connection, *self.scopes)


login_required: Guard = Guard()
"""A guard that requires a signed-in user: `@get("/account", guards=[login_required])`."""


def requires_scope(*scopes: str) -> Guard:
    """Return a guard that requires a signed-in user who has granted all these scopes.

    For example `@get("/videos", guards=[requires_scope("video.list")])`.

    Args:
        scopes (str): At least one scope, for example `"video.list"`.
    """
    return Guard(*check_required_scopes(scopes))


async def current_user(scope: Scope) -> TikTokUser:
    """Return the signed-in user. This is the dependency behind `CurrentUser`, which the plugin provides.

    Without the plugin, write `Litestar(..., dependencies={"current_user": current_user})`.

    Raises:
        NotAuthorizedException: The visitor is anonymous. The middleware replaces this response.
        WebSocketException: The same on a WebSocket, which is closed with code 1008.
    """
    return require(ASGIConnection(scope))


CurrentUser = NamedDependency[TikTokUser]
"""The signed-in user: `async def account(current_user: CurrentUser)`. Anonymous visitors do not reach the handler."""


def require(connection: Connection, *scopes: str) -> TikTokUser:
    session = session_in_scope(connection.scope)
    if session is None:
        raise ConfigurationError("This connection did not pass TikTokAuthMiddleware.", hint=EXAMPLE)
    try:
        return session.require(*scopes)
    except LoginRequired as error:
        if connection.scope["type"] == ScopeType.WEBSOCKET:
            raise exceptions.WebSocketException(detail=error.description, code=1008) from None
        raise to_http_exception(error) from None


def to_http_exception(error: LoginRequired) -> exceptions.HTTPException:
    kind = exceptions.PermissionDeniedException if error.status_code == 403 else exceptions.NotAuthorizedException
    return kind(detail=error.description, headers={"WWW-Authenticate": error.challenge})


def respond_to_login_required(request: Request[Any, Any, Any], error: LoginRequired) -> Response[Any]:
    """Return the response to a handler that raised LoginRequired, for example by `await session.token()`."""
    return create_exception_response(request, to_http_exception(error))
