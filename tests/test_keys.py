"""Keys: seal records, sign session ids, rotate keys, and refuse weak ones."""

from typing import Any

import pytest

from asgi_tiktok import ConfigurationError
from asgi_tiktok.crypto.keys import KeyRing, Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.crypto.signer import IdSigner
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


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" * 29, b"\x02" * 64, b"x" * 1000])
def test_garbage_does_not_open(sealed: bytes) -> None:
    with pytest.raises(Unreadable):
        KeyRing(SECRET_KEY).newest.unseal("token", sealed, context="here")


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
