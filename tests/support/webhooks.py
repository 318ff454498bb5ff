"""Webhook requests as TikTok sends them."""

import hashlib
import hmac
import json
import time
from typing import Any

from asgi_tiktok.emulator import CAST, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET


def event(**changes: Any) -> bytes:
    facts = {
        "client_key": DEFAULT_CLIENT_KEY,
        "event": "authorization.removed",
        "create_time": 1_615_338_610,
        "user_openid": CAST[0].open_id,
        "content": '{"reason": 1}',
    }
    return json.dumps({**facts, **changes}).encode()


def sign(body: bytes, *, at: float | None = None, secret: str = DEFAULT_CLIENT_SECRET) -> str:
    moment = str(int(time.time() if at is None else at))
    return f"t={moment},s={hmac.new(secret.encode(), f'{moment}.'.encode() + body, hashlib.sha256).hexdigest()}"
