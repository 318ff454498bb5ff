"""Cookie headers: only exactly a genuine session cookie signs a visitor in (K-01 to K-13)."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import ASGIApp

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.crypto.keys import Key, KeyRing
from asgi_tiktok.crypto.signer import IdSigner
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.canaries import OLD_SECRET_KEY, SECRET_KEY
from tests.support.people import AMARA, JUN
from tests.support.requests import RawResponse, send_request, user_of
from tests.support.settings import ORIGIN, SESSION_COOKIE
from tests.support.tiktok import new_tiktok

pytestmark = pytest.mark.anyio

NAME = SESSION_COOKIE.encode()
PAIR = NAME + b"="
SESSION_ID = b"i" * 43
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/"


@pytest.fixture
async def cookie(victim: Browser) -> bytes:
    """The value of a genuine session cookie."""
    await victim.sign_in()
    return victim.session_cookie.encode()


async def open_page(site: ASGIApp, *headers: bytes) -> RawResponse:
    """Open a page with exactly these Cookie headers."""
    response = await send_request(site, "GET", "/me", headers=[("cookie", header) for header in headers])
    assert response.status == 200
    return response


def cookie_purpose(tiktok: TikTok) -> str:
    return f"cookie/{tiktok._sessions.records.purpose}"


def signed(secret: str = SECRET_KEY, purpose: str = "", session_id: bytes = SESSION_ID) -> bytes:
    """Return a session id as the value of a cookie, signed with this key for this purpose."""
    return IdSigner(KeyRing(secret), purpose).sign(session_id)


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "K-01 truncated": lambda value: PAIR + value[:-1],
    "K-01 doubled": lambda value: PAIR + value + value,
    "K-01 empty": lambda value: PAIR,
    "K-01 unsigned": lambda value: PAIR + value.split(b".")[0],
    "K-01 signature alone": lambda value: PAIR + b"." + value.split(b".")[1],
    "K-01 parts exchanged": lambda value: PAIR + b".".join(reversed(value.split(b"."))),
    "K-05 no-break space": lambda value: b"\xa0" + PAIR + value,
    "K-05 next line": lambda value: b"\x85" + PAIR + value,
    "K-05 file separator": lambda value: b"\x1c" + PAIR + value,
    "K-05 unit separator": lambda value: b"\x1f" + PAIR + value,
    "K-05 vertical tab": lambda value: b"\x0b" + PAIR + value,
    "K-05 en quad": lambda value: b"\xe2\x80\x80" + PAIR + value,
    "K-05 unit separator after the name": lambda value: NAME + b"\x1f=" + value,
    "K-05 space after the name": lambda value: NAME + b" =" + value,
    "K-06 nameless": lambda value: b"=" + PAIR + value,
    "K-06 name alone": lambda value: NAME,
    "K-06 quoted": lambda value: PAIR + b'"' + value + b'"',
    "K-06 backslash": lambda value: PAIR + b"\\" + value,
    "K-06 octal": lambda value: PAIR + b'"\\%03o' % value[0] + value[1:] + b'"',
    "K-06 percent": lambda value: PAIR + b"%%%02x" % value[0] + value[1:],
    "K-06 comma-joined": lambda value: b"a=b, " + PAIR + value,
    "K-06 unbalanced quote": lambda value: PAIR + b'"' + value,
    "K-06 inside another cookie": lambda value: b'a="; ' + PAIR + value[:-1] + b'"',
    "K-07 small prefix": lambda value: b"__host-tiktok_session=" + value,
    "K-07 capital prefix": lambda value: b"__HOST-tiktok_session=" + value,
    "K-07 capitals": lambda value: NAME.upper() + b"=" + value,
    "K-07 another prefix": lambda value: b"__Secure-tiktok_session=" + value,
    "K-07 no prefix": lambda value: b"tiktok_session=" + value,
    "K-07 longer name": lambda value: NAME + b"x=" + value,
    "K-07 name with the suffix of another app": lambda value: NAME + b".0a1b2c3d=" + value,
    "K-08 64 KB": lambda value: b"a=" + b"x" * 65536,
    "K-08 64 KB in a session cookie": lambda value: PAIR + b"x" * 65536,
    "K-08 5000 cookies": lambda value: b"; ".join(b"c%d=1" % number for number in range(5000)),
    "K-08 5000 session cookies": lambda value: b"; ".join(PAIR + b"%d" % number for number in range(5000)),
    "K-08 backslashes": lambda value: PAIR + b'"' + b"\\" * 65536 + b'"',
    "K-08 genuine among too many": lambda value: b"; ".join(
        [PAIR + b"%d" % number for number in range(20)] + [PAIR + value]
    ),
    "K-08 separators": lambda value: b";" * 65536,
    "K-08 nothing": lambda value: b"",
    "K-09 beyond ASCII": lambda value: PAIR + b"\xff" + value,
    "K-09 control": lambda value: PAIR + b"\x01" + value,
    "K-09 NUL at the end": lambda value: PAIR + value + b"\x00",
    "K-10 unknown id": lambda value: PAIR + b"A" * 43 + value[43:],
    "K-13 chunks": lambda value: NAME + b".0=" + value[:40] + b"; " + NAME + b".1=" + value[40:],
    "K-13 very many chunks": lambda value: PAIR + b"chunks:999999999; " + NAME + b".0=" + value,
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
async def test_cookie_that_differs_from_a_genuine_one_is_rejected(
    site: ASGIApp, store: MemoryStore, cookie: bytes, make: Callable[[bytes], bytes]
) -> None:
    records = dict(store._records)

    assert await user_of(site, make(cookie)) == ""
    assert dict(store._records) == records
    assert await user_of(site, PAIR + cookie) == AMARA.display_name, "the genuine session has ended"


@pytest.mark.parametrize("change", ["flipped", "removed"], ids=["K-01 flipped", "K-01 removed"])
async def test_change_of_any_byte_of_the_cookie_is_rejected(site: ASGIApp, cookie: bytes, change: str) -> None:
    for position in range(len(cookie)):
        flipped = bytes([cookie[position] ^ 1]) if change == "flipped" else b""
        changed = cookie[:position] + flipped + cookie[position + 1 :]
        assert await user_of(site, PAIR + changed) == "", position


WRONG_SIGNATURES: dict[str, Callable[[TikTok, bytes], bytes]] = {
    "K-01 another key": lambda tiktok, id: signed(OLD_SECRET_KEY, cookie_purpose(tiktok), id),
    "K-01 another purpose": lambda tiktok, id: signed(purpose="session", session_id=id),
    "K-01 the login's purpose": lambda tiktok, id: signed(purpose="login", session_id=id),
    "K-10 another app of this deployment": lambda tiktok, id: signed(
        purpose=cookie_purpose(new_tiktok(client_key="sbanotherapp")), session_id=id
    ),
    "K-10 never created": lambda tiktok, id: signed(purpose=cookie_purpose(tiktok)),
    "K-10 empty": lambda tiktok, id: signed(purpose=cookie_purpose(tiktok), session_id=b""),
}


@pytest.mark.parametrize("make", WRONG_SIGNATURES.values(), ids=WRONG_SIGNATURES.keys())
async def test_signature_by_another_key_or_for_another_purpose_is_rejected(
    site: ASGIApp, tiktok: TikTok, store: MemoryStore, cookie: bytes, make: Callable[[TikTok, bytes], bytes]
) -> None:
    records = dict(store._records)
    value = make(tiktok, cookie.split(b".")[0])

    assert await user_of(site, PAIR + value) == ""
    assert dict(store._records) == records


OTHER_APPS: dict[str, dict[str, Any]] = {
    "K-10 another client_key": {"client_key": "sbanotherapp"},
    "K-10 another path": {"path": "/account/tiktok"},
    "K-10 another callback": {"redirect_uri": f"{ORIGIN}/other/callback"},
}


@pytest.mark.parametrize("settings", OTHER_APPS.values(), ids=OTHER_APPS.keys())
async def test_session_of_one_app_is_rejected_by_another(
    tiktok: TikTok, store: MemoryStore, cookie: bytes, settings: dict[str, Any]
) -> None:
    """Both apps share the store and the keys. The signature, the name of the record and its seal differ."""
    other = new_tiktok(store=store, **settings)
    site = TikTokAuthMiddleware(app, other)
    pair = other._cookies.session.encode() + b"="
    session_id = cookie.split(b".")[0]
    signed_by_other = other._sessions.cookies.signer.sign(session_id)
    key = tiktok._keys.newest
    record = await store.get(tiktok._sessions.records.name_of(key, session_id))
    assert record

    assert await user_of(site, pair + cookie) == "", "the signature is accepted"
    assert await user_of(site, pair + signed_by_other) == "", "the record is found"
    await store.set(other._sessions.records.name_of(key, session_id), record, ttl=60)
    assert await user_of(site, pair + signed_by_other) == "", "the record is opened"


async def test_k01_cookie_signed_with_a_removed_key_is_rejected(store: MemoryStore, cookie: bytes) -> None:
    site = TikTokAuthMiddleware(app, new_tiktok(secret_key=OLD_SECRET_KEY, store=store))

    assert await user_of(site, PAIR + cookie) == ""


USER = b'{"open_id": "a", "display_name": "Ada"}'
VALID_RECORD = b'{"format": 1, "user": %b, "scopes": [], "data": {}, "created_at": 4e9, "seen_at": 4e9}' % USER


def changed(old: bytes, new: bytes) -> bytes:
    """Return the valid record with one change, which alone must make it invalid."""
    assert VALID_RECORD.count(old) == 1
    return VALID_RECORD.replace(old, new)


INVALID_RECORDS = {
    "K-02 empty": b"",
    "K-02 null": b"null",
    "K-02 list": b"[]",
    "K-02 deep": b"[" * 1000,
    "K-02 no format": changed(b'"format": 1, ', b""),
    "K-02 newer format": changed(b'"format": 1', b'"format": 2'),
    "K-02 newest format": changed(b'"format": 1', b'"format": 99'),
    "K-02 format that is a string": changed(b'"format": 1', b'"format": "1"'),
    "K-02 format alone": b'{"format": 1}',
    "K-02 user that is a list": changed(USER, b"[]"),
    "K-02 no user": changed(b'"user": %b, ' % USER, b""),
    "K-02 no open_id": changed(b'"open_id": "a", ', b""),
    "K-02 open_id that is a number": changed(b'"open_id": "a"', b'"open_id": 7'),
    "K-02 scopes that are null": changed(b'"scopes": []', b'"scopes": null'),
    "K-02 data that is a list": changed(b'"data": {}', b'"data": []'),
    "K-02 created at NaN": changed(b'"created_at": 4e9', b'"created_at": NaN'),
    "K-02 created at infinity": changed(b'"created_at": 4e9', b'"created_at": 1e999'),
    "K-02 no seen_at": changed(b', "seen_at": 4e9', b""),
}


async def store_record(tiktok: TikTok, record: bytes) -> None:
    """Seal the record and store it under the name that belongs to `SESSION_ID`."""
    key = KeyRing(SECRET_KEY).newest
    name = tiktok._sessions.records.name_of(key, SESSION_ID)
    await tiktok._store.set(name, key.seal(tiktok._sessions.records.purpose, record, context=name), ttl=60)


async def test_valid_record_opens_a_session(site: ASGIApp, tiktok: TikTok) -> None:
    await store_record(tiktok, VALID_RECORD)

    assert await user_of(site, PAIR + signed(purpose=cookie_purpose(tiktok))) == "Ada"


@pytest.mark.parametrize("record", INVALID_RECORDS.values(), ids=INVALID_RECORDS.keys())
async def test_invalid_record_opens_no_session(site: ASGIApp, tiktok: TikTok, record: bytes) -> None:
    await store_record(tiktok, record)

    assert await user_of(site, PAIR + signed(purpose=cookie_purpose(tiktok))) == ""


async def test_k02_exchanged_records_open_no_session(
    site: ASGIApp, store: MemoryStore, victim: Browser, attacker: Browser
) -> None:
    await victim.sign_in(AMARA)
    await attacker.sign_in(JUN)
    one, two = (name for name in store._records if name.startswith("session:"))
    store._records[one], store._records[two] = store._records[two], store._records[one]

    assert await victim.display_name() == ""
    assert await attacker.display_name() == ""


async def test_k03_other_spellings_of_a_signature_are_rejected(site: ASGIApp, victim: Browser, cookie: bytes) -> None:
    session_id, _, signature = cookie.partition(b".")
    spellings = [cookie + b"=", cookie + b"==", session_id + b"=." + signature, session_id + b"." + signature.upper()]
    spellings += [cookie[:-1] + bytes([last]) for last in BASE64 if last != cookie[-1]]

    for spelling in spellings:
        assert await user_of(site, PAIR + spelling) == "", spelling
    assert await victim.display_name() == AMARA.display_name


ORDERS = {"K-04 first": 1, "K-04 last": -1}


@pytest.mark.legitimate
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
async def test_genuine_cookie_is_accepted_beside_a_forged_one(site: ASGIApp, cookie: bytes, order: int) -> None:
    pairs = [PAIR + cookie, PAIR + b"forged"][::order]

    assert await user_of(site, b"; ".join(pairs)) == AMARA.display_name
    assert await user_of(site, *pairs) == AMARA.display_name


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
async def test_two_genuine_cookies_are_both_rejected(
    site: ASGIApp, attacker: Browser, cookie: bytes, order: int
) -> None:
    await attacker.sign_in(JUN)
    pairs = [PAIR + cookie, PAIR + attacker.session_cookie.encode()][::order]

    assert await user_of(site, b"; ".join(pairs)) == ""
    assert await user_of(site, *pairs) == ""


@pytest.mark.legitimate
async def test_k06_attributes_of_rfc_2965_are_ignored(site: ASGIApp, cookie: bytes) -> None:
    assert await user_of(site, b"$Version=1; " + PAIR + cookie + b"; $Path=/") == AMARA.display_name


async def test_k07_sibling_host_cannot_set_our_session_cookie(
    site: ASGIApp, emulator: Emulator, attacker: Browser
) -> None:
    """A cookie that evil.example.com sets for all of example.com is ignored at app.example.com."""
    await attacker.sign_in(JUN)
    victim = Browser(site, emulator, home="https://app.example.com")
    sibling = victim.home.join("https://evil.example.com/")
    for line in (
        f"{SESSION_COOKIE}={attacker.session_cookie}; Domain=example.com; Path=/; Secure",
        f"{SESSION_COOKIE.lower()}={attacker.session_cookie}; Domain=example.com; Path=/; Secure",
        f"tiktok_session={attacker.session_cookie}; Domain=example.com; Path=/; Secure",
        f"={SESSION_COOKIE}={attacker.session_cookie}; Domain=example.com; Path=/; Secure",
        f"\xa0{SESSION_COOKIE}={attacker.session_cookie}; Domain=example.com; Path=/; Secure",
    ):
        victim.jar.store(sibling, line)

    assert len(list(victim.jar)) == 2
    assert await victim.display_name() == ""


async def test_k08_huge_cookie_header_is_parsed_in_linear_time(site: ASGIApp, cookie: bytes) -> None:
    """A parser whose time is quadratic in the backslashes would take many seconds."""
    backslashes = PAIR + b'"' + b"\\" * 1_000_000 + b'"; '
    began_at = time.process_time()
    await open_page(site, backslashes + b"; ".join(PAIR + b"%d" % number for number in range(50_000)))

    assert time.process_time() - began_at < 2


async def test_k08_few_of_many_session_cookies_are_verified(site: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> None:
    verified = []
    verify = IdSigner.verify

    def count(signer: IdSigner, signed: bytes) -> tuple[Key, bytes] | None:
        verified.append(signed)
        return verify(signer, signed)

    monkeypatch.setattr(IdSigner, "verify", count)
    await open_page(site, b"; ".join(PAIR + b"%d" % number for number in range(5000)))

    assert 1 <= len(verified) <= 16


async def test_k01_forged_cookie_is_deleted(site: ASGIApp) -> None:
    response = await open_page(site, PAIR + b"forged")

    assert "Max-Age=0" in response.set_cookie_lines[SESSION_COOKIE]
    assert response.headers["cache-control"] == "private, no-store"


async def test_k01_request_from_another_site_deletes_no_cookie(victim: Browser, cookie: bytes) -> None:
    victim.jar.store(victim.home, f"{SESSION_COOKIE}=forged; Secure; Path=/; SameSite=None")

    for page in ("https://evil.test", "https://x.testserver"):
        assert not (await victim.request("/me", page=page)).set_cookie_lines
