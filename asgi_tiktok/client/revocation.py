"""The token that a revocation needs (TikTok: Revoke a User Access Token)."""

import time

from asgi_tiktok.client.hints import SIGN_IN_AGAIN
from asgi_tiktok.errors import TokenError
from asgi_tiktok.models import Token
from asgi_tiktok.validation import check_string

MARGIN = 10  # seconds in which the request must arrive
FIX = "Pass a Token, an access token or a refresh token of the user."


def refresh_token_of(token: Token | str) -> str | None:
    """Return the refresh token that must be exchanged first; None if an access token is there.

    TikTok revokes access tokens. It need not report that a token of another kind, or an expired one, disconnected
    nothing.
    """
    if not isinstance(token, Token):
        return token if check_string("token", token, FIX).startswith("rft.") else None
    if token.expires_at > time.time() + MARGIN:
        return None
    if token.refresh_token is None:
        raise TokenError(
            "The access token has expired, and there is no refresh token.",
            stage="revoke",
            code="invalid_grant",
            hint=SIGN_IN_AGAIN,
        )
    return token.refresh_token


def access_token_of(token: Token | str) -> str:
    """Return the access token to revoke."""
    return token.access_token if isinstance(token, Token) else token
