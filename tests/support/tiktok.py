"""The configured TikTok app of the tests, and the requests that it sends to the emulator."""

from typing import Any

import httpx2

from asgi_tiktok import TikTok
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator
from tests.support.canaries import SECRET_KEY
from tests.support.settings import REDIRECT_URI


def new_tiktok(transport: httpx2.AsyncBaseTransport | None = None, **settings: Any) -> TikTok:
    """One TikTok app at the emulator."""
    defaults: dict[str, Any] = {
        "client_key": DEFAULT_CLIENT_KEY,
        "client_secret": DEFAULT_CLIENT_SECRET,
        "redirect_uri": REDIRECT_URI,
        "secret_key": SECRET_KEY,
        "optional_scopes": ("user.info.profile", "user.info.stats", "video.list"),
        "store": "memory://",
        "base_url": "http://127.0.0.1:8700",
        "transport": transport,
    }
    return TikTok(**{**defaults, **settings})


def asked(emulator: Emulator, endpoint: str = "token") -> int:
    """How often the app asked this endpoint of TikTok."""
    return sum(exchange.endpoint == endpoint for exchange in emulator.exchanges)
