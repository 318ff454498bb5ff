"""An httpx2 client for TikTok's API, on behalf of one user."""

from collections.abc import AsyncGenerator
from typing import Protocol

import httpx2

from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.client.deadline import with_deadline
from asgi_tiktok.client.transport import API_TIMEOUT, APITransport
from asgi_tiktok.errors import ConfigurationError, UpstreamTimeout
from asgi_tiktok.models import Token

DEADLINE = 10  # seconds for the body of a response with status 401


class TokenSource(Protocol):
    """The tokens of users, and the client that has issued them."""

    client: TikTokClient

    async def get(self, open_id: str, *, rejected: str | None = None) -> Token:
        """Return a valid token of the user, whose access token is not the `rejected` one."""
        ...

    async def give_up(self, open_id: str, refused: Token) -> Token | None:
        """Return another token of the user, because TikTok refuses this one for good. None if there is none."""
        ...


class UserAuth(httpx2.Auth):
    """Authenticates requests with the user's token, refreshed if needed, and tries once more with another one."""

    def __init__(self, tokens: TokenSource, open_id: str, origin: str) -> None:
        self.tokens = tokens
        self.open_id = open_id
        self.origin = httpx2.URL(origin)

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Called by httpx2 for each request."""
        if (request.url.scheme, request.url.netloc) != (self.origin.scheme, self.origin.netloc):
            raise ConfigurationError(
                f"A user's token must not be sent to {request.url.host}. Use this client for {self.origin} only."
            )
        token = await self.tokens.get(self.open_id)
        response = yield with_token(request, token)
        if not await says_token_is_invalid(response):
            return
        token = await self.tokens.get(self.open_id, rejected=token.access_token)
        # A body from a generator or a file has been consumed, and cannot be sent again.
        if not isinstance(request.stream, httpx2.ByteStream):
            return
        response = yield with_token(request, token)
        if await says_token_is_invalid(response) and (other := await self.tokens.give_up(self.open_id, token)):
            yield with_token(request, other)


def with_token(request: httpx2.Request, token: Token) -> httpx2.Request:
    request.headers["Authorization"] = f"Bearer {token.access_token}"
    return request


async def says_token_is_invalid(response: httpx2.Response) -> bool:
    if response.status_code != 401:
        return False
    try:
        return b"access_token_invalid" in await with_deadline(response.aread(), DEADLINE)
    except TimeoutError:
        failure = UpstreamTimeout("TikTok's response with status 401 arrived too slowly.", stage="api")
    raise failure


def api_client(tokens: TokenSource, open_id: str) -> httpx2.AsyncClient:
    """Return an httpx2 client for TikTok's API as this user. Closing it leaves the shared connections open."""
    origin = tokens.client._endpoints.api
    return httpx2.AsyncClient(
        base_url=origin,
        auth=UserAuth(tokens, open_id, origin),
        transport=APITransport(tokens.client._api_pools),
        timeout=API_TIMEOUT,
        trust_env=False,
    )
