"""The Cookie header: a visitor is anonymous unless it contains exactly a genuine cookie."""

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error

from fuzz.site import (
    ADA,
    CALLBACK,
    CODE,
    LOGIN,
    LOGIN_COOKIE,
    ORIGIN,
    SESSION_COOKIE,
    Site,
    StartedLogin,
    fill,
    run_scene,
)


def run(data: bytes) -> None:
    """Check one or more headers, one per line.

    `{session}`, `{name}` and `{login}` are replaced by the parts of genuine cookies, and `{id}` by the session id
    without its signature.
    """
    run_scene(attack(Site(), data))


async def attack(site: Site, data: bytes) -> None:
    session, login = await site.sign_in(), await site.start_login()
    values = {"session": session, "id": session.rpartition(b".")[0], "name": login.name, "login": login.value}
    headers = fill(data, **values).split(b"\n")
    pairs = [pair.strip(b" \t").partition(b"=")[::2] for header in headers for pair in header.split(b";")]

    sent = {value for name, value in pairs if name == SESSION_COOKIE}
    user = await site.user_of(*headers)
    assert user in ("", ADA)
    assert user or sent != {session}
    assert not user or session in sent

    await start_another_login(site, headers)

    response = await site.get(CALLBACK, b"code=%b&state=%b" % (CODE, login.state), *headers)
    assert bool(response.session) == bool(site.tiktok_requests)
    if response.session:
        assert any(name == login.name and is_same(value, login) for name, value in pairs)
    assert user == await site.user_of(*headers) or response.session


async def start_another_login(site: Site, headers: list[bytes]) -> None:
    """Check that a login starts with any cookies, and that it deletes only our own cookies."""
    response = await site.get(LOGIN, b"", *headers)
    assert response.status == 302
    assert not response.location.startswith(ORIGIN.encode())
    *deletions, new_cookie = response.all(b"set-cookie")
    assert new_cookie.startswith(LOGIN_COOKIE)
    assert b"Max-Age=600;" in new_cookie
    for line in deletions:
        assert line.startswith(LOGIN_COOKIE)
        assert b"=; Max-Age=0;" in line


def is_same(value: bytes, login: StartedLogin) -> bool:
    """Return whether a base64url decoder that ignores other characters reads the genuine cookie."""
    genuine = urlsafe_b64decode(login.value + b"=" * (-len(login.value) % 4))
    try:
        return urlsafe_b64decode(value + b"=" * (-len(value) % 4)) == genuine
    except Base64Error:
        return False
