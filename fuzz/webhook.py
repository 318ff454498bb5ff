"""The webhook: without TikTok's signature, no user is signed out and no hook is called."""

import hmac
import time

from asgi_tiktok import WebhookEvent
from fuzz.site import ADA, CLIENT_SECRET, SESSION_COOKIE, WEBHOOK, Site, fill, run_scene


def run(data: bytes) -> None:
    """Check one webhook: TikTok-Signature lines, an empty line, the body.

    `{now}` and `{signature}` are replaced by TikTok's own values.
    """
    run_scene(attack(Site(), data))


async def attack(site: Site, data: bytes) -> None:
    events: list[WebhookEvent] = []

    @site.tiktok.on_event
    async def record(event: WebhookEvent) -> None:
        events.append(event)

    cookie = SESSION_COOKIE + b"=" + await site.sign_in()
    head, _, body = data.partition(b"\n\n")
    now = b"%d" % time.time()
    signature = hmac.digest(CLIENT_SECRET.encode(), now + b"." + body, "sha256").hex().encode()
    lines = fill(head, now=now, signature=signature).split(b"\n")
    response = await site.request("POST", WEBHOOK, headers=[(b"tiktok-signature", line) for line in lines], body=body)

    assert site.tiktok_requests == []
    assert response.session is None
    assert len(events) == (response.status == 200)
    if events:
        assert b"s=" + signature in lines[0]
    else:
        assert response.status in (400, 401, 413)
    # A consent that came after the event stays.
    removed = bool(events) and events[0].event == "authorization.removed" and events[0].open_id == ADA
    removed = removed and not events[0].consented_again
    assert await site.user_of(cookie) == ("" if removed else ADA)
