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

from asgi_tiktok.client.hints import WORDS, hint_for_description
from asgi_tiktok.client.printable import printable, printable_description
from asgi_tiktok.errors import APIError, InvalidResponse, RateLimited, TokenError, Unavailable

MAX_RETRY_AFTER = 10 * 60  # seconds
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
    if response.status_code == 429 or response.status_code >= 500:
        raise outage(response, stage)
    log_id = log_id_of(response, {})
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


def outage(response: httpx2.Response, stage: str) -> Unavailable:
    """Return the error for status 429 or 5xx, with TikTok's code, description and log_id if the body has them."""
    report = read_report(response)
    code = printable(report["code"]) if isinstance(report.get("code"), str) else None
    description = printable_description(str(report.get("message") or f"HTTP {response.status_code}"))
    log_id = log_id_of(response, report)
    if response.status_code == 429:
        seconds = retry_after(response)
        return RateLimited(description, stage=stage, code=code or None, retry_after=seconds, log_id=log_id)
    return Unavailable(description, stage=stage, code=code or None, log_id=log_id, hint=WORDS.get(code or ""))


def read_report(response: httpx2.Response) -> Mapping[str, Any]:
    """Return the error in the body, in the format of the API: `code`, `message`, `log_id`. Empty if there is none."""
    try:
        body = json.loads(response.content.decode("utf-8"))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(body, dict):
        return {}
    error = body.get("error")
    if isinstance(error, dict):
        return error
    return {"code": error, "message": body.get("error_description"), "log_id": body.get("log_id")}


def token_error(error: str, description: str, stage: str, log_id: str | None) -> TokenError | Unavailable:
    code, description = printable(error), printable_description(description)
    if code in TRANSIENT:
        return Unavailable(description, stage=stage, code=code, log_id=log_id)
    if code == "rate_limit_exceeded":
        return RateLimited(description, stage=stage, retry_after=5, log_id=log_id)
    hint = hint_for_description(code, description, stage)
    return TokenError(description, stage=stage, code=code, log_id=log_id, hint=hint)


def api_error(error: Mapping[str, Any], stage: str) -> APIError | Unavailable:
    code = printable(str(error.get("code") or "unknown"))
    description = printable_description(str(error.get("message") or ""))
    log_id = printable(str(error.get("log_id") or ""))
    if code == "rate_limit_exceeded":
        return RateLimited(description, stage=stage, retry_after=5, log_id=log_id or None)
    if code == "internal_error":
        return Unavailable(description, stage=stage, code=code, log_id=log_id or None)
    return APIError(description, stage=stage, code=code, log_id=log_id or None, hint=WORDS.get(code))


def log_id_of(response: httpx2.Response, body: Mapping[str, Any]) -> str | None:
    """Return TikTok's id of the request, which TikTok's support asks for."""
    return printable(str(body.get("log_id") or response.headers.get("x-tt-logid", ""))) or None


def retry_after(response: httpx2.Response) -> int:
    """Return the seconds to wait, from 1 to 600; 5 if the header is missing or invalid (RFC 9110 §10.2.3)."""
    text = response.headers.get("Retry-After", "")
    if re.fullmatch(r"[0-9]{1,20}", text):
        seconds = int(text)
    else:
        try:
            seconds = int(parsedate_to_datetime(text).timestamp() - time.time())
        except (ValueError, OverflowError):
            return 5
    return min(max(seconds, 1), MAX_RETRY_AFTER)
