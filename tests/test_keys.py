"""Keys: seal records, sign session ids, rotate keys, and refuse weak ones."""

import hmac
import secrets
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from django.core.management.utils import get_random_secret_key

from asgi_tiktok import ConfigurationError
from asgi_tiktok.crypto.keys import KeyRing, Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.crypto.signer import IdSigner
from asgi_tiktok.crypto.strength import estimate_bits
from asgi_tiktok.crypto.xaes import XAES
from tests.support.canaries import OLD_SECRET_KEY, SECRET_KEY


def test_sealed_value_is_unreadable_until_it_is_opened() -> None:
    key = KeyRing(SECRET_KEY).newest
    sealed = key.seal("token", b"act.secret", context="here")

    assert b"act.secret" not in sealed
    assert key.unseal("token", sealed, context="here") == b"act.secret"
    assert key.seal("token", b"act.secret", context="here") != sealed


def test_change_of_any_byte_makes_a_sealed_value_unreadable() -> None:
    key = KeyRing(SECRET_KEY).newest
    sealed = key.seal("token", b"secret", context="here")
    for position in range(len(sealed)):
        changed = sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
        with pytest.raises(Unreadable):
            key.unseal("token", changed, context="here")


@pytest.mark.parametrize(
    ("purpose", "context", "secret"),
    [("session", "here", SECRET_KEY), ("token", "there", SECRET_KEY), ("token", "here", OLD_SECRET_KEY)],
)
def test_sealed_value_opens_only_with_the_same_purpose_context_and_key(
    purpose: str, context: str, secret: str
) -> None:
    sealed = KeyRing(SECRET_KEY).newest.seal("token", b"secret", context="here")
    with pytest.raises(Unreadable):
        KeyRing(secret).newest.unseal(purpose, sealed, context=context)


@pytest.mark.parametrize(
    "sealed", [b"", b"\x01", b"\x01" * 29, b"\x01" * 64, b"\x02", b"\x02" * 41, b"\x02" * 64, b"x" * 1000]
)
def test_garbage_does_not_open(sealed: bytes) -> None:
    with pytest.raises(Unreadable):
        KeyRing(SECRET_KEY).newest.unseal("token", sealed, context="here")


