"""The query of the callback: without this browser's own state, there is no request to TikTok and no session."""

from urllib.parse import unquote_to_bytes

from fuzz.site import ADA, CALLBACK, CODE, SESSION_COOKIE, TOKEN, USER_INFO, Site, fill, play


def run(data: bytes) -> None:
    """Check one query. `{state}` is replaced by the state of this browser's login, `{foreign}` by another's."""
    play(attack(Site(), data))


async def attack(site: Site, data: bytes) -> None:
    before = SESSION_COOKIE + b"=" + await site.sign_in()
    begun, foreign = await site.begin(b"next=/me"), await site.begin()
    query = fill(data, state=begun.state, foreign=foreign.state, code=CODE)
    response = await site.get(CALLBACK, query, before, begun.cookie)

    assert bool(response.session) == bool(site.asked)
    if response.session:
        assert response.location == b"/me"
        assert b"state=" + begun.state in unquote_to_bytes(query)
        assert site.asked == [TOKEN, USER_INFO]
        assert await site.who(before) == "", "the session that was replaced is still valid"
    else:
        assert response.status in (400, 403, 502, 503)
        assert await site.who(before) == ADA, "a rejected callback signed the visitor out"
