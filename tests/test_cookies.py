"""What a browser may send in its Cookie header, and whom it makes of it."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import CAST, Emulator
from asgi_tiktok.keys import KeyRing
from asgi_tiktok.records import seal_record
from tests.canaries import OLD_SECRET_KEY, SECRET_KEY
from tests.site import app
from tests.visits import (
    LOGIN_COOKIE,
    ORIGIN,
    SESSION_COOKIE,
    begin,
    come_back,
    cookies_set,
    name,
    new_tiktok,
    sign_in,
)


def visit(browser: TestClient, *headers: bytes) -> httpx2.Response:
    """A page fetched with exactly these Cookie headers."""
    fresh = TestClient(browser.app, base_url=ORIGIN)
    answer: httpx2.Response = fresh.get("/me", headers=[(b"cookie", header) for header in headers])
    assert answer.status_code == 200
    return answer


@pytest.fixture
def cookie(browser: TestClient, emulator: Emulator) -> bytes:
    """The value of a genuine session cookie."""
    sign_in(browser, emulator)
    return browser.cookies[SESSION_COOKIE].encode()


NAME = SESSION_COOKIE.encode()
HOSTILE = {
    "K-01 truncated": lambda value: NAME + b"=" + value[:-1],
    "K-01 doubled": lambda value: NAME + b"=" + value + value,
    "K-01 empty": lambda value: NAME + b"=",
    "K-05 no-break space": lambda value: b"\xa0" + NAME + b"=" + value,
    "K-05 next line": lambda value: b"\x85" + NAME + b"=" + value,
    "K-05 file separator": lambda value: b"\x1c" + NAME + b"=" + value,
    "K-05 en quad": lambda value: b"\xe2\x80\x80" + NAME + b"=" + value,
    "K-05 unit separator behind": lambda value: NAME + b"\x1f=" + value,
    "K-06 nameless": lambda value: b"=" + NAME + b"=" + value,
    "K-06 bare": lambda value: NAME,
    "K-06 quoted": lambda value: NAME + b'="' + value + b'"',
    "K-06 escaped": lambda value: NAME + b"=\\" + value,
    "K-06 comma-joined": lambda value: b"a=b, " + NAME + b"=" + value,
    "K-06 unbalanced quote": lambda value: NAME + b'="' + value,
    "K-07 small letters": lambda value: NAME.lower().replace(b"__h", b"__h") + b"x=" + value,
    "K-07 small prefix": lambda value: b"__host-tiktok_session=" + value,
    "K-07 capitals": lambda value: NAME.upper() + b"=" + value,
    "K-07 another prefix": lambda value: b"__Secure-tiktok_session=" + value,
    "K-07 no prefix": lambda value: b"tiktok_session=" + value,
    "K-08 64 KB": lambda value: b"a=" + b"x" * 65536,
    "K-08 64 KB of ours": lambda value: NAME + b"=" + b"x" * 65536,
    "K-08 5000 cookies": lambda value: b"; ".join(b"c%d=1" % number for number in range(5000)),
    "K-08 backslashes": lambda value: NAME + b'="' + b"\\" * 65536 + b'"',
    "K-09 beyond ASCII": lambda value: NAME + b"=" + b"\xff" + value,
    "K-09 control": lambda value: NAME + b"=\x01" + value,
    "K-10 unknown id": lambda value: NAME + b"=" + b"A" * 43 + value[43:],
    "too many of ours": lambda value: b"; ".join(
        [NAME + b"=%d" % number for number in range(20)] + [NAME + b"=" + value]
    ),
    "separators": lambda value: b";;;;",
    "nothing": lambda value: b"",
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_cookie_that_is_not_to_the_letter_is_nobody(
    browser: TestClient, store: MemoryStore, cookie: bytes, make: Callable[[bytes], bytes]
) -> None:
    records = len(store.records)

    assert visit(browser, make(cookie)).json()["name"] == ""
    assert len(store.records) == records


def test_every_byte_of_the_cookie_counts(browser: TestClient, cookie: bytes) -> None:
    for position in range(len(cookie) - 1):
        flipped = cookie[:position] + bytes([cookie[position] ^ 1]) + cookie[position + 1 :]
        if flipped[position : position + 1] not in (b";", b" "):
            assert visit(browser, NAME + b"=" + flipped).json()["name"] == "", position


def test_rfc_2965_relics_change_nothing(browser: TestClient, cookie: bytes) -> None:
    assert visit(browser, b"$Version=1; " + NAME + b"=" + cookie + b"; $Path=/").json()["name"]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_cookies_the_only_genuine_one_counts(browser: TestClient, cookie: bytes, order: int) -> None:
    pairs = [NAME + b"=" + cookie, NAME + b"=forged"][::order]

    assert visit(browser, b"; ".join(pairs)).json()["name"]
    assert visit(browser, *pairs).json()["name"]


def test_of_two_genuine_cookies_none_counts(browser: TestClient, emulator: Emulator, cookie: bytes) -> None:
    other = TestClient(browser.app, base_url=ORIGIN, follow_redirects=False)
    sign_in(other, emulator, person=CAST[1])
    second = other.cookies[SESSION_COOKIE].encode()

    assert visit(browser, NAME + b"=" + cookie, NAME + b"=" + second).json()["name"] == ""


def test_a_hostile_header_is_read_in_no_time(browser: TestClient, cookie: bytes) -> None:
    visit(browser)
    began = time.perf_counter()
    visit(browser, NAME + b'="' + b"\\" * 65536 + b'"; ' + b"; ".join(b"c%d=1" % n for n in range(5000)))

    assert time.perf_counter() - began < 1


def test_a_forged_cookie_is_forgotten(browser: TestClient) -> None:
    answer = visit(browser, NAME + b"=forged")

    assert "Max-Age=0" in cookies_set(answer)[SESSION_COOKIE]
    assert answer.headers["cache-control"] == "private, no-store"


def test_a_genuine_cookie_of_an_ended_session_is_left_alone(
    browser: TestClient, emulator: Emulator, cookie: bytes, store: MemoryStore
) -> None:
    """A late answer to it must not delete the cookie of the login that has just replaced it."""
    store.records.clear()

    assert "set-cookie" not in visit(browser, NAME + b"=" + cookie).headers


def test_a_page_of_another_site_cannot_make_us_forget(browser: TestClient) -> None:
    answer = TestClient(browser.app, base_url=ORIGIN).get(
        "/me", headers={"cookie": f"{SESSION_COOKIE}=forged", "sec-fetch-site": "cross-site"}
    )

    assert "set-cookie" not in answer.headers


def test_one_cookie_is_never_taken_for_another(browser: TestClient, emulator: Emulator) -> None:
    begin(browser)
    ((login_name, login_value),) = browser.cookies.items()
    session_value = f"{'A' * 43}.{'A' * 43}"

    assert visit(browser, NAME + b"=" + login_value.encode()).json()["name"] == ""
    browser.cookies.set(login_name, session_value, domain="testserver.local", path="/")
    assert begin(browser)


def test_a_login_cookie_under_another_name_is_of_no_use(browser: TestClient, emulator: Emulator) -> None:
    back = come_back(browser, emulator)
    other = TestClient(browser.app, base_url=ORIGIN, follow_redirects=False)
    begin(other)
    ((_, foreign_value),) = other.cookies.items()
    ((own_name, _),) = browser.cookies.items()
    answer = TestClient(browser.app, base_url=ORIGIN, cookies={own_name: foreign_value}).get(back)

    assert answer.status_code == 400
    assert "This sign-in cannot be finished" in answer.text


@pytest.mark.parametrize("facts", [{}, {"state": "s"}, {"scopes": None}, {"more": 1}])
def test_a_login_cookie_of_another_version_is_no_fault(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, facts: dict[str, object]
) -> None:
    back = come_back(browser, emulator)
    ((cookie, _),) = browser.cookies.items()
    pending = tiktok.login.pending
    sealed = seal_record(tiktok.keys.newest, "login", facts, place=pending.place(cookie))
    value = urlsafe_b64encode(sealed).rstrip(b"=").decode()
    browser = TestClient(browser.app, base_url=ORIGIN, cookies={cookie: value}, follow_redirects=False)

    assert browser.get("/auth/tiktok/login").status_code == 302
    answer = TestClient(browser.app, base_url=ORIGIN, cookies={cookie: value}).get(back)
    assert answer.status_code == 400
    assert "This sign-in cannot be finished" in answer.text


def test_stale_login_cookies_make_room_first(browser: TestClient) -> None:
    stale = {f"{LOGIN_COOKIE}{'A' * 10}{number}": "x" * 200 for number in range(8)}
    browser = TestClient(browser.app, base_url=ORIGIN, follow_redirects=False, cookies=stale)
    for _ in range(4):
        begin(browser)

    assert sorted(cookie for cookie in browser.cookies if cookie not in stale)
    answer = browser.get("/auth/tiktok/login")
    assert all("Max-Age=0" in line for cookie, line in cookies_set(answer).items() if cookie in stale)


@pytest.mark.parametrize("tail", ["", "x", "A" * 12, "A" * 10 + "é", "A" * 10 + '"'])
def test_a_login_cookie_that_we_never_named_is_not_echoed(browser: TestClient, tail: str) -> None:
    headers = [(b"cookie", f"{LOGIN_COOKIE}{tail}=x".encode())]
    answer = browser.get("/auth/tiktok/login", headers=headers)

    assert len(cookies_set(answer)) == 1


def test_cookies_tell_nothing_about_the_person(browser: TestClient, cookie: bytes) -> None:

    begin(browser, "next=/secret-place")
    for value in browser.cookies.values():
        raw = urlsafe_b64decode(value.split(".")[0] + "==") + value.encode()
        assert CAST[0].open_id.encode() not in raw
        assert b"Amara" not in raw
        assert b"secret-place" not in raw


def test_a_session_survives_the_rotation_of_keys(emulator: Emulator) -> None:
    store = MemoryStore()

    def visitor(secret_key: object) -> TestClient:
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), secret_key=secret_key, store=store)
        return TestClient(TikTokAuthMiddleware(app, tiktok), base_url=ORIGIN, follow_redirects=False)

    old = visitor(OLD_SECRET_KEY)
    sign_in(old, emulator)

    def seen_by(secret_key: object) -> str:
        browser = visitor(secret_key)
        browser.cookies = old.cookies
        return name(browser)

    assert seen_by([SECRET_KEY, OLD_SECRET_KEY]) == CAST[0].display_name
    assert seen_by(SECRET_KEY) == ""
    assert seen_by(OLD_SECRET_KEY) == CAST[0].display_name


@pytest.mark.anyio
@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b"[" * 1000, b'{"format": 2}', b'{"format": 99, "user": 1}', b'{"format": 1}']
    + [b'{"format": 1, "user": []}', b'{"format": 1, "user": {"open_id": 7}, "scopes": [], "data": {}}']
    + [b'{"format": 1, "user": {"open_id": "a"}, "scopes": null, "data": {}, "created_at": 1, "seen_at": 1}'],
    ids=["empty", "null", "list", "deep", "newer", "newest", "nothing", "no user", "nobody", "no scopes"],
)
async def test_a_record_of_another_format_is_nobody(tiktok: TikTok, emulator: Emulator, payload: bytes) -> None:
    """K-02, R-29a: as an older or newer version, or a fault, may have left it in the store."""
    key = KeyRing(SECRET_KEY).newest
    session_id = b"i" * 43
    name = "session:" + key.digest("session-record", session_id).hex()
    await tiktok.store.set(name, key.seal("session", payload, context=name), ttl=60)
    cookie = key.sign(tiktok.sessions.cookie_purpose, session_id).decode()
    transport = httpx2.ASGITransport(TikTokAuthMiddleware(app, tiktok))
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        answer = await client.get("/me", headers={"cookie": f"{SESSION_COOKIE}={cookie}"})

    assert answer.json()["name"] == ""


@pytest.mark.anyio
async def test_a_record_moved_to_another_key_is_nobody(tiktok: TikTok, store: MemoryStore) -> None:
    from asgi_tiktok import TikTokUser

    _, first = await tiktok.sessions.create(TikTokUser(open_id="ada"), (), {})
    _, second = await tiktok.sessions.create(TikTokUser(open_id="bob"), (), {})
    names = list(store.records)
    store.records[names[0]], store.records[names[1]] = store.records[names[1]], store.records[names[0]]

    for line in (first[1], second[1]):
        assert await tiktok.sessions.load([line.split(b";")[0].split(b"=", 1)[1]]) is None


def test_equivalent_spellings_of_a_signature_are_the_same_person_or_nobody(
    browser: TestClient, cookie: bytes
) -> None:
    alphabet = urlsafe_b64encode(bytes(range(256)) * 3)
    people = {
        visit(browser, NAME + b"=" + cookie[:-1] + last.to_bytes(1, "big")).json()["name"] for last in set(alphabet)
    }

    assert people <= {"", CAST[0].display_name}
