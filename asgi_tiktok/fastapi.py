"""FastAPI's own idiom: who is there, as dependencies of routes and WebSockets.

`current_user` and `optional_user` are what `app.dependency_overrides` replaces in tests.
"""

from typing import Annotated

from fastapi import Depends, HTTPException, Security, WebSocketException, params, status
from fastapi.security import APIKeyCookie, SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from asgi_tiktok.errors import ConfigurationError, LoginRequired
from asgi_tiktok.models import AnonymousUser, TikTokUser
from asgi_tiktok.session import tiktok_session
from asgi_tiktok.validation import check_scopes

__all__ = ["CurrentUser", "OptionalUser", "current_user", "optional_user", "requires_scope"]


class SignedIn(SecurityBase):
    """The dependency behind CurrentUser and requires_scope, and the padlock in OpenAPI."""

    scheme_name = "TikTok"
    model = APIKeyCookie(
        name="__Host-tiktok_session",
        description=(
            "Open `/auth/tiktok/login` in this browser and sign in with TikTok: the cookie then goes with each "
            "request. On `http://localhost` it is called `tiktok_session`."
        ),
    ).model

    async def __call__(self, connection: HTTPConnection, scopes: SecurityScopes) -> TikTokUser:
        """Who is signed in, with all the scopes that the route and the dependencies on the way ask for.

        Raises HTTPException, 401 for nobody and 403 where a scope is missing, which the middleware answers;
        on a WebSocket WebSocketException, which refuses it. Raises ConfigurationError as TikTokSession.require.
        """
        try:
            return tiktok_session(connection).require(*scopes.scopes)
        except LoginRequired as error:
            if connection.scope["type"] == "websocket":
                raise WebSocketException(status.WS_1008_POLICY_VIOLATION, error.description) from None
            # FastAPI's own class, because that is what handlers of an app are registered for.
            raise HTTPException(error.status_code, error.detail, error.headers) from None


async def optional_user(connection: HTTPConnection) -> TikTokUser | AnonymousUser:
    """The dependency behind OptionalUser: whoever is there. Raises ConfigurationError without the middleware."""
    return tiktok_session(connection).user


current_user = SignedIn()

CurrentUser = Annotated[TikTokUser, Security(current_user)]
"""Somebody who is signed in: `user: CurrentUser`. Nobody else gets to the route."""

# No padlock, for OpenAPI would call the route closed to those who are not signed in.
OptionalUser = Annotated[TikTokUser | AnonymousUser, Depends(optional_user)]
"""Whoever is there: `user: OptionalUser`, told apart by `user.is_authenticated`."""


class RequiresScope(params.Security):
    """What `requires_scope` is: a function, and a dependency that says so where the call was forgotten."""

    def __call__(self, *scopes: str) -> params.Security:
        """Somebody who granted all these scopes: `user: Annotated[TikTokUser, requires_scope("video.list")]`.

        Also in `dependencies=[requires_scope("video.list")]`. Raises ConfigurationError for no scope at all
        and for one that cannot be TikTok's.
        """
        if not scopes:
            raise ConfigurationError('requires_scope() names no scope; write requires_scope("video.list").')
        return params.Security(current_user, scopes=check_scopes("requires_scope", scopes))


async def not_called() -> None:
    raise ConfigurationError('requires_scope is a function; write requires_scope("video.list").')


# A bare function in Annotated[TikTokUser, ...] would mean nothing to FastAPI, which would then read the user
# out of the request's body.
requires_scope = RequiresScope(not_called)
