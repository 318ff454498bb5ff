"""TikTok's user info: the user is always the owner of the token, and every error is one of the package."""

import json
import unicodedata

from fuzz.site import ADA, SESSION_COOKIE, TOKEN, USER_INFO, Site, run_scene

MAX_LENGTH = 2048  # characters


def run(data: bytes) -> None:
    """Check one response: status, header lines, an empty line, the body."""
    run_scene(attack(Site(user_info=data)))


async def attack(site: Site) -> None:
    response = await site.complete_login(await site.start_login())
    assert site.tiktok_requests == [TOKEN, USER_INFO]
    if response.session:
        cookie = SESSION_COOKIE + b"=" + response.session
        site.tiktok._memories.memories.clear()
        assert await site.user_of(cookie) == ADA, "the saved session cannot be read again"
        user = json.loads((await site.get("/auth/tiktok/session", b"", cookie)).body)["user"]
        for fact in user.values():
            assert not isinstance(fact, str) or is_clean(fact)
    else:
        assert response.status in (502, 503, 504)
        assert not any(name.startswith(("session:", "token:")) for name in site.store._records)


def is_clean(text: str) -> bool:
    return len(text) <= MAX_LENGTH and not any(unicodedata.category(char) in ("Cc", "Cs") for char in text)
