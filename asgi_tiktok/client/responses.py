"""TikTok's answers, read strictly.

TikTok speaks two dialects. The OAuth endpoints answer flat, and put errors into HTTP 200; the API wraps
its data, and says `"error": {"code": "ok"}` when all is well. Neither is judged by its status alone.
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
    "Compare client_key and client_secret with Credentials in the TikTok developer portal: no white space, "
    "and both from the same place, for sandbox and production have different pairs."
)
HINTS = {
    "invalid_client": CREDENTIALS_HINT,
    "unauthorized_client": CREDENTIALS_HINT + " Login Kit must be among the app's products.",
    "invalid_grant": "A code or refresh token works once, and for a limited time; a new login helps.",
    "invalid_scope": "Every scope must be enabled under Scopes in the portal, and approved.",
    "scope_not_authorized": "The person did not grant this scope: ask again with login_url(scopes=...).",
    "access_token_invalid": "The token has ended or was revoked; a refresh or a new login helps.",
}
HINTS_BY_WORD = {
    "redirect_uri": "redirect_uri must equal, to the letter, one registered in the portal under Login Kit.",
    "code verifier": 'TikTok wants the hexadecimal SHA-256 of the verifier: leave pkce at "hex".',
    "malformed": "A parameter is missing, doubled or misspelt; white space around the credentials does it too.",
}
TRANSIENT = frozenset({"server_error", "temporarily_unavailable"})


def read_oauth(response: httpx2.Response, stage: str) -> dict[str, Any]:
    """The body of an OAuth endpoint's answer that is no error; `{}` for an empty one.

    Raises TokenError for a refusal whatever its status, RateLimited, Unavailable and InvalidResponse.
    """
    body = read_object(response, stage)
    if (error := body.get("error")) is not None:
        if isinstance(error, dict):
            raise api_error(error, stage)
        if not isinstance(error, str) or not error:
            raise InvalidResponse("error is not a text.", stage=stage, log_id=log_id_of(response, body))
        raise refusal(error, str(body.get("error_description") or ""), stage, log_id_of(response, body))
    if isinstance(body.get("data"), dict) and "error_code" in body["data"]:
        raise InvalidResponse(
            "This is an answer of TikTok's retired v1 API.",
            stage=stage,
            hint="Something between this app and open.tiktokapis.com/v2 speaks the API that ended in 2024.",
        )
    if not response.is_success:
        raise InvalidResponse(f"HTTP {response.status_code} without an error.", stage=stage)
    return body


def read_api(response: httpx2.Response, stage: str) -> dict[str, Any]:
    """The `data` of an API answer.

    Raises APIError for a refusal, RateLimited, Unavailable and InvalidResponse.
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
    log_id = plain_text(response.headers.get("x-tt-logid", "")) or None
    if response.status_code == 429:
        raise RateLimited(stage=stage, retry_after=retry_after(response), log_id=log_id)
    if response.status_code >= 500:
        raise Unavailable(f"HTTP {response.status_code}", stage=stage, log_id=log_id)
    if response.has_redirect_location:
        raise InvalidResponse("TikTok redirected a request that it should answer.", stage=stage, log_id=log_id)
    if not response.content.strip():
        return {}
    try:
        body = json.loads(response.content.decode("utf-8"))
    except (ValueError, RecursionError):
        # Not chained: the text of the cause would hold the body, and the body may hold a token.
        raise InvalidResponse(
            f"HTTP {response.status_code} with a body that is not JSON.", stage=stage, log_id=log_id
        ) from None
    if not isinstance(body, dict):
        raise InvalidResponse("The body is not a JSON object.", stage=stage, log_id=log_id)
    return body


def refusal(error: str, description: str, stage: str, log_id: str | None) -> TokenError | Unavailable:
    code, description = plain_text(error), plain_text(description)
    if code in TRANSIENT:
        return Unavailable(description, stage=stage, code=code, log_id=log_id)
    if code == "rate_limit_exceeded":
        return RateLimited(description, stage=stage, retry_after=5, log_id=log_id)
    hint = HINTS.get(code)
    for word, better in HINTS_BY_WORD.items():
        if word in description.lower():
            hint = better
    return TokenError(description, stage=stage, code=code, log_id=log_id, hint=hint)


def api_error(error: Mapping[str, Any], stage: str) -> APIError | Unavailable:
    code = plain_text(str(error.get("code") or "unknown"))
    description, log_id = plain_text(str(error.get("message") or "")), plain_text(str(error.get("log_id") or ""))
    if code == "rate_limit_exceeded":
        return RateLimited(description, stage=stage, retry_after=5, log_id=log_id or None)
    if code == "internal_error":
        return Unavailable(description, stage=stage, code=code, log_id=log_id or None)
    return APIError(description, stage=stage, code=code, log_id=log_id or None, hint=HINTS.get(code))


def log_id_of(response: httpx2.Response, body: Mapping[str, Any]) -> str | None:
    """TikTok's only support handle."""
    return plain_text(str(body.get("log_id") or response.headers.get("x-tt-logid", ""))) or None


def plain_text(text: str) -> str:
    """Upstream text made fit for a log line: printable ASCII, 200 characters of it."""
    return "".join(char for char in text[:400] if " " <= char <= "~")[:200]


def retry_after(response: httpx2.Response) -> int:
    """Seconds to wait, from 1 to 120; 5 where the header is absent or makes no sense (RFC 9110 §10.2.3)."""
    text = response.headers.get("Retry-After", "")
    if re.fullmatch(r"[0-9]{1,20}", text):
        seconds = int(text)
    else:
        try:
            seconds = int(parsedate_to_datetime(text).timestamp() - time.time())
        except (ValueError, OverflowError):
            return 5
    return min(max(seconds, 1), 120)