@pytest.mark.parametrize(
    ("key", "associated_data", "ciphertext"),
    [
        ("01" * 32, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        ("03" * 32, b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ],
)
def test_xaes_256_gcm_agrees_with_the_vectors_of_its_specification(
    key: str, associated_data: bytes, ciphertext: str
) -> None:
    cipher, nonce = XAES(bytes.fromhex(key)), b"ABCDEFGHIJKLMNOPQRSTUVWX"
    assert cipher.encrypt(nonce, b"XAES-256-GCM", associated_data).hex() == ciphertext
    assert cipher.decrypt(nonce, bytes.fromhex(ciphertext), associated_data) == b"XAES-256-GCM"


def test_sealed_value_opens_with_primitives_alone() -> None:
    """HKDF (RFC 5869 §2) by hmac, CMAC (RFC 4493 §2.4) by single blocks of AES, and AES-256-GCM."""
    sealed = KeyRing(SECRET_KEY).newest.seal("token", b"act.secret", context="here")
    assert sealed[:1] == b"\x02"
    salt, nonce, ciphertext = sealed[1:13], sealed[13:25], sealed[25:]
    extracted = hmac.digest(bytes(32), SECRET_KEY.encode(), "sha256")
    key = hmac.digest(extracted, b"asgi-tiktok/token\x01", "sha256")

    def encrypt_block(block: bytes) -> bytes:
        return Cipher(AES(key), ECB()).encryptor().update(block)  # noqa: S305 -- one block

    doubled = int.from_bytes(encrypt_block(bytes(16)), "big") << 1
    subkey = doubled ^ ((1 << 128) | 0x87) if doubled >> 128 else doubled
    blocks = [bytes((0, counter)) + b"X\0" + salt for counter in (1, 2)]
    message_key = b"".join(
        encrypt_block((int.from_bytes(block, "big") ^ subkey).to_bytes(16, "big")) for block in blocks
    )
    assert AESGCM(message_key).decrypt(nonce, ciphertext, b"\x02here") == b"act.secret"


def test_signature_is_valid_for_one_purpose_only() -> None:
    keys = KeyRing(SECRET_KEY)
    signer = IdSigner(keys, "session")
    signed = signer.sign(b"id")

    assert signer.verify(signed) == (keys.newest, b"id")
    for other in (signed[:-1], b"id", b"", b"other" + signed[2:], signed + b"="):
        assert signer.verify(other) is None
    assert IdSigner(keys, "login").verify(signed) is None


def test_newest_key_signs_and_all_keys_verify() -> None:
    old, both, new = KeyRing(OLD_SECRET_KEY), KeyRing([SECRET_KEY, OLD_SECRET_KEY]), KeyRing(SECRET_KEY)
    signed = IdSigner(old, "session").sign(b"id")

    assert IdSigner(both, "session").verify(signed) == (both.keys[1], b"id")
    assert IdSigner(new, "session").verify(signed) is None
    assert IdSigner(both, "session").sign(b"id") == IdSigner(new, "session").sign(b"id")


def test_no_other_spelling_of_a_signature_is_accepted() -> None:
    """itsdangerous accepts some: it ignores unused bits at the end of base64, and skips some characters."""
    signer = IdSigner(KeyRing(SECRET_KEY), "session")
    for number in range(200):
        signed = signer.sign(b"%d" % number)
        value, _, signature = signed.rpartition(b".")
        respelled = [value + b"." + signature[:-1] + bytes([char]) for char in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567-_"]
        respelled += [value + b"." + signature + b"=", value + b".\n" + signature, signed + b"!"]
        assert [other for other in respelled if other != signed and signer.verify(other)] == []


def test_newest_key_seals_and_all_keys_open() -> None:
    old, both, new = KeyRing(OLD_SECRET_KEY), KeyRing([SECRET_KEY, OLD_SECRET_KEY]), KeyRing([SECRET_KEY])
    sealed_before = seal_record(old.newest, "p", {"a": 1}, context="x")
    sealed_after = seal_record(both.newest, "p", {"a": 2}, context="x")

    assert open_record(both, "p", sealed_before, dict, context="x") == {"a": 1}
    assert open_record(both, "p", sealed_after, dict, context="x") == {"a": 2}
    assert open_record(new, "p", sealed_after, dict, context="x") == {"a": 2}
    for ring, sealed in ((new, sealed_before), (old, sealed_after)):
        with pytest.raises(Unreadable):
            open_record(ring, "p", sealed, dict, context="x")


@pytest.mark.parametrize(
    "secret",
    ["", "secret", "short-but-random-8sX2", "a" * 64, "abababababababababababababababababab"]
    + ["0123456789" * 4, "correct-horse-battery!" * 2]
    + ["changeme-changeme-changeme-changeme!", "django-insecure-2k3j4h5g6f7d8s9a0poiuytrewq"],
)
def test_secret_key_that_can_be_guessed_is_refused(secret: str) -> None:
    with pytest.raises(ConfigurationError, match=r"secrets\.token_urlsafe\(32\)"):
        KeyRing(secret)


GENERATORS: dict[str, Callable[[], str]] = {
    "token_urlsafe(32)": lambda: secrets.token_urlsafe(32),
    "token_hex(32)": lambda: secrets.token_hex(32),
    "token_hex(16)": lambda: secrets.token_hex(16),
    "openssl rand -base64 32": lambda: b64encode(secrets.token_bytes(32)).decode(),
    "uuid4": lambda: str(uuid4()),
    "two uuid4": lambda: f"{uuid4()}{uuid4()}",
    "get_random_secret_key": get_random_secret_key,
    "prefix": lambda: f"production-secret-key-{secrets.token_urlsafe(24)}",
}


@pytest.mark.parametrize("generate", GENERATORS.values(), ids=GENERATORS)
def test_random_secret_key_is_accepted(generate: Callable[[], str]) -> None:
    """`python -m benchmarks secret_keys` tries 100,000 of each."""
    KeyRing([generate() for _ in range(20)])


def test_time_of_the_estimate_has_a_bound() -> None:
    assert estimate_bits("ab1" * 100_000) == estimate_bits("ab1" * 100)


def test_empty_list_of_secret_keys_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="secret_key is empty"):
        KeyRing([])


@pytest.mark.parametrize("secret", [b"x" * 43, 7, None, [b"x" * 43]])
def test_secret_key_must_be_a_string_or_a_list_of_strings(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="secret_key"):
        KeyRing(secret)


def test_weak_secret_key_in_a_list_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="secret_key is shorter than 32 characters"):
        KeyRing([SECRET_KEY, "weak"])


def test_repr_contains_no_key() -> None:
    ring = KeyRing([SECRET_KEY, OLD_SECRET_KEY])

    assert repr(ring) == "KeyRing(2 keys)"
    assert repr(ring.newest) == "Key(...)"
