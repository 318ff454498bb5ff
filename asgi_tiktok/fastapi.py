"""The user as dependencies of FastAPI routes and WebSockets.

In tests, `app.dependency_overrides` replaces `current_user` and `optional_user`.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Security, WebSocketException, params, routing, status
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import SecurityBase as SecurityScheme
from fastapi.security import APIKeyHeader, SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from asgi_tiktok.errors import ConfigurationError, LoginRequired
from asgi_tiktok.models import AnonymousUser, TikTokUser
from asgi_tiktok.routes.required_scopes import required_scopes
from asgi_tiktok.session import tiktok_session
from asgi_tiktok.validation import check_required_scopes

__all__ = ["CurrentUser", "OptionalUser", "current_user", "optional_user", "requires_scope"]


class SignedIn(SecurityBase):
    """The dependency behind `CurrentUser` and `requires_scope`, and the padlock in OpenAPI."""

    scheme_name = "TikTok"
    # FastAPI does not say which app the schema describes. The name of the cookie and the path of the login
    # depend on that app's TikTok object, but the name of the header does not.
    model: SecurityScheme = APIKeyHeader(
        name="Cookie",
        description=(
            "Sign in with TikTok in this browser. The browser then sends the session cookie with each request."
        ),
    ).model

    async def __call__(self, connection: HTTPConnection, scopes: SecurityScopes) -> TikTokUser:
        """Return the signed-in user, who has granted all scopes of the route and of its dependencies.

        Raises:
            HTTPException: The visitor is anonymous (401), or the user has not granted all scopes (403). The
                middleware replaces this response.
            WebSocketException: The same on a WebSocket, which is closed with code 1008.
        """
        try:
            return tiktok_session(connection).require(*scopes.scopes)
        except LoginRequired as error:
            if connection.scope["type"] == "websocket":
                raise WebSocketException(status.WS_1008_POLICY_VIOLATION, error.description) from None
            # FastAPI's own class, because apps register their error handlers for it.
            raise HTTPException(error.status_code, error.detail, error.headers) from None


async def optional_user(connection: HTTPConnection) -> TikTokUser | AnonymousUser:
    """Return the user or the anonymous visitor. This is the dependency behind `OptionalUser`."""
    return tiktok_session(connection).user


current_user: SignedIn = SignedIn()
"""The dependency behind `CurrentUser`."""

CurrentUser = Annotated[TikTokUser, Security(current_user)]
"""The signed-in user: `user: CurrentUser`. Anonymous visitors do not reach the route."""

# Not Security, because OpenAPI would then mark the route as closed to anonymous visitors.
OptionalUser = Annotated[TikTokUser | AnonymousUser, Depends(optional_user)]
"""The user or the anonymous visitor: `user: OptionalUser`. `user.is_authenticated` distinguishes them."""


class RequiresScope(params.Security):
    """The type of `requires_scope`: a function that is also a dependency, which reports a forgotten call."""

    def __call__(self, *scopes: str) -> params.Security:
        """Return a dependency on a signed-in user who has granted all these scopes.

        Use it for one user, `user: Annotated[TikTokUser, requires_scope("video.list")]`, or for a whole route or
        router, `dependencies=[requires_scope("video.list")]`.

        Args:
            scopes (str): At least one scope, for example `"video.list"`.
        """
        return params.Security(current_user, scopes=check_required_scopes(scopes))


async def report_forgotten_call() -> None:
    raise ConfigurationError("requires_scope is a function.", hint='Write requires_scope("video.list").')


# FastAPI would ignore a plain function in Annotated[TikTokUser, requires_scope], and read the user from the body of
# the request.
requires_scope: RequiresScope = RequiresScope(report_forgotten_call)


@required_scopes.register
def scopes_of_routes(app: FastAPI) -> Iterator[tuple[str, list[str]]]:
    """Yield the path and the scopes of each dependency on `current_user`, and of nothing in a mounted app."""
    for route in all_routes(app):
        pending: list[Dependant] = [route.dependant] if hasattr(route, "dependant") else []
        for dependant in pending:
            pending += dependant.dependencies
            if dependant.call is current_user:
                yield route.path, [*(dependant.parent_oauth_scopes or ()), *(dependant.own_oauth_scopes or ())]


def all_routes(app: FastAPI) -> Iterator[Any]:
    # Since 0.137, FastAPI combines a router with the routers that include it only when it needs them.
    iterate = getattr(routing, "iter_route_contexts", iter)
    return iterate(app.routes)
