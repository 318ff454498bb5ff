"""Proof Key for Code Exchange (RFC 7636), also in TikTok's own form."""

import hashlib
import re
from base64 import urlsafe_b64encode
from typing import Literal

from asgi_tiktok.errors import ConfigurationError

PKCE = Literal["hex", "base64url", "off"]


def check_pkce(pkce: PKCE) -> PKCE:
    """Return the form of the code challenge. Raises ConfigurationError for any other value."""
    if pkce not in ("hex", "base64url", "off"):
        raise ConfigurationError(f"pkce={pkce!r} is unknown.", hint='Write "hex", "base64url" or "off".')
    return pkce


def code_challenge(code_verifier: str | None, pkce: PKCE) -> str:
    """Return the S256 challenge (RFC 7636 §4.2), in hexadecimal digits if TikTok's form is chosen."""
    if code_verifier is None:
        raise ConfigurationError(
            f"code_verifier is missing, and pkce={pkce!r} needs one.",
            hint='Make one with generate_code_verifier() and pass it to fetch_token too, or set pkce="off".',
        )
    if not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", code_verifier):
        raise ConfigurationError(
            "code_verifier must be 43 to 128 unreserved characters (RFC 7636 §4.1).",
            hint="Make one with generate_code_verifier().",
        )
    digest = hashlib.sha256(code_verifier.encode("ascii")).digest()
    return digest.hex() if pkce == "hex" else urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
