"""The names of events, and what is reported about each: the fields of its log record, and a count."""

from enum import StrEnum

from asgi_tiktok.errors import (
    AccessDenied,
    HookFailed,
    LoginDenied,
    LoginLost,
    StoreError,
    TikTokError,
    WebhookRefused,
)
from asgi_tiktok.events.tracing import find_telemetry


class Event(StrEnum):
    """The name of an event: its subject and its outcome. `docs/observability.md` describes each."""

    LOGIN_STARTED = "login.started"
    LOGIN_DONE = "login.done"
    LOGIN_DENIED = "login.denied"
    LOGIN_LOST = "login.lost"
    LOGIN_FAILED = "login.failed"
    REFRESH_DONE = "refresh.done"
    REFRESH_FAILED = "refresh.failed"
    REFRESH_ENDED = "refresh.ended"
    SIGN_OUT_DONE = "sign_out.done"
    SIGN_OUT_FORCED = "sign_out.forced"
    WEBHOOK_DONE = "webhook.done"
    WEBHOOK_REFUSED = "webhook.refused"
    WEBHOOK_FAILED = "webhook.failed"
    STORE_FAILED = "store.failed"
    REQUEST_REFUSED = "request.refused"


def count_event(
    event: Event, error: TikTokError | None = None, *, is_outcome: bool = False, **fields: str | int | None
) -> dict[str, object]:
    """Count the event for OpenTelemetry, and return the fields of its log record, for `extra`.

    Args:
        event (Event): The name of the event.
        error (TikTokError | None): The reason for the event. Default: none.
        is_outcome (bool): Whether the event ends an operation, so that it describes the current span. Default: False.
        **fields (str | int | None): More fields, none of which is secret.
    """
    found = {**fields, **({} if error is None else facts_of(error))}
    facts = {name: value for name, value in found.items() if value is not None}
    if telemetry := find_telemetry():
        telemetry.count(event, facts, error)
        if is_outcome:
            telemetry.describe_span(event, facts, error)
    return {"tiktok_event": event.value, **{f"tiktok_{name}": value for name, value in facts.items()}}


def login_event(error: TikTokError) -> Event:
    """Return the event of a login that ended with this error."""
    if isinstance(error, AccessDenied | LoginDenied):
        return Event.LOGIN_DENIED
    return Event.LOGIN_LOST if isinstance(error, LoginLost) else Event.LOGIN_FAILED


def error_event(error: TikTokError) -> Event:
    """Return the event of an error that ended no login."""
    if isinstance(error, WebhookRefused):
        return Event.WEBHOOK_REFUSED
    if isinstance(error, HookFailed):
        return Event.WEBHOOK_FAILED
    return Event.STORE_FAILED if isinstance(error, StoreError) else Event.REQUEST_REFUSED


def facts_of(error: TikTokError) -> dict[str, str | None]:
    """Return the fields that describe an error."""
    cause = error.cause.value if isinstance(error, LoginLost) else None
    facts = {"error": type(error).__name__, "stage": error.stage, "code": error.code, "cause": cause}
    return facts if error.log_id is None else {**facts, "log_id": error.log_id}
