"""Events: what happens to logins, tokens, sessions, webhooks and the store of one TikTok app.

Each event is one log record with fields. In a process that uses OpenTelemetry, it is also counted, and describes the
span of the operation that it ends.
"""

import logging

from asgi_tiktok.crypto.keys import KeyRing
from asgi_tiktok.errors import StoreError, TikTokError
from asgi_tiktok.events.event import Event, count_event
from asgi_tiktok.events.log_limiter import LogLimiter
from asgi_tiktok.events.tracing import find_telemetry, last_log_id

PURPOSE = "logged-user"
USER_LENGTH = 16  # hexadecimal digits


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
        is_outcome: bool = True,
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
            is_outcome (bool): Whether the event ends an operation, so that it describes the current span.
                Default: True.
            **fields (str | int | None): More fields, none of which is secret.
        """
        if not self.log_limiter.logger.isEnabledFor(level) and find_telemetry() is None:
            return
        fields = {**fields, "user": self.name_user(open_id), "log_id": last_log_id.get() or None}
        extra = count_event(event, error, is_outcome=is_outcome, **fields)
        if kind is None:
            self.log_limiter.logger.log(level, message, *args, extra=extra)
        else:
            self.log_limiter.log(level, kind, message, *args, extra=extra)

    def store_failed(
        self, consequence: str, error: StoreError, *, level: int = logging.WARNING, open_id: str | None = None
    ) -> None:
        """Report that the store is unavailable where nobody gets an error. `consequence` begins the log line."""
        self.report(
            Event.STORE_FAILED,
            "%s: %s",
            consequence,
            error,
            level=level,
            kind=consequence,
            open_id=open_id,
            error=error,
            is_outcome=False,
        )

    def sessions_ended(self, open_id: str, count: int) -> None:
        """Report that the app has ended all sessions of a user."""
        message = "signed out by the app: %s sessions"
        self.report(Event.SIGN_OUT_FORCED, message, count, open_id=open_id, sessions=count)

    def name_user(self, open_id: str | None) -> str | None:
        """Return what stands for the user: always the same hash, which nobody without `secret_key` can compute."""
        if open_id is None or self.log_open_ids:
            return open_id
        return self.keys.newest.digest(PURPOSE, open_id.encode()).hex()[:USER_LENGTH]
