"""The record of requests to the emulator and their responses."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

__all__ = ["MAX_EXCHANGES", "Exchange", "new_log_id"]

MAX_EXCHANGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its response. Fields that contain secrets are not part of `repr`.

    Attributes:
        endpoint (str): The endpoint, for example "token", or "unsupported".
        method, path (str): The request line.
        status (int): The HTTP status of the response, or 0 if the connection was reset.
        log_id (str): TikTok's log id of the request.
        at (float): The emulator's time of the request, in seconds since 1970.
        request (Mapping[str, str]): The parameters of the request.
        authorization (str): The Authorization header.
        answer (str): The body of the response, or the URL of its redirect.
        error (str | None): TikTok's error code, if the request was refused.
        description (str | None): Why it was refused.
        fix (str | None): What to do about it. Without `error`, the request succeeded and changed nothing.
        fault (str | None): The kind of the injected fault, if there was one.
    """

    endpoint: str
    method: str
    path: str
    status: int
    log_id: str
    at: float
    request: Mapping[str, str] = field(repr=False)
    authorization: str = field(default="", repr=False)
    answer: str = field(default="", repr=False)
    error: str | None = None
    description: str | None = None
    fix: str | None = None
    fault: str | None = None


def new_log_id(now: float) -> str:
    """Return a new log id in TikTok's format: UTC time to the second and 20 hexadecimal digits."""
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%d%H%M%S}{secrets.token_hex(10).upper()}"
