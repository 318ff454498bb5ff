"""Strict parsing of TikTok's responses.

TikTok has two formats. The OAuth endpoints return a flat object, and report errors with HTTP 200. The API wraps its
data, and reports success as `"error": {"code": "ok"}`. In neither format does the HTTP status alone decide.
"""

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from asgi_tiktok.errors import APIError, InvalidResponse, RateLimited, TokenError, Unavailable

CREDENTIALS_HINT = (
    "Copy client_key and client_secret again from Credentials in the TikTok developer portal, without white space "
    "and both from the same place, because a sandbox and the production app have different credentials."
)
HINTS = {
    "invalid_client": CREDENTIALS_HINT,
    "unauthorized_client": CREDENTIALS_HINT + " Add Login Kit to the products of the app.",
    "invalid_grant": "A code or refresh token works once, and for a limited time. The user must sign in again.",
    "invalid_scope": "Add every scope under Scopes in the portal, and wait for TikTok's approval.",
    "scope_not_authorized": "Ask the user for this scope with login_url(scopes=...).",
    "access_token_invalid": "The token has expired or was revoked. Refresh it, or ask the user to sign in again.",
}
UNKNOWN_CODE_HINT = "Look up this code in TikTok's documentation of OAuth errors."
HINTS_BY_PHRASE = {
    "redirect_uri": "Set redirect_uri to exactly the address that is registered in the portal under Login Kit.",
    "code verifier": 'Leave pkce at "hex", because TikTok expects the hexadecimal SHA-256 of the verifier.',
    "malformed": "A parameter is missing or misspelled. Remove white space from client_key and client_secret.",
}
TRANSIENT = frozenset({"server_error", "temporarily_unavailable"})


def read_oauth(response: httpx2.Response, stage: str) -> dict[str, Any]:
    """Return the body of a successful response of an OAuth endpoint; `{}` if the body is empty.

    Raises TokenError for an error of TikTok with any status, RateLimited, Unavailable and InvalidResponse.
    """
    body = read_object(response, stage)
    if (error := body.get("error")) is not None:
        if isinstance(error, dict):
            raise api_error(error, stage)
        if not isinstance(error, str) or not error:
            raise InvalidResponse("error is not a string.", stage=stage, log_id=log_id_of(response, body))
        raise token_error(error, str(body.get("error_description") or ""), stage, log_id_of(response, body))
    if isinstance(body.get("data"), dict) and "error_code" in body["data"]:
        raise InvalidResponse(
            "This is a response of TikTok's v1 API, which ended in 2024.",
            stage=stage,
            hint="Check the DNS entry and the proxy for open.tiktokapis.com.",
        )
    if not response.is_success:
        raise InvalidResponse(f"HTTP {response.status_code} without an error.", stage=stage)
    return body


def read_api(response: httpx2.Response, stage: str) -> dict[str, Any]:
    """Return the `data` of a successful response of the API.

    Raises APIError for an error of TikTok, RateLimited, Unavailable and InvalidResponse.
    """
    body = read_object(response, stage)
    error = body.get("error")
    if not isinstance(error, dict):
        raise InvalidResponse(f"HTTP {response.status_code} without TikTok's error object.", stage=stage)
    if error.get("code") != "ok":
        raise api_error(error, stage)
    if not response.is_success or not isinstance(body.get("data"), dict):
        raise InvalidResponse(f"HTTP {response.status_code} without data.", stage=stage)
    data: dict[str, Any] = body["data"]
    return data


def read_object(response: httpx2.Response, stage: str) -> dict[str, Any]:
    log_id = printable(response.headers.get("x-tt-logid", "")) or None
    if response.status_code == 429:
        raise RateLimited(stage=stage, retry_after=retry_after(response), log_id=log_id)
    if response.status_code >= 500:
        raise Unavailable(f"HTTP {response.status_code}", stage=stage, log_id=log_id)
    if response.has_redirect_location:
        raise InvalidResponse(
            "TikTok redirected a request to an endpoint that never redirects.", stage=stage, log_id=log_id
        )
    if not response.content.strip():
        return {}
    try:
        body = json.loads(response.content.decode("utf-8"))
    except (ValueError, RecursionError):
        # Not chained, because the cause contains the body, and the body may contain a token.
        raise InvalidResponse(
            f"HTTP {response.status_code} with a body that is not JSON.", stage=stage, log_id=log_id
        ) from None
    if not isinstance(body, dict):
        raise InvalidResponse("The body is not a JSON object.", stage=stage, log_id=log_id)
    return body


def token_error(error: str, description: str, stage: str, log_id: str | None) -> TokenError | Unavailable:
    code, description = printable(error), printable(description)
    if code in TRANSIENT:
        return Unavailable(description, stage=stage, code=code, log_id=log_id)
    if code == "rate_limit_exceeded":
        return RateLimited(description, stage=stage, retry_after=5, log_id=log_id)
    hint = HINTS.get(code, UNKNOWN_CODE_HINT)
    for phrase, better in HINTS_BY_PHRASE.items():
        if phrase in description.lower():
            hint = better
    return TokenError(description, stage=stage, code=code, log_id=log_id, hint=hint)


def api_error(error: Mapping[str, Any], stage: str) -> APIError | Unavailable:
    code = printable(str(error.get("code") or "unknown"))
    description, log_id = printable(str(error.get("message") or "")), printable(str(error.get("log_id") or ""))
    if code == "rate_limit_exceeded":
        return RateLimited(description, stage=stage, retry_after=5, log_id=log_id or None)
    if code == "internal_error":
        return Unavailable(description, stage=stage, code=code, log_id=log_id or None)
    return APIError(description, stage=stage, code=code, log_id=log_id or None, hint=HINTS.get(code))


def log_id_of(response: httpx2.Response, body: Mapping[str, Any]) -> str | None:
    """Return TikTok's id of the request, which TikTok's support asks for."""
    return printable(str(body.get("log_id") or response.headers.get("x-tt-logid", ""))) or None


def printable(text: str) -> str:
    """Return the printable ASCII characters of TikTok's text, at most 200, so that it fits into a log line."""
    return "".join(char for char in text[:400] if " " <= char <= "~")[:200]


def retry_after(response: httpx2.Response) -> int:
    """Return the seconds to wait, from 1 to 120; 5 if the header is missing or invalid (RFC 9110 §10.2.3)."""
    text = response.headers.get("Retry-After", "")
    if re.fullmatch(r"[0-9]{1,20}", text):
        seconds = int(text)
    else:
        try:
            seconds = int(parsedate_to_datetime(text).timestamp() - time.time())
        except (ValueError, OverflowError):
            return 5
    return min(max(seconds, 1), 120)
