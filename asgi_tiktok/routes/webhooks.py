"""Signed events from TikTok (TikTok: Webhooks Overview, Events and Verification)."""

import json
import logging
import re
import secrets
import time
from contextlib import suppress
from hashlib import sha256
from hmac import digest as hmac_digest

from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.errors import StoreError, WebhookRefused
from asgi_tiktok.models import WebhookEvent
from asgi_tiktok.routes.pages import HEADERS
from asgi_tiktok.tiktok import TikTok

logger = logging.getLogger("asgi_tiktok")

LARGEST_BODY = 64 * 1024  # bytes
REMEMBERED = 80 * 60 * 60  # seconds; TikTok tries again for 72 hours
PATIENCE = 60  # seconds for the hooks of the app
UNFINISHED = b"-"
REMOVED = "authorization.removed"
PLAIN_TEXT = re.compile(r"[!-~]{0,256}")  # as of every open_id that can sign in


class Webhooks:
    """Receives the events of one TikTok app, each of them once."""

    def __init__(self, tiktok: TikTok) -> None:
        self.tiktok = tiktok
        self.store = tiktok.store
        self.client = tiktok.client

    async def receive(self, request: Request) -> Response:
        """200 for an event that was dealt with, now or before.

        Raises WebhookRefused for what TikTok did not sign for this app, HookFailed and StoreError; then the
        event does not count as received, and TikTok sends it again.
        """
        body = await read_body(request)
        signatures = request.headers.getlist("tiktok-signature")
        check_signature(self.client.client_secret.encode(), signatures, body, tolerance=self.tiktok.webhook_tolerance)
        event = read_event(body, self.client.client_key)
        # TikTok delivers at least once and gives no event an id, so the event itself is its id.
        name = "webhook:" + sha256(body).hexdigest()
        if await self.store.add(name, UNFINISHED, ttl=PATIENCE):
            try:
                await self.deal_with(event)
            except BaseException:
                with suppress(StoreError):  # then the mark ends by itself, long before TikTok tries again
                    await self.store.delete(name, UNFINISHED)
                raise
            await self.store.set(name, b"", ttl=REMEMBERED)
        elif await self.store.get(name) == UNFINISHED:
            raise WebhookRefused("The same event is being dealt with.", status_code=503)
        return Response(status_code=200, headers=HEADERS)

    async def deal_with(self, event: WebhookEvent) -> None:
        logger.info("webhook received: %s", event.event)
        hooks = self.tiktok.hooks
        if event.event == REMOVED and event.open_id is not None:
            await self.tiktok.tokens.forget(event.open_id)
            await self.tiktok.sessions.end_all(event.open_id)
            await hooks.tell(event, hooks.on_deauthorized)
        await hooks.tell(event, hooks.on_event)


async def read_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise WebhookRefused(f"The body is larger than {LARGEST_BODY} bytes.", status_code=413)
    return body


def check_signature(secret: bytes, headers: list[str], body: bytes, *, tolerance: int) -> None:
    """Raise WebhookRefused unless one header holds a recent HMAC-SHA256 over `t.body`."""
    if len(headers) != 1:
        raise WebhookRefused("There is no TikTok-Signature, or more than one.")
    pairs = [pair.strip().partition("=")[::2] for pair in headers[0].split(",")]
    times = [value for name, value in pairs if name == "t"]
    signatures = [value for name, value in pairs if name == "s"]
    if len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0]):
        raise WebhookRefused("TikTok-Signature holds no time.")
    if len(signatures) != 1 or not re.fullmatch(r"[0-9a-f]{64}", signatures[0]):
        raise WebhookRefused("TikTok-Signature holds no signature.")
    expected = hmac_digest(secret, times[0].encode() + b"." + body, "sha256").hex()
    if not secrets.compare_digest(expected, signatures[0]):
        raise WebhookRefused(
            "The signature does not fit.", hint="TikTok signs with client_secret; is it the one of this very app?"
        )
    if abs(time.time() - int(times[0])) > tolerance:
        raise WebhookRefused(
            "The signature is too old, or from the future.",
            hint="Check this machine's clock; TikTok(webhook_tolerance=...) accepts older ones.",
        )


def read_event(body: bytes, client_key: str) -> WebhookEvent:
    """The event in a body that TikTok signed; WebhookRefused for another app's, or for no event."""
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
        raise WebhookRefused("The body is no event.", status_code=400) from None
    well_typed = (
        isinstance(event.event, str)
        and PLAIN_TEXT.fullmatch(event.event)
        and isinstance(event.open_id, str | None)
        and PLAIN_TEXT.fullmatch(event.open_id or "")
        and type(event.create_time) is int
        and isinstance(content, dict)
    )
    if not well_typed:
        raise WebhookRefused("The body is no event.", status_code=400)
    if str(facts.get("client_key")) != client_key:
        raise WebhookRefused("The event is for another app.", status_code=400)
    return event
