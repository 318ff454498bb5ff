"""Store tokens, and let them expire."""

import time
from dataclasses import replace

from asgi_tiktok import TikTok
from asgi_tiktok.emulator import Emulator

VERIFIER = "v" * 43


async def sign_in(tiktok: TikTok, emulator: Emulator, open_id: str) -> None:
    """Store a token of this user, as a login does."""
    url = tiktok._client.authorization_url(state="s", code_verifier=VERIFIER)
    code = tiktok._client.parse_callback(emulator.consent(url, open_id)).code
    await tiktok._tokens.save(await tiktok._client.fetch_token(code or "", code_verifier=VERIFIER))


async def expire(tiktok: TikTok, open_id: str) -> bool:
    """Let the stored access token expire now. Its refresh token stays valid.

    Returns False if no token is stored.
    """
    kept = await tiktok._tokens.records.load(open_id)
    if kept is None:
        return False
    await tiktok._tokens.save(replace(kept.token, expires_at=int(time.time()) - 1))
    return True
