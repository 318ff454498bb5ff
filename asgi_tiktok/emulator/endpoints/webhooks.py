"""Webhooks: signed events that are sent to the app until it responds with 200."""

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
    # This is TikTok's spelling.
    "post.publish.no_longer_publicaly_available": POSTED,
    "portability.download.ready": {"request_id": 9_007_199_254_740_993},
}
FIRST_RETRY = 60
RETRY_WINDOW = 72 * 3600
# TikTok documents exponential delays for 72 hours. The first delay of one minute is our guess; 12 retries result.
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
    """One POST: its time, and its status or the problem that prevented a response."""

    at: float
    status: int | None
    problem: str = ""


@dataclass(slots=True, eq=False)
class Delivery:
    """One event and the attempts to deliver it.

    Attributes:
        app (App): The app that receives the event.
        event (str): The name of the event.
        created (float): The time of the event, in seconds since 1970.
        body (bytes): The body of the request. It is not part of `repr`.
        next_at (float | None): The time of the next attempt. None: the event is delivered or given up.
        attempts (list[Attempt]): The attempts so far, each with `at`, `status` and `problem`.
    """

    app: App
    event: str
    created: float
    body: bytes = field(repr=False)
    next_at: float | None
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def delivered(self) -> bool:
        """Whether the last attempt got status 200."""
        return bool(self.attempts) and self.attempts[-1].status == 200


class WebhookSender:
    """Sends events to the webhook URLs of apps, which must be on this machine.

    A running server delivers automatically. In process, call `await deliver()`.

    Attributes:
        transport (httpx2.AsyncBaseTransport | None): Replaces the network, for example
            `httpx2.ASGITransport(app)`. Default: None, the network.
        deliveries (deque[Delivery]): The last 200 events, the oldest first.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        transport: httpx2.AsyncBaseTransport | None = None,
        *,
        sign_retries: bool = True,
        before_delivery: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._before_delivery = before_delivery
        self._sign_retries = sign_retries
        self.transport = transport
        self.deliveries: deque[Delivery] = deque(maxlen=MAX_DELIVERIES)
        self._lock = threading.Lock()

    def send(
        self, app: App, event: str, open_id: str | None = None, content: Mapping[str, Any] | None = None
    ) -> Delivery:
        """Queue an event.

        Args:
            app (App): The app that receives the event.
            event (str): The name of the event, for example "authorization.removed".
            open_id (str | None): The person the event is about. Default: None.
            content (Mapping[str, Any] | None): The content of the event. Default: TikTok's documented example.

        Raises:
            ValueError: The app has no webhook URL, or the event is unknown.
        """
        if not app.webhook_url:
            raise ValueError(f"The app {app.client_key} has no webhook_url; set one that is on this machine.")
        if event not in EVENTS:
            raise ValueError(f"{event!r} is not an event of TikTok; {suggestion(event, EVENTS)}")
        now = self._clock()
        body = event_body(app, event, now, open_id, EVENTS[event] if content is None else content)
        delivery = Delivery(app, event, now, body, now)
        self.deliveries.append(delivery)
        return delivery

    async def deliver(self) -> list[Delivery]:
        """Send each event that is due once, and return these deliveries."""
        self._before_delivery()
        sent = []
        for delivery in [*self.deliveries]:
            if self._claim(delivery):
                delivery.attempts.append(await self._post(delivery))
                delivery.next_at = next_attempt_time(delivery, self._clock())
                sent.append(delivery)
        return sent

    async def run(self) -> None:
        """Deliver events until cancelled."""
        while True:
            await self.deliver()
            # Poll, because the clock can be moved and any thread can queue events.
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
        signed_at = delivery.attempts[0].at if delivery.attempts and not self._sign_retries else now
        headers = {
            "Content-Type": "application/json",
            "TikTok-Signature": signature(delivery.app.client_secret, int(signed_at), delivery.body),
        }
        # Closing the client would close the given transport too, which is used again.
        client = httpx2.AsyncClient(transport=self.transport, timeout=TIMEOUT, trust_env=False)
        try:
            answer = await client.post(url, content=delivery.body, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as exc:
            return Attempt(now, None, f"{url} does not respond: {exc or type(exc).__name__}.")
        finally:
            if self.transport is None:
                await client.aclose()
        return Attempt(now, answer.status_code)


def event_body(app: App, event: str, now: float, open_id: str | None, content: Mapping[str, Any]) -> bytes:
    """Return the body with TikTok's spacing, on which receivers must not depend."""
    body = {
        "client_key": app.client_key,
        "event": event,
        "create_time": int(now),
        **({} if open_id is None else {"user_openid": open_id}),
        "content": f"{json.dumps(content, ensure_ascii=False)[:-1]} }}",
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def signature(client_secret: str, now: int, body: bytes) -> str:
    """Return the value of the header TikTok-Signature (Webhook Verification)."""
    digest = hmac.new(client_secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={now},s={digest}"


def next_attempt_time(delivery: Delivery, now: float) -> float | None:
    """Return the time of the next attempt, or None if the event is delivered or 72 hours have passed."""
    if delivery.delivered:
        return None
    moments = (delivery.created + after for after in RETRIES)
    return next((moment for moment in moments if moment > now), None)


def is_loopback_url(url: str) -> bool:
    name = hostname(urlsplit(url).netloc)
    return is_loopback(name) or name.endswith(".localhost")
