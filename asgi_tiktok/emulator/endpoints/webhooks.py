"""Webhooks: signed events that TikTok sends to the app, and sends again until the app says 200."""

import hashlib
import hmac
import itertools
import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2

from asgi_tiktok.emulator.world.apps import App
from asgi_tiktok.emulator.world.hosts import hostname, is_loopback
from asgi_tiktok.emulator.world.suggestions import suggestion

__all__ = ["AUTHORIZATION_REMOVED", "EVENTS", "RETRIES", "Attempt", "Delivery", "WebhookSender", "signature"]

AUTHORIZATION_REMOVED = "authorization.removed"
PUBLISHED = {"publish_id": "v_pub_url~v2.123456789", "publish_type": "DIRECT_PUBLISH"}
POSTED = {**PUBLISHED, "post_id": "7099522475452681474"}
EVENTS: dict[str, Mapping[str, Any]] = {
    AUTHORIZATION_REMOVED: {"reason": 1},
    "video.upload.failed": {"share_id": "video.6974245311675353080.VDCxrcMJ"},
    "video.publish.completed": {"share_id": "video.6974245311675353080.VDCxrcMJ"},
    "post.publish.failed": {**PUBLISHED, "reason": "spam_risk"},
    "post.publish.complete": PUBLISHED,
    "post.publish.inbox_delivered": PUBLISHED,
    "post.publish.publicly_available": POSTED,
    # TikTok's own spelling.
    "post.publish.no_longer_publicaly_available": POSTED,
    "portability.download.ready": {"request_id": 9_007_199_254_740_993},
}
FIRST_RETRY = 60
RETRY_WINDOW = 72 * 3600
# TikTok says exponential and 72 hours; the first step is our guess. From one minute, doubled, twelve fit.
RETRIES = tuple(
    itertools.takewhile(
        lambda after: after <= RETRY_WINDOW, (FIRST_RETRY * ((1 << n) - 1) for n in itertools.count(1))
    )
)
MAX_DELIVERIES = 200
TIMEOUT = 10.0
POLL_INTERVAL = 0.2


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST: the moment, and the status or why there was none."""

    at: float
    status: int | None
    problem: str = ""


@dataclass(slots=True, eq=False)
class Delivery:
    """One event on its way to the app. `next_at` is None once it has arrived or been given up."""

    app: App
    event: str
    created: float
    body: bytes = field(repr=False)
    next_at: float | None
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def delivered(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].status == 200


class WebhookSender:
    """Sends events to the apps' webhook URLs, which must be on this machine.

    A running server delivers by itself; in process, `await deliver()` sends what is due by the clock. `transport`
    takes the place of the network, say `httpx2.ASGITransport(app)`.
    """

    def __init__(self, clock: Callable[[], float], transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._clock = clock
        self.transport = transport
        self.deliveries: deque[Delivery] = deque(maxlen=MAX_DELIVERIES)
        self._lock = threading.Lock()

    def send(
        self, app: App, event: str, open_id: str | None = None, content: Mapping[str, Any] | None = None
    ) -> Delivery:
        """Queue an event; without content, that of TikTok's documentation."""
        if not app.webhook_url:
            raise ValueError(f"The app {app.client_key} has no webhook_url; give it one on this machine.")
        if event not in EVENTS:
            raise ValueError(f"{event!r} is no event of TikTok; {suggestion(event, EVENTS)}")
        now = self._clock()
        body = event_body(app, event, now, open_id, EVENTS[event] if content is None else content)
        delivery = Delivery(app, event, now, body, now)
        self.deliveries.append(delivery)
        return delivery

    async def deliver(self) -> list[Delivery]:
        """Send everything that is due, each once; what was sent."""
        sent = []
        for delivery in [*self.deliveries]:
            if self._claim(delivery):
                delivery.attempts.append(await self._post(delivery))
                delivery.next_at = next_attempt_time(delivery, self._clock())
                sent.append(delivery)
        return sent

    async def run(self) -> None:
        """Deliver for as long as the server runs."""
        while True:
            await self.deliver()
            # The clock may be moved and events come from any thread, so that there is nothing to wait for.
            await anyio.sleep(POLL_INTERVAL)

    def _claim(self, delivery: Delivery) -> bool:
        with self._lock:
            if delivery.next_at is None or delivery.next_at > self._clock():
                return False
            delivery.next_at = None
            return True

    async def _post(self, delivery: Delivery) -> Attempt:
        now = self._clock()
        url = delivery.app.webhook_url
        if self.transport is None and not is_loopback_url(url):
            return Attempt(now, None, f"{url} is not a loopback address.")
        headers = {
            "Content-Type": "application/json",
            "TikTok-Signature": signature(delivery.app.client_secret, int(now), delivery.body),
        }
        # Closing the client would close the transport, which outlives it.
        client = httpx2.AsyncClient(transport=self.transport, timeout=TIMEOUT, trust_env=False)
        try:
            answer = await client.post(url, content=delivery.body, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as exc:
            return Attempt(now, None, f"{url} does not answer: {exc or type(exc).__name__}.")
        finally:
            if self.transport is None:
                await client.aclose()
        return Attempt(now, answer.status_code)


def event_body(app: App, event: str, now: float, open_id: str | None, content: Mapping[str, Any]) -> bytes:
    """The body in TikTok's own spacing, of which a receiver must not depend."""
    body = {
        "client_key": app.client_key,
        "event": event,
        "create_time": int(now),
        **({} if open_id is None else {"user_openid": open_id}),
        "content": f"{json.dumps(content, ensure_ascii=False)[:-1]} }}",
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def signature(client_secret: str, now: int, body: bytes) -> str:
    """The value of TikTok-Signature (Webhook Verification)."""
    digest = hmac.new(client_secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={now},s={digest}"


def next_attempt_time(delivery: Delivery, now: float) -> float | None:
    """The next moment of the schedule; None when the event has arrived or 72 hours have passed."""
    if delivery.delivered:
        return None
    moments = (delivery.created + after for after in RETRIES)
    return next((moment for moment in moments if moment > now), None)


def is_loopback_url(url: str) -> bool:
    name = hostname(urlsplit(url).netloc)
    return is_loopback(name) or name.endswith(".localhost")
