"""Signed events from TikTok (TikTok: Webhooks Overview, Events and Verification)."""

import json
import logging
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from hmac import digest as hmac_digest

from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.accounts.consents import is_later
from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.errors import WebhookRefused
from asgi_tiktok.event_loop import running_loop
from asgi_tiktok.events.event import Event
from asgi_tiktok.http.body import read_body
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.models import WebhookEvent
from asgi_tiktok.routes.pages import HEADERS
from asgi_tiktok.stores.lease import lease
from asgi_tiktok.tiktok import TikTok

logger = logging.getLogger("asgi_tiktok")

MAX_BODY = 64 * 1024  # bytes
MAX_SIGNATURE = 512  # characters; TikTok's has about 80
RETRIES = 80 * 60 * 60  # seconds; TikTok sends an event again for 72 hours
CLOCK_AHEAD = 5 * 60  # seconds that TikTok's clock may be ahead of this machine's
HOOK_TIME = 60  # seconds after which hooks that still run are logged
LEASE_TTL = 60  # seconds after the death of a worker until another one may call the hooks
REMOVED = "authorization.removed"
PLAIN_TEXT = re.compile(r"[!-~]{0,256}")  # every open_id that can sign in matches


class Webhooks:
    """Receives the events of one TikTok app, and processes each once."""

    def __init__(self, tiktok: TikTok) -> None:
        self.tiktok = tiktok
        self.store = tiktok._store
        self.client = tiktok._client
        self.hooks = tiktok._hooks
        self.events = tiktok._events
        self.in_progress: set[str] = set()

    async def receive(self, request: Request, path: RequestPath) -> Response:
        """Respond with 200 to an event that was processed, now or before.

        Raises WebhookRefused for an event that TikTok did not sign for this app, or that is being processed;
        HookFailed and StoreError. After an error, TikTok sends the event again.
        """
        body = await read_body(request, MAX_BODY)
        if body is None:
            raise WebhookRefused(f"The body is larger than {MAX_BODY} bytes.", status_code=413)
        signatures = request.headers.getlist("tiktok-signature")
        check_signature(self.client._client_secret, signatures, body, tolerance=self.tiktok._webhook_tolerance)
        event = read_event(body, self.client.client_key)
        # TikTok delivers at least once and gives an event no id, so the body identifies the event.
        await self.process_once("webhook:" + sha256(body).hexdigest(), event)
        return Response(status_code=200, headers=HEADERS)

    async def process_once(self, name: str, event: WebhookEvent) -> None:
        """Process the event unless there is a mark with this name. Only one worker at a time processes it."""
        running_loop()  # checked first, because the lease needs it
        if await self.store.get(name) is not None:
            return
        # The store's lease would end too early if the clock is set forward.
        if name in self.in_progress:
            raise being_processed()
        self.in_progress.add(name)
        try:
            async with lease(self.store, f"{name}:lease", ttl=LEASE_TTL, wait=0) as held:
                if not held:
                    raise being_processed()
                # Read again, because another worker may have finished before this one got the lease.
                if await self.store.get(name) is None:
                    await self.process(event)
                    # A retry may have a new signature, which is accepted for as long as the first one.
                    await self.store.set(name, b"", ttl=RETRIES + self.tiktok._webhook_tolerance)
        finally:
            self.in_progress.discard(name)

    async def process(self, event: WebhookEvent) -> None:
        with log_if_slow(event):
            if event.event == REMOVED and event.open_id is not None:
                event = await self.remove(event, event.open_id)
                await self.hooks.dispatch(event, self.hooks.on_deauthorized)
            await self.hooks.dispatch(event, self.hooks.on_event)
        self.events.report(
            Event.WEBHOOK_DONE, "webhook processed: %s", event.event, open_id=event.open_id, type=event.event
        )

    async def remove(self, event: WebhookEvent, open_id: str) -> WebhookEvent:
        """Delete the tokens and sessions of logins before the event. Return the event with the time of the latest."""
        tokens, sessions = self.tiktok._tokens, self.tiktok._sessions
        logins = [await tokens.consented_at(open_id), await sessions.consented_at(open_id)]
        consented_at = max((int(at) for at in logins if at is not None), default=None)
        await tokens.delete(open_id, consented_before=event.create_time)
        await sessions.end_all(open_id, consented_before=event.create_time)
        again = consented_at is not None and is_later(consented_at, event.create_time)
        return replace(event, consented_at=consented_at, consented_again=again)


@contextmanager
def log_if_slow(event: WebhookEvent) -> Iterator[None]:
    """Log hooks that run longer than HOOK_TIME, while they run, because they may never return."""
    message = "webhook hooks of %s still run after %s seconds; TikTok's retries get 503 meanwhile"
    timer = running_loop().call_later(HOOK_TIME, logger.warning, message, event.event, HOOK_TIME)
    try:
        yield
    finally:
        timer.cancel()


def being_processed() -> WebhookRefused:
    return WebhookRefused(
        "The same event is being processed.", status_code=503, hint="TikTok sends it again, and then gets 200."
    )


def check_signature(secret: Secret[str], headers: list[str], body: bytes, *, tolerance: int) -> None:
    """Raise WebhookRefused unless exactly one header contains a recent HMAC-SHA256 of `t.body`."""
    if len(headers) != 1 or len(headers[0]) > MAX_SIGNATURE:
        raise WebhookRefused("There is no TikTok-Signature header, or more than one, or a long one.")
    pairs = [pair.strip().partition("=")[::2] for pair in headers[0].split(",")]
    times = [value for name, value in pairs if name == "t"]
    signatures = [value for name, value in pairs if name == "s"]
    if len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0]):
        raise WebhookRefused("TikTok-Signature contains no time.")
    if len(signatures) != 1 or not re.fullmatch(r"[0-9a-f]{64}", signatures[0]):
        raise WebhookRefused("TikTok-Signature contains no signature.")
    expected = hmac_digest(secret.reveal().encode(), times[0].encode() + b"." + body, "sha256").hex()
    if not secrets.compare_digest(expected, signatures[0]):
        raise WebhookRefused(
            "The signature does not match.",
            hint="TikTok signs with client_secret: compare it with the one of this app in the portal.",
        )
    age = time.time() - int(times[0])
    if not -CLOCK_AHEAD <= age <= tolerance:
        raise WebhookRefused(
            "The signature is too old, or from the future.",
            hint="Check this machine's clock. TikTok(webhook_tolerance=...) accepts older signatures.",
        )


def read_event(body: bytes, client_key: str) -> WebhookEvent:
    """Return the event in a body that TikTok signed. Raises WebhookRefused for anything but an event of this app."""
    try:
        facts = json.loads(body)
        content = json.loads(facts.get("content") or "{}")
        event = WebhookEvent(
            event=facts["event"],
            open_id=facts.get("user_openid"),
            create_time=facts["create_time"],
            content=content,
        )
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        raise WebhookRefused("The body is not an event.", status_code=400) from None
    well_typed = (
        isinstance(event.event, str)
        and PLAIN_TEXT.fullmatch(event.event)
        and isinstance(event.open_id, str | None)
        and PLAIN_TEXT.fullmatch(event.open_id or "")
        and type(event.create_time) is int
        and isinstance(content, dict)
    )
    if not well_typed:
        raise WebhookRefused("The body is not an event.", status_code=400)
    if str(facts.get("client_key")) != client_key:
        raise WebhookRefused("The event is for another app.", status_code=400)
    return event
