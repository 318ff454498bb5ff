"""The exchanges between the app, the browser and the emulator, kept as data."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

__all__ = ["MAX_EXCHANGES", "Exchange", "new_log_id"]

MAX_EXCHANGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and how it was answered; the fields that hold secrets stay out of `repr`.

    `answer` is the body of the answer, or where it sends the browser. A refused request says why in
    `description` and what to do in `cure`; `fault` names the fault that was asked for, if one was.
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
    cure: str | None = None
    fault: str | None = None


def new_log_id(now: float) -> str:
    """TikTok's handle for support: UTC time to the second and 20 hex digits."""
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%d%H%M%S}{secrets.token_hex(10).upper()}"
