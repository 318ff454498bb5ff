"""Records of sessions and tokens are compressed before they are sealed, and nothing else is."""

import secrets
import zlib
from collections.abc import Callable
from hashlib import sha256

import pytest
from starlette.testclient import TestClient

from asgi_tiktok import MemoryStore, TikTok, TikTokUser, Token
from asgi_tiktok.accounts.record_dictionary import RECORDS
from asgi_tiktok.accounts.session_record import to_facts
from asgi_tiktok.crypto.compression import MAX_LENGTH, WINDOW_BITS
from asgi_tiktok.crypto.keys import Unreadable
from asgi_tiktok.crypto.records import seal_record

SCOPES = ("user.info.basic",)
COMPRESSED = bytes.fromhex("0123900513531231f39d23509058cf82a4c04699a3bbc2dcd20002909d0311343630a80500")
TEXT = (
    b'{"format":1,"user":{"open_id":"ada","display_name":"Ada"},"scopes":["user.info.basic"],"data":{"user_id":7},'
    b'"created_at":1790000000,"seen_at":1790000300}'
)


def picture_link(size: int) -> str:
    """A link like those of TikTok, each with a signature of its own."""
    return (
        f"https://p16-sign-va.tiktokcdn.com/tos-maliva-avt-0068/3dec0101691471a65ccd646a6f6c8f67~tplv-tiktokx-cropcenter:{size}:{size}.jpeg"
        f"?dr=14579&refresh_token={secrets.token_hex(4)}&x-expires=1790000000&x-signature={secrets.token_urlsafe(20)}"
        "%3D&t=4d5b0474&ps=13740610&shp=a5d48078&shcp=81f88b70&idc=my2"
    )


def new_user() -> TikTokUser:
    return TikTokUser(
        open_id=secrets.token_hex(18),
        union_id=secrets.token_hex(18),
        display_name="Ada Lovelace",
        avatar_url=picture_link(168),
        avatar_url_100=picture_link(100),
        avatar_large_url=picture_link(1080),
    )


@pytest.mark.anyio
async def test_session_takes_at_most_900_bytes_in_redis(tiktok: TikTok) -> None:
    """A record of 418 bytes takes 584 bytes of Redis's memory, and its entry 184: MEMORY USAGE in Redis 7."""
    data = {"user_id": 1234567, "browser": f"Firefox on Android {secrets.token_hex(20)}"[:60]}
    session, _ = await tiktok._sessions.create(new_user(), SCOPES, data)

    assert len(session.record) <= 418


@pytest.mark.anyio
async def test_compressed_session_is_the_session_that_was_created(tiktok: TikTok) -> None:
    user, data = new_user(), {"note": "Ω\ud800\x00", "list": [1, None, {"a": "b" * 3000}]}
    _, cookie = await tiktok._sessions.create(user, SCOPES, data)
    tiktok._memories.memories.clear()

    session = await tiktok._sessions.load([(b"cookie", cookie[1].split(b";")[0])])

    assert session
    assert (session.user, session.scopes, session.data) == (user, SCOPES, data)


@pytest.mark.anyio
async def test_session_sealed_without_compression_still_opens(tiktok: TikTok, store: MemoryStore) -> None:
    session, cookie = await tiktok._sessions.create(new_user(), SCOPES, {})
    records = tiktok._sessions.records
    plain = seal_record(tiktok._keys.newest, records.purpose, to_facts(session), context=session.name)
    await store.set(session.name, plain, ttl=60)
    tiktok._memories.memories.clear()

    found = await tiktok._sessions.load([(b"cookie", cookie[1].split(b";")[0])])

    assert len(plain) > 2 * len(session.record)
    assert found
    assert found.user == session.user


@pytest.mark.anyio
async def test_token_is_compressed_and_opens_unchanged(tiktok: TikTok, store: MemoryStore) -> None:
    access, refresh = f"act.{secrets.token_urlsafe(32)}", f"rft.{secrets.token_urlsafe(32)}"
    token = Token(open_id="ada", scopes=SCOPES, access_token=access, expires_at=2**33, refresh_token=refresh)
    await tiktok._tokens.save(token)

    assert await tiktok.token("ada") == token
    (record,) = (each.value for name, each in store._records.items() if name.startswith("token:"))
    assert len(record) < 250


def test_dictionary_never_changes() -> None:
    """Another text needs another number, and the old text must stay to open the records that exist."""
    assert RECORDS.number == 1
    assert sha256(RECORDS.text).hexdigest() == "a3cb3155cdc81a79881597e5c704a6491d3bcaa32363ec303bbacf4539092b46"
    assert RECORDS.decompress(COMPRESSED) == TEXT


@pytest.mark.parametrize("length", [0, 1, MAX_LENGTH - 2, MAX_LENGTH - 1, 100 * MAX_LENGTH])
@pytest.mark.parametrize("make", [bytes, secrets.token_bytes], ids=["repeated", "random"])
def test_text_of_any_length_comes_back(length: int, make: Callable[[int], bytes]) -> None:
    text = b"{" + make(length)

    assert RECORDS.decompress(RECORDS.compress(text)) == text


def deflated(text: bytes) -> bytes:
    deflate = zlib.compressobj(9, wbits=WINDOW_BITS, zdict=RECORDS.text)
    return b"\x01" + deflate.compress(text) + deflate.flush()


@pytest.mark.parametrize(
    "data",
    [
        b"\x01",
        b"\x01garbage",
        COMPRESSED[:-1],
        COMPRESSED + b"\x00",
        deflated(b"{" + b" " * MAX_LENGTH),
        deflated(bytes(10**7)),
    ],
    ids=["empty", "garbage", "incomplete", "longer", "too much", "a bomb"],
)
def test_data_that_is_not_a_compressed_record_is_unreadable(tiktok: TikTok, data: bytes) -> None:
    with pytest.raises(ValueError, match="data is"):
        RECORDS.decompress(data)
    key, records = tiktok._keys.newest, tiktok._sessions.records
    with pytest.raises(Unreadable):
        records.open(key, "session:1", key.seal(records.purpose, data, context="session:1"))


def test_length_of_a_login_cookie_does_not_depend_on_repetitions(browser: TestClient) -> None:
    """A link chooses `next`. In a compressed cookie, its length would show whether `next` repeats a secret."""
    lengths = []
    for next_path in ("/" + "a" * 600, "/" + secrets.token_hex(300)):
        started = browser.get("/auth/tiktok/login", params={"next": next_path}, follow_redirects=False)
        lengths.append(len(started.headers["set-cookie"]))
        browser.cookies.clear()

    assert lengths[0] > 800
    assert abs(lengths[0] - lengths[1]) < 10
