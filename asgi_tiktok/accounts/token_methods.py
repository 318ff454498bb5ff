"""The methods of `TikTok` that use the stored tokens of its users."""

from collections.abc import AsyncIterator

import httpx2

from asgi_tiktok.accounts.api_client import api_client
from asgi_tiktok.accounts.hooks import check_not_signing_in
from asgi_tiktok.accounts.sessions import Sessions
from asgi_tiktok.accounts.tokens import Tokens
from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.errors import ConfigurationError, LoginRequired
from asgi_tiktok.events.events import Events
from asgi_tiktok.models import Token


class TokenMethods:
    """Hands out, lists and revokes tokens."""

    _client: TikTokClient
    _events: Events
    _keep_tokens: bool
    _sessions: Sessions
    _tokens: Tokens

    async def token(self, open_id: str) -> Token:
        """Return a valid token of this user, refreshed if needed.

        Args:
            open_id (str): The user's `open_id`.

        Raises:
            LoginRequired: Only a new login can help. Also within `on_login`, where `grant.token` is the token.
            Unavailable: TikTok cannot be reached, and the old token has expired.
            StoreError: The store is unavailable.
        """
        check_not_signing_in(open_id)
        return await self._tokens.get(open_id)

    def api(self, open_id: str) -> httpx2.AsyncClient:
        """Return an httpx2 client for https://open.tiktokapis.com that authenticates as this user.

        It refreshes the token before it expires, and tries once more with a new one after TikTok's error
        `access_token_invalid`. It works in a handler and in a background job. Use it in `async with`; it
        shares the connections of this app. A request raises the errors of `token`, and those of httpx2.

        Args:
            open_id (str): The user's `open_id`.
        """
        check_not_signing_in(open_id)
        return api_client(self._tokens, open_id)

    def stored_tokens(self, *, ending_within: float | None = None) -> AsyncIterator[Token]:
        """Iterate over all stored tokens, the earliest refresh expiry first.

        Args:
            ending_within (float | None): Stop at refresh tokens that are valid for longer than this number
                of seconds. TikTok's refresh window does not slide, so these users must sign in again soon.
                Default: all tokens.

        Raises StoreError if the store is unavailable.
        """
        return self._tokens.records.all(ending_within=ending_within)

    async def disconnect(self, open_id: str) -> None:
        """Sign the user out everywhere, revoke the grant at TikTok, and delete the tokens.

        The sessions end in any case. If TikTok does not confirm, the token is kept, so that a later call can
        try again.

        Args:
            open_id (str): The user's `open_id`.

        Raises:
            TokenError: TikTok refused to revoke.
            Unavailable: TikTok cannot be reached.
            ConfigurationError: No tokens are kept: `TikTok(keep_tokens=False)`.
            StoreError: The store is unavailable.
        """
        self._events.sessions_ended(open_id, await self._sessions.end_all(open_id))
        revoked: Token | None
        try:
            revoked = await self._tokens.get(open_id)
        except LoginRequired:
            revoked = None
        if revoked is None:
            await self._tokens.delete(open_id)
            self._check_tokens_are_kept("disconnect()")
            return
        while revoked is not None:
            await self._client.revoke_token(revoked.access_token)
            # Perhaps TikTok has ended this token at a later login, whose own token is still valid.
            revoked = await self._tokens.give_up(open_id, revoked)
        await self._tokens.delete(open_id)

    def _check_tokens_are_kept(self, name: str) -> None:
        if not self._keep_tokens:
            raise ConfigurationError(
                f"{name} needs the user's token, but TikTok(keep_tokens=False) stores no tokens.",
                hint="Remove keep_tokens=False.",
            )
