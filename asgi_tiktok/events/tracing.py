"""What one operation does: its span, and TikTok's id of its last request.

The spans are those of OpenTelemetry. Its API is not imported here: a process that has not imported it has nowhere to
send spans to.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asgi_tiktok.events.telemetry import Telemetry

last_log_id: ContextVar[str | None] = ContextVar("last_log_id", default=None)
"""TikTok's id of the last request of the current operation. Empty: no request yet. None: there is no operation."""


def find_telemetry() -> "Telemetry | None":
    """Return the connection to OpenTelemetry, or None if nothing in this process has imported OpenTelemetry."""
    if "opentelemetry.trace" not in sys.modules and "opentelemetry.metrics" not in sys.modules:
        return None
    from asgi_tiktok.events.telemetry import TELEMETRY

    return TELEMETRY


@contextmanager
def operation(name: str) -> Iterator[None]:
    """Let the block be an operation, and a span with this name."""
    token = last_log_id.set("")
    telemetry = find_telemetry()
    try:
        with nullcontext() if telemetry is None else telemetry.span(name):
            yield
    finally:
        last_log_id.reset(token)
