"""The query of the callback: no call to TikTok and no session, unless the state is this browser's own."""

from urllib.parse import unquote_to_bytes

from fuzz.site import ADA, CALLBACK, CODE, SESSION_COOKIE, TOKEN, USER_INFO, Site, fill, play


def run(data: bytes) -> None:
    """`{state}` stands for the state of a login of this browser, `{foreign}` for another's."""
    play(attack(Site(), data))


async def attack(site: Site, data: bytes) -> None:
    before = SESSION_COOKIE + b"=" + await site.sign_in()
    begun, foreign = await site.begin(b"next=/me"), await site.begin()
    query = fill(data, state=begun.state, foreign=foreign.state, code=CODE)
    answer = await site.get(CALLBACK, query, before, begun.cookie)

    assert bool(answer.session) == bool(site.asked)
    if answer.session:
        assert answer.location == b"/me"
        assert b"state=" + begun.state in unquote_to_bytes(query)
        assert site.asked == [TOKEN, USER_INFO]
        assert await site.who(before) == "", "the session that this one replaced goes on"
    else:
        assert answer.status in (400, 403, 502, 503)
        assert await site.who(before) == ADA, "who came with a wrong answer was signed out"
