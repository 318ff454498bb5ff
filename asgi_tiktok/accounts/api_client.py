"""An httpx2 client for TikTok's API, on behalf of one user."""

from collections.abc import AsyncGenerator, Collection
from typing import TYPE_CHECKING, NoReturn, Protocol

import httpx2

from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.client.deadline import with_deadline
from asgi_tiktok.client.transport import API_TIMEOUT, APITransport
from asgi_tiktok.errors import ConfigurationError, UpstreamTimeout
from asgi_tiktok.models import Token

DEADLINE = 10  # seconds for the body of a response with status 401
TOKEN_INVALID = b"access_token_invalid"
SCOPE_MISSING = b"scope_not_authorized"


class TokenSource(Protocol):
    """The tokens of users, and the client that has issued them."""

    client: TikTokClient

    async def get(self, open_id: str, *, scopes: Collection[str] = (), rejected: str | None = None) -> Token:
        """Return a valid token of the user, whose access token is not the `rejected` one.

        If there are several, return the one that has most of the scopes.
        """
        ...

    async def other_scopes(self, open_id: str, refused: Token) -> list[tuple[str, ...]]:
        """Return the scopes of each of the user's tokens that has some which the refused one lacks."""
        ...

    async def give_up(self, open_id: str, refused: Token) -> Token | None:
        """Return another token of the user, because TikTok refuses this one for good. None if there is none."""
        ...


class UserAuth(httpx2.Auth):
    """Authenticates requests with the user's token, refreshed if needed.

    A request whose token TikTok rejects, or that lacks a scope, is tried again with another token of the user.
    """

    def __init__(self, tokens: TokenSource, open_id: str, origin: str, scopes: tuple[str, ...]) -> None:
        self.tokens = tokens
        self.open_id = open_id
        self.origin = httpx2.URL(origin)
        self.scopes = scopes

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Called by httpx2 for each request."""
        if (request.url.scheme, request.url.netloc) != (self.origin.scheme, self.origin.netloc):
            raise ConfigurationError(
                f"A user's token must not be sent to {request.url.host}. Use this client for {self.origin} only."
            )
        # A body from a generator or a file is consumed, and cannot be sent again.
        repeatable = isinstance(request.stream, httpx2.ByteStream)
        choices = [self.scopes]
        for scopes in choices:
            token = await self.tokens.get(self.open_id, scopes=scopes)
            response = yield with_token(request, token)
            if await says(response, TOKEN_INVALID):
                token = await self.tokens.get(self.open_id, scopes=scopes, rejected=token.access_token)
                if not repeatable:
                    return
                response = yield with_token(request, token)
                while await says(response, TOKEN_INVALID) and (
                    spare := await self.tokens.give_up(self.open_id, token)
                ):
                    token = spare
                    response = yield with_token(request, token)
            if not (repeatable and await says(response, SCOPE_MISSING)):
                self.scopes = scopes
                return
            others = await self.tokens.other_scopes(self.open_id, token)
            choices += [each for each in others if each not in choices]


def with_token(request: httpx2.Request, token: Token) -> httpx2.Request:
    request.headers["Authorization"] = f"Bearer {token.access_token}"
    return request


async def says(response: httpx2.Response, code: bytes) -> bool:
    if response.status_code != 401:
        return False
    try:
        return code in await with_deadline(response.aread(), DEADLINE)
    except TimeoutError:
        failure = UpstreamTimeout("TikTok's response with status 401 arrived too slowly.", stage="api")
    raise failure


class UserClient(httpx2.AsyncClient):
    """A client whose error says that `with` must be `async with`, for type checkers the same as httpx2's."""

    if not TYPE_CHECKING:

        def __enter__(self) -> NoReturn:
            raise TypeError("This client is asynchronous. Write async with instead of with.")

        def __exit__(self, *error: object) -> None: ...


def api_client(tokens: TokenSource, open_id: str, scopes: tuple[str, ...] = ()) -> httpx2.AsyncClient:
    """Return an httpx2 client for TikTok's API as this user. Closing it leaves the shared connections open.

    If the user has several tokens, it begins with the one that has most of the scopes.
    """
    origin = tokens.client._endpoints.api
    return UserClient(
        base_url=origin,
        auth=UserAuth(tokens, open_id, origin, scopes),
        transport=APITransport(tokens.client._api_pools),
        timeout=API_TIMEOUT,
        trust_env=False,
    )
