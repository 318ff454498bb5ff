"""Secrets that others can guess, know or read: weak and published values, old seals, dumps, the file of the store."""

import copy
import json
import pickle
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from asgi_tiktok import ConfigurationError, LoginRequired, SQLiteStore, StoreError, TikTok, TikTokClient
from asgi_tiktok.crypto.keys import Key, KeyRing
from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator
from tests.support.browser import Browser
from tests.support.canaries import SECRET_KEY
from tests.support.settings import REDIRECT_URI, SESSION_COOKIE
from tests.support.tiktok import fetch_token, new_tiktok

pytestmark = pytest.mark.anyio

WEAK = [
    "my-super-secret-key-for-production!",
    "password-password-password-12345",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "zyxwvutsrqponmlkjihgfedcba9876543210",
    "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "correct horse battery staple 1234",
    "the quick brown fox jumps over the lazy dog",
    "It was the best of times, it was the worst of times",
    "never gonna give you up never gonna let you down",
    "qwertyuiopasdfghjklzxcvbnm1234567890",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "!@#$%^&*()_+1234567890-=qwertyuiop",
    "P@ssw0rd-S3cr3t-K3y-F0r-Pr0duct10n!",
    "MySuperSecretKeyForProduction2024!!",
    "THIS_IS_MY_SECRET_KEY_FOR_TIKTOK_APP_1",
    "super_secret_jwt_signing_key_2024_v2_final",
    "mein-geheimer-schluessel-fuer-die-produktion",
    "ma-cle-secrete-pour-la-production-2024",
    "drowssap-drowssap-terces-repus-ym-12345",
    "secretsecret1secretsecret2secretsecret3",
    "hunter2hunter2hunter2hunter2hunter2x",
    "Tr0ub4dor&3-Tr0ub4dor&3-Tr0ub4dor&3",
    "00112233445566778899aabbccddeeff",
    "0123456789abcdef0123456789abcdef",
    "deadbeefcafebabedeadbeefcafebabe",
    "00000000-0000-0000-0000-000000000000",
    "aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsS",
    "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8",
    "acegikmoqsuwybdfhjlnprtvxz0246813579",
    "admin@example.com:P@ssw0rd123!admin",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "ключ-ключ-ключ-ключ-ключ-ключ-ключ-1",
]


