"""Records in the store: a record that we did not write under this key signs no user in, and does no harm."""

import json
from contextlib import suppress

from asgi_tiktok import TikTokError, Token
from fuzz.site import ADA, SESSION_COOKIE, Site, fill, play

TOKEN = Token(open_id=ADA, scopes=("user.info.basic",), access_token="act.a", expires_at=2**33)


def run(data: bytes) -> None:
    """Check one record. `{elsewhere}` is replaced by a record from another key.

    Data after a `=` is sealed first. Sealed data in our own format is trusted, so it is not checked.
    """
    if not (data[:1] == b"=" and is_ours(data[1:])):
        play(attack(Site(), data))


async def attack(site: Site, data: bytes) -> None:
    tiktok, records = site.tiktok, site.store._records
    cookie, _ = SESSION_COOKIE + b"=" + await site.sign_in(), await site.sign_in()
    await tiktok._tokens.save(TOKEN)
    name, elsewhere, token = records
    text = fill(data, elsewhere=records[elsewhere].value)
    for key, purpose in ((name, "session"), (token, "token")):
        written = tiktok._keys.newest.seal(purpose, text[1:], context=key) if text[:1] == b"=" else text
        records[key] = records[key]._replace(value=written)
    tiktok._sessions.opened.clear()

    assert await site.who(cookie) == ""
    assert await tiktok._tokens.records.load(ADA) is None
    with suppress(TikTokError):
        await tiktok.disconnect(ADA)
    assert site.asked == []


def is_ours(text: bytes) -> bool:
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and facts.get("format") == 1
