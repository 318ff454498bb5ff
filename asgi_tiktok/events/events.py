"""Events: what happens to logins, tokens, sessions, webhooks and the store of one TikTok app.

Each event is one log record with fields. In a process that uses OpenTelemetry, it is also counted, and its fields are
attributes of the current span.
"""

import logging
from enum import StrEnum

from asgi_tiktok.crypto.keys import KeyRing
from asgi_tiktok.errors import (
    AccessDenied,
    HookFailed,
    LoginDenied,
    LoginLost,
    StoreError,
    TikTokError,
    WebhookRefused,
)
from asgi_tiktok.events.log_limiter import LogLimiter
from asgi_tiktok.events.tracing import find_telemetry, last_log_id

PURPOSE = "logged-user"
USER_LENGTH = 16  # hexadecimal digits


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


class Events:
    """Reports the events of one TikTok app.

    Args:
        keys (KeyRing): The newest key makes the hashes that stand for users.
        log_limiter (LogLimiter): Limits the lines that visitors can cause.
        log_open_ids (bool): Whether events contain open_ids instead of hashes.
    """

    def __init__(self, keys: KeyRing, log_limiter: LogLimiter, *, log_open_ids: bool) -> None:
        self.keys = keys
        self.log_limiter = log_limiter
        self.log_open_ids = log_open_ids

    def report(
        self,
        event: Event,
        message: str,
        *args: object,
        level: int = logging.INFO,
        kind: str | None = None,
        open_id: str | None = None,
        error: TikTokError | None = None,
        **fields: str | int | None,
    ) -> None:
        """Log and count the event.

        Args:
            event (Event): The name of the event.
            message (str): The log line, with a `%s` for each of the `args`. It contains no open_id.
            *args (object): The values in the log line.
            level (int): The level of the log record. Default: INFO.
            kind (str | None): The kind of lines that are limited together. Default: the line is not limited.
            open_id (str | None): The user whom the event is about. Default: none.
            error (TikTokError | None): The reason for the outcome. Default: none.
            **fields (str | int | None): More fields, none of which is secret.
        """
        log_id = last_log_id.get() if error is None else error.log_id
        found = {**fields, "user": self.name_user(open_id), **facts_of(error), "log_id": log_id}
        facts = {name: value for name, value in found.items() if value is not None}
        if telemetry := find_telemetry():
            telemetry.report(event, facts, error)
        extra = {"tiktok_event": event.value, **{f"tiktok_{name}": value for name, value in facts.items()}}
        if kind is None:
            self.log_limiter.logger.log(level, message, *args, extra=extra)
        else:
            self.log_limiter.log(level, kind, message, *args, extra=extra)

    def store_failed(self, consequence: str, error: StoreError, *, level: int = logging.WARNING) -> None:
        """Report that the store is unavailable where nobody gets an error. `consequence` begins the log line."""
        self.report(Event.STORE_FAILED, "%s: %s", consequence, error, level=level, kind=consequence, error=error)

    def sessions_ended(self, open_id: str, count: int) -> None:
        """Report that the app has ended all sessions of a user."""
        message = "signed out by the app: %s sessions"
        self.report(Event.SIGN_OUT_FORCED, message, count, open_id=open_id, sessions=count)

    def name_user(self, open_id: str | None) -> str | None:
        """Return what stands for the user: always the same hash, which nobody without `secret_key` can compute."""
        if open_id is None or self.log_open_ids:
            return open_id
        return self.keys.newest.digest(PURPOSE, open_id.encode()).hex()[:USER_LENGTH]


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


def facts_of(error: TikTokError | None) -> dict[str, str | None]:
    """Return the fields that describe an error."""
    if error is None:
        return {}
    cause = error.cause.value if isinstance(error, LoginLost) else None
    return {"error": type(error).__name__, "stage": error.stage, "code": error.code, "cause": cause}
