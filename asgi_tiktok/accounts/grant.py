"""The result of one login, which the app's `on_login` hooks get."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from asgi_tiktok.accounts.api_client import api_client
from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.errors import LoginRequired
from asgi_tiktok.models import Token

__all__ = ["Grant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a user granted in one login, before anything of it is stored. Its `repr` shows no secret.

    Attributes:
        token (Token): The user's new token.
        requested_scopes (tuple[str, ...]): The scopes that the login requested.
        params (Mapping[str, Any]): The values that the app passed to `login_url(params=...)`. Empty without them.
            They prove nothing about the user, because anyone can pass the link on.
        next (str): The path to which the login leads.
    """

    token: Token
    requested_scopes: tuple[str, ...]
    params: Mapping[str, Any] = field(repr=False)
    next: str
    _client: TikTokClient = field(repr=False)

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that the user granted."""
        return self.token.scopes

    @property
    def missing_scopes(self) -> tuple[str, ...]:
        """The scopes that the login requested and the user did not grant."""
        return tuple(scope for scope in self.requested_scopes if scope not in self.token.scopes)

    def api(self) -> httpx2.AsyncClient:
        """Return an httpx2 client for TikTok's API as this user, with `token`. Use it in `async with`.

        It never refreshes the token. After the login, use `TikTok.api` instead.
        """
        return api_client(UnsavedToken(self._client, self.token), self.token.open_id)


class UnsavedToken:
    """The token of a login that is not complete, as the API client gets it."""

    def __init__(self, client: TikTokClient, token: Token) -> None:
        self.client = client
        self.token = token

    async def get(self, open_id: str, *, scopes: Collection[str] = (), rejected: str | None = None) -> Token:
        if rejected is not None:
            raise LoginRequired("TikTok has rejected the token of this login.", stage="token")
        return self.token

    async def other_scopes(self, open_id: str, refused: Token) -> list[tuple[str, ...]]:
        return []

    async def give_up(self, open_id: str, refused: Token) -> None:
        return None
