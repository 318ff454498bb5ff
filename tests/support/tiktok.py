"""The configured TikTok app of the tests, a token for it, and the number of its requests to the emulator."""

import os
from collections.abc import Iterable
from typing import Any

import httpx2

from asgi_tiktok import TikTok, Token
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator, Person
from tests.support.canaries import SECRET_KEY
from tests.support.settings import REDIRECT_URI

SESSION_MEMORY = int(os.environ.get("ASGI_TIKTOK_SESSION_MEMORY", "10000"))  # CI runs the security tests also with 0
CODE_VERIFIER = "v" * 43


def new_tiktok(transport: httpx2.AsyncBaseTransport | None = None, **settings: Any) -> TikTok:
    """Return a TikTok app with the default settings of the tests, changed by `settings`."""
    defaults: dict[str, Any] = {
        "client_key": DEFAULT_CLIENT_KEY,
        "client_secret": DEFAULT_CLIENT_SECRET,
        "redirect_uri": REDIRECT_URI,
        "secret_key": SECRET_KEY,
        "optional_scopes": ("user.info.profile", "user.info.stats", "video.list"),
        "store": "memory://",
        "session_memory": SESSION_MEMORY,
        "base_url": "http://127.0.0.1:8700",
        "transport": transport,
    }
    return TikTok(**{**defaults, **settings})


async def fetch_token(
    tiktok: TikTok, emulator: Emulator, person: Person | None = None, scopes: Iterable[str] | None = None
) -> Token:
    """Sign a person in without a browser and return the token, which is not saved."""
    url = tiktok._client.authorization_url(state="s", code_verifier=CODE_VERIFIER, scopes=scopes)
    code = tiktok._client.parse_callback(emulator.consent(url, person)).code
    assert code
    return await tiktok._client.fetch_token(code, code_verifier=CODE_VERIFIER)


def count_requests(emulator: Emulator, endpoint: str = "token") -> int:
    """Return how many requests the app has sent to this endpoint of TikTok."""
    return sum(exchange.endpoint == endpoint for exchange in emulator.exchanges)
