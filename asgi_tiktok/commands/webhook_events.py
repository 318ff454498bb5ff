"""Webhook events, as TikTok writes and signs them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.routes.webhooks import REMOVED

POST = {"publish_id": "v_pub_url~v2.123456789", "publish_type": "DIRECT_PUBLISH"}
POSTED = {**POST, "post_id": "7212345678901234567"}
EVENTS: dict[str, dict[str, Any]] = {
    REMOVED: {"reason": 1},
    "video.upload.failed": {"share_id": "video.6974245311675353080.VDCxrcMJ"},
    "video.publish.completed": {"share_id": "video.6974245311675353080.VDCxrcMJ"},
    "post.publish.failed": {**POST, "reason": "video_pull_failed"},
    "post.publish.complete": POSTED,
    "post.publish.inbox_delivered": {**POST, "publish_type": "INBOX_SHARE"},
    "post.publish.publicly_available": POSTED,
    # TikTok's own spelling.
    "post.publish.no_longer_publicaly_available": POSTED,
    "portability.download.ready": {"request_id": 7212345678901234567},
}


@dataclass(frozen=True, slots=True)
class Event:
    """An event of one app."""

    name: str
    client_key: str
    client_secret: str = field(repr=False)
    open_id: str | None
    content: str

    def body(self, now: int) -> bytes:
        """Return the JSON body, in which the content is itself a JSON string."""
        user = {} if self.open_id is None else {"user_openid": self.open_id}
        facts = {"client_key": self.client_key, "event": self.name, "create_time": now, **user}
        return json.dumps({**facts, "content": self.content}, separators=(",", ":"), ensure_ascii=False).encode()


def sign(secret: str, body: bytes, now: int) -> str:
    """Return the value of the TikTok-Signature header."""
    return f"t={now},s={hmac_digest(secret.encode(), f'{now}.'.encode() + body, sha256).hex()}"


def event_of(
    environ: Mapping[str, str],
    *,
    name: str,
    open_id: str | None = None,
    reason: int | None = None,
    content: str | None = None,
    client_secret: str | None = None,
) -> Event:
    """Return the event that the arguments describe. Raise ConfigurationError if they do not fit together."""
    key = environ.get("TIKTOK_CLIENT_KEY", "").strip()
    secret = client_secret or environ.get("TIKTOK_CLIENT_SECRET", "").strip()
    # TikTok sends this event without an open_id.
    needs_user = name != "portability.download.ready"
    if not key and not secret:
        try:
            from asgi_tiktok.emulator import CAST, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET
        except ModuleNotFoundError:
            raise ConfigurationError(
                "TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET are not set; set them to the values that the app has."
            ) from None
        key, secret = DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET
        open_id = open_id or (CAST[0].open_id if needs_user else None)
    if not key or not secret:
        missing = "TIKTOK_CLIENT_SECRET" if key else "TIKTOK_CLIENT_KEY"
        raise ConfigurationError(f"{missing} is not set; set it to the value that the app has.")
    if not open_id and needs_user:
        raise ConfigurationError(f"{name} needs a user; pass --open-id=… with the open_id of a user of the app.")
    return Event(name, key, secret, open_id, content_of(name, reason, content))


def content_of(name: str, reason: int | None, content: str | None) -> str:
    if reason is not None and (content is not None or name != REMOVED):
        raise ConfigurationError(f"--reason works only with {REMOVED} and without --content; use --content.")
    if content is None:
        default = EVENTS.get(name, {})
        return json.dumps(default if reason is None else {"reason": reason})
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ConfigurationError("""--content is not a JSON object; in a shell, write '{"reason": 1}'.""")
    return content
