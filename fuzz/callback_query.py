"""The query of the callback: without this browser's own state, there is no request to TikTok and no session."""

from urllib.parse import unquote_to_bytes

from fuzz.site import ADA, CALLBACK, CODE, SESSION_COOKIE, TOKEN, USER_INFO, Site, fill, run_scene


def run(data: bytes) -> None:
    """Check one query. `{state}` and `{foreign}` are replaced by the states of this browser's and another login."""
    run_scene(attack(Site(), data))


async def attack(site: Site, data: bytes) -> None:
    before = SESSION_COOKIE + b"=" + await site.sign_in()
    login, foreign = await site.start_login(b"next=/me"), await site.start_login()
    query = fill(data, state=login.state, foreign=foreign.state, code=CODE)
    response = await site.get(CALLBACK, query, before, login.cookie)

    assert bool(response.session) == bool(site.tiktok_requests)
    if response.session:
        assert response.location == b"/me"
        assert b"state=" + login.state in unquote_to_bytes(query)
        assert site.tiktok_requests == [TOKEN, USER_INFO]
        assert await site.user_of(before) == "", "the session that was replaced is still valid"
    else:
        assert response.status in (400, 403, 502, 503)
        assert await site.user_of(before) == ADA, "a rejected callback signed the visitor out"
