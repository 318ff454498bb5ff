"""Webhook requests as TikTok sends them."""

import hashlib
import hmac
import json
import time
from typing import Any

from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET
from tests.support.people import AMARA


def webhook_body(**changes: Any) -> bytes:
    """Return the body of the event `authorization.removed` for Amara, of this moment, with these fields changed."""
    fields = {
        "client_key": DEFAULT_CLIENT_KEY,
        "event": "authorization.removed",
        "create_time": int(time.time()),
        "user_openid": AMARA.open_id,
        "content": '{"reason": 1}',
    }
    return json.dumps({**fields, **changes}).encode()


def sign_webhook(body: bytes, *, at: float | None = None, secret: str = DEFAULT_CLIENT_SECRET) -> str:
    """Return the value of the `TikTok-Signature` header for the body, signed now or at a timestamp."""
    timestamp = str(int(time.time() if at is None else at))
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},s={signature}"
