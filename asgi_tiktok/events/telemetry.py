"""The connection to OpenTelemetry: spans, and one counter for each subject of events."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

import httpx2
from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    TracerProvider,
    get_current_span,
    get_tracer,
)

from asgi_tiktok.errors import StoreError, TikTokError

SCOPE = "asgi_tiktok"
COUNTED = ("flow", "type", "cause")
"""The fields that are attributes of counters: they have few values, whatever visitors send."""


class Telemetry:
    """Makes spans, and counts events. There is one for the process, because OpenTelemetry's providers are global.

    Args:
        tracers (TracerProvider | None): Makes the spans. Default: the global provider.
        meters (MeterProvider | None): Makes the counters. Default: the global provider.
    """

    def __init__(self, tracers: TracerProvider | None = None, meters: MeterProvider | None = None) -> None:
        self.tracer = get_tracer(SCOPE, tracer_provider=tracers)
        meter = get_meter(SCOPE, meter_provider=meters)
        self.counters = {
            subject: meter.create_counter(f"{SCOPE}.{name}", unit=f"{{{unit}}}", description=description)
            for subject, name, unit, description in (
                ("login", "logins", "login", "Logins that were started, done, denied, lost, or that failed"),
                ("refresh", "refreshes", "refresh", "Refreshes of users' tokens"),
                ("sign_out", "sign_outs", "sign-out", "Sign-outs by users and by the app"),
                ("webhook", "webhooks", "webhook", "Webhook events, processed or not"),
                ("request", "refused_requests", "request", "Requests that got an error response"),
                ("store", "store_errors", "error", "Operations that failed because the store was unavailable"),
            )
        }

    def count(self, event: str, facts: Mapping[str, str | int], error: TikTokError | None) -> None:
        """Count the event. An error of the store is counted as well, whichever event it is the reason for."""
        subject, _, outcome = event.partition(".")
        reason = {} if error is None else {"error.type": type(error).__name__}
        if subject != "store":
            labels = {name: facts[name] for name in COUNTED if name in facts}
            self.counters[subject].add(1, {"outcome": outcome, **labels, **reason})
        if isinstance(error, StoreError):
            self.counters["store"].add(1, {"subject": subject})

    def describe_span(self, event: str, facts: Mapping[str, str | int], error: TikTokError | None) -> None:
        """Set the facts of the event as attributes of the current span, and its status."""
        span = get_current_span()
        if span.is_recording():
            named = {f"tiktok.{name}": value for name, value in facts.items() if name != "error"}
            span.set_attributes({"tiktok.event": event, **named})
            if error is not None:
                set_error(span, type(error).__name__, error.status_code)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Let the block be the span of one operation. Its events set the status, unless the error is unexpected."""
        with self.tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
            try:
                yield
            except TikTokError:
                raise
            except Exception as error:
                set_error(span, type(error).__name__, 500)
                raise

    async def call(
        self, request: httpx2.Request, send: Callable[[httpx2.Request], Awaitable[httpx2.Response]]
    ) -> httpx2.Response:
        """Send a request to TikTok in a span (OpenTelemetry's semantic conventions for HTTP clients)."""
        url = request.url
        attributes: dict[str, str | int] = {
            "http.request.method": request.method,
            "server.address": url.host,
            "server.port": url.port or (443 if url.scheme == "https" else 80),
            "url.full": str(url.copy_with(query=None)),
        }
        with self.tracer.start_as_current_span(
            request.method,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                response = await send(request)
            except Exception as error:
                set_error(span, type(error).__name__, 500)
                raise
            status = response.status_code
            span.set_attribute("http.response.status_code", status)
            if log_id := response.headers.get("x-tt-logid"):
                span.set_attribute("tiktok.log_id", log_id)
            if status >= 400:
                set_error(span, str(status), 500)
        return response


def set_error(span: Span, name: str, status_code: int) -> None:
    """Name the error. It is a failure of the operation unless its status is one that a visitor has caused."""
    span.set_attribute("error.type", name)
    if status_code >= 500:
        span.set_status(Status(StatusCode.ERROR, name))


TELEMETRY = Telemetry()
