"""The Cookie header: a visitor is anonymous unless it contains exactly a genuine cookie."""

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error

from fuzz.site import ADA, CALLBACK, CODE, LOGIN, LOGIN_COOKIE, ORIGIN, SESSION_COOKIE, Begun, Site, fill, play


def run(data: bytes) -> None:
    """Check one or more headers, one per line.

    `{session}`, `{name}` and `{login}` are replaced by the parts of genuine cookies, and `{id}` by the session id
    without its signature.
    """
    play(attack(Site(), data))


async def attack(site: Site, data: bytes) -> None:
    session, begun = await site.sign_in(), await site.begin()
    given = {"session": session, "id": session.rpartition(b".")[0], "name": begun.name, "login": begun.value}
    headers = fill(data, **given).split(b"\n")
    pairs = [pair.strip(b" \t").partition(b"=")[::2] for header in headers for pair in header.split(b";")]

    shown = {value for name, value in pairs if name == SESSION_COOKIE}
    who = await site.who(*headers)
    assert who in ("", ADA)
    assert who or shown != {session}
    assert not who or session in shown

    await begin_another(site, headers)

    response = await site.get(CALLBACK, b"code=%b&state=%b" % (CODE, begun.state), *headers)
    assert bool(response.session) == bool(site.asked)
    if response.session:
        assert any(name == begun.name and is_same(value, begun) for name, value in pairs)
    assert who == await site.who(*headers) or response.session


async def begin_another(site: Site, headers: list[bytes]) -> None:
    """Check that a login starts with any cookies, and that it deletes only our own cookies."""
    response = await site.get(LOGIN, b"", *headers)
    assert response.status == 302
    assert not response.location.startswith(ORIGIN.encode())
    *forgotten, remembered = response.all(b"set-cookie")
    assert remembered.startswith(LOGIN_COOKIE)
    assert b"Max-Age=600;" in remembered
    for line in forgotten:
        assert line.startswith(LOGIN_COOKIE)
        assert b"=; Max-Age=0;" in line


def is_same(value: bytes, begun: Begun) -> bool:
    """Return whether a base64url decoder that ignores other characters reads the genuine cookie."""
    genuine = urlsafe_b64decode(begun.value + b"=" * (-len(begun.value) % 4))
    try:
        return urlsafe_b64decode(value + b"=" * (-len(value) % 4)) == genuine
    except Base64Error:
        return False