@pytest.mark.parametrize("secret_key", WEAK, ids="S-01 {}".format)
def test_weak_secret_key_is_refused(secret_key: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^secret_key .*secrets\.token_urlsafe\(32\)") as refused:
        new_tiktok(secret_key=[SECRET_KEY, secret_key])
    assert secret_key not in str(refused.value)


REAL_ADDRESSES = [None, "https://open.tiktokapis.com", "https://www.tiktok.com/", "https://open.tiktokapis.com.:443"]
PUBLISHED = [("client_key", DEFAULT_CLIENT_KEY), ("client_secret", DEFAULT_CLIENT_SECRET)]


@pytest.mark.parametrize("base_url", REAL_ADDRESSES, ids="S-02 {}".format)
@pytest.mark.parametrize(("setting", "value"), PUBLISHED)
@pytest.mark.parametrize("make", [TikTok, TikTokClient])
def test_published_credential_is_refused_with_the_real_tiktok(
    make: Callable[..., object], setting: str, value: str, base_url: str | None
) -> None:
    settings: dict[str, Any] = {"client_key": "awown", "client_secret": "own", "redirect_uri": REDIRECT_URI}
    if make is TikTok:
        settings |= {"secret_key": SECRET_KEY, "store": "memory://"}
    make(**settings, base_url=base_url)
    with pytest.raises(ConfigurationError, match=rf"^{setting} is the emulator's .*Copy it from .* developer portal"):
        make(**{**settings, setting: value}, base_url=base_url)


@pytest.mark.legitimate
def test_published_credentials_work_with_an_emulator() -> None:
    TikTokClient(DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, REDIRECT_URI, base_url="http://127.0.0.1:8700")


def seal_in_format_1(key: Key, purpose: str, value: bytes, *, context: str) -> bytes:
    return b"\x01" + bytes(12) + AESGCM(key.derive(purpose)).encrypt(bytes(12), value, b"\x01" + context.encode())


async def test_s03_record_in_format_1_is_no_session(victim: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    callback_url = await victim.approve_login()
    with monkeypatch.context() as old:
        old.setattr(Key, "seal", seal_in_format_1)
        await victim.request(callback_url)
    assert SESSION_COOKIE in victim.jar
    assert (await victim.request("/studio")).location == "/auth/tiktok/login?next=%2Fstudio"


async def test_s03_login_cookie_in_format_1_is_a_lost_login(victim: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as old:
        old.setattr(Key, "seal", seal_in_format_1)
        callback_url = await victim.approve_login()
    assert (await victim.request(callback_url)).status == 400


async def test_s03_record_in_format_1_is_no_token(
    tiktok: TikTok, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await fetch_token(tiktok, emulator)
    with monkeypatch.context() as old:
        old.setattr(Key, "seal", seal_in_format_1)
        await tiktok._tokens.save(token)
    with pytest.raises(LoginRequired):
        await tiktok.token(token.open_id)


DUMPS: dict[str, Callable[[object], object]] = {
    "str": str,
    "repr": repr,
    "format": "{}".format,
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 -- an app may write this
    "list": lambda secret: repr([secret, {"key": secret}]),
    "vars": vars,
    "slots": lambda secret: [getattr(secret, name) for name in type(secret).__slots__],  # type: ignore[attr-defined]
    "dir": lambda secret: [repr(getattr(secret, name)) for name in dir(secret) if name != "__doc__"],
    "copy": lambda secret: repr(copy.copy(secret)),
    "deepcopy": lambda secret: repr(copy.deepcopy({"key": secret})),
    "json": json.dumps,
    "json with str": lambda secret: json.dumps({"key": secret}, default=str),
    "bytes": lambda secret: bytes(secret),  # type: ignore[call-overload]
    "iter": lambda secret: list(secret),  # type: ignore[call-overload]
    **{f"pickle {number}": partial(pickle.dumps, protocol=number) for number in range(6)},
}


@pytest.mark.parametrize("dump", DUMPS.values(), ids=[f"S-04 {name}" for name in DUMPS])
def test_dump_of_a_secret_does_not_contain_it(dump: Callable[[object], object]) -> None:
    secret = Secret("canary-value")
    try:
        dumped = dump(secret)
    except TypeError:
        return
    assert "canary-value" not in repr(dumped)


@pytest.mark.legitimate
def test_secret_returns_its_value_on_request_also_after_a_copy() -> None:
    secret = Secret("canary-value")
    assert secret.reveal() == "canary-value"
    assert copy.deepcopy(secret).reveal() == "canary-value"
    assert str not in type(secret).__mro__


SUFFIXES = ["", "-wal", "-shm"]


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o660, 0o640], ids="S-05 {:o}".format)
async def test_existing_file_of_the_store_becomes_private(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "store.sqlite3"
    first, second = SQLiteStore(path), SQLiteStore(path)
    await first.set("k", b"1", ttl=60)
    files = [path.with_name(path.name + suffix) for suffix in SUFFIXES]
    for file in files:
        file.chmod(mode)
    assert await second.get("k") == b"1"

    assert [oct(stat.S_IMODE(file.stat().st_mode)) for file in files] == ["0o600"] * 3
    await second.aclose()
    await first.aclose()


async def test_s05_file_at_the_end_of_a_link_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    target, link = tmp_path / "data" / "store.sqlite3", tmp_path / "store.sqlite3"
    target.touch(mode=0o644)
    link.symlink_to(target)
    store = SQLiteStore(link)
    await store.set("k", b"1", ttl=60)

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in target.parent.iterdir()}
    assert modes == {f"store.sqlite3{suffix}": 0o600 for suffix in SUFFIXES}
    await store.aclose()


async def test_s05_dangling_link_is_not_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "elsewhere", tmp_path / "store.sqlite3"
    link.symlink_to(target)
    store = SQLiteStore(link)
    for operation in (store.get("k"), store.set("k", b"1", ttl=60)):
        with pytest.raises(StoreError, match="symbolic link to a missing file"):
            await operation
    assert not target.exists()
    await store.aclose()


async def test_s05_read_only_file_stays_read_only(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.touch()
    path.chmod(0o444)
    store = SQLiteStore(path)
    await store.aclose()
    assert stat.S_IMODE(path.stat().st_mode) & 0o200 == 0


def test_s06_nonces_and_message_keys_differ() -> None:
    key = KeyRing(SECRET_KEY).newest
    sealed = [key.seal("token", b"value", context="here") for _ in range(1000)]
    assert len({value[1:13] for value in sealed}) == len({value[13:25] for value in sealed}) == 1000
    assert {len(value) for value in sealed} == {1 + 24 + 5 + 16}
