"""Records in the store: a record that we did not write under this name signs no user in, and causes no error."""

import json
from contextlib import suppress

from asgi_tiktok import TikTokError, Token
from asgi_tiktok.accounts.record_dictionary import RECORDS
from asgi_tiktok.accounts.token_records import PURPOSE
from asgi_tiktok.crypto.records import FORMAT
from fuzz.site import ADA, SESSION_COOKIE, Site, fill, run_scene

TOKEN = Token(open_id=ADA, scopes=("user.info.basic",), access_token="act.a", expires_at=2**33)


def run(data: bytes) -> None:
    """Check one record. `{elsewhere}` is replaced by a record with another name.

    Data after a `=` is sealed first. Sealed data in our own format is trusted, so it is not checked.
    """
    if not (data[:1] == b"=" and has_our_format(data[1:])):
        run_scene(attack(Site(), data))


async def attack(site: Site, data: bytes) -> None:
    tiktok, records = site.tiktok, site.store._records
    cookie, _ = SESSION_COOKIE + b"=" + await site.sign_in(), await site.sign_in()
    await tiktok._tokens.save(TOKEN)
    name, elsewhere, token = records
    assert await site.user_of(cookie) == ADA
    assert await tiktok._tokens.records.load(ADA)
    record = fill(data, elsewhere=records[elsewhere].value)
    for key, purpose in ((name, tiktok._sessions.records.purpose), (token, PURPOSE)):
        value = tiktok._keys.newest.seal(purpose, record[1:], context=key) if record[:1] == b"=" else record
        records[key] = records[key]._replace(value=value)
    tiktok._memories.memories.clear()

    assert await site.user_of(cookie) == ""
    assert await tiktok._tokens.records.load(ADA) is None
    with suppress(TikTokError):
        await tiktok.disconnect(ADA)
    assert site.tiktok_requests == []


def has_our_format(text: bytes) -> bool:
    try:
        facts = json.loads(RECORDS.decompress(text))
    except (ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and facts.get("format") == FORMAT
