"""TikTok's token response: the login either succeeds completely or fails with one of our errors."""

import json
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from asgi_tiktok import TikTokError
from fuzz.site import SESSION_COOKIE, TOKEN, Site, read_response, run_scene


def run(data: bytes) -> None:
    """Check one response: status, header lines, an empty line, the body."""
    run_scene(attack(Site(token=data), data))


async def attack(site: Site, data: bytes) -> None:
    response = await site.complete_login(await site.start_login())
    assert site.tiktok_requests.count(TOKEN) == 1, "the code was not sent exactly once"
    if response.session:
        body = json.loads(read_response(data).content)
        assert await site.user_of(SESSION_COOKIE + b"=" + response.session) == body["open_id"]
        assert {type(body["access_token"]), type(body["open_id"]), type(body["expires_in"])} == {str, int}
    else:
        assert response.status in (400, 500, 502, 503, 504)
        assert not any(name.startswith(("session:", "token:")) for name in site.store._records)

    client = site.tiktok._client
    others: list[Coroutine[Any, Any, object]] = [client.refresh_token("rft.a"), client.client_token()]
    for other in others:
        with suppress(TikTokError):
            await other
