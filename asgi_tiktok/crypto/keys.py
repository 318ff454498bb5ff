"""The key ring: sign, seal, derive, rotate.

The first secret signs and seals, all of them verify and open. Every purpose has a key of its own, so that
nothing made for one can be passed off as another.
"""

import os
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import blake2b
from hmac import compare_digest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.errors import ConfigurationError

SHORTEST_SECRET = 32  # characters
FEWEST_DISTINCT = 10  # characters; a random secret of 32 has twice as many
PLACEHOLDERS = ("changeme", "change-me", "change_me", "your-secret", "your_secret", "placeholder", "insecure")
FORMAT = b"\x01"
NONCE_SIZE = 12  # bytes (NIST SP 800-38D §8.2)


class Unreadable(Exception):
    """A sealed or signed value was made under another key, for another purpose, or was changed."""


class Key:
    """What one secret can do."""

    def __init__(self, secret: str) -> None:
        self.secret = Secret(secret)
        self.derive = cache(self.derive_uncached)
        self.cipher = cache(self.cipher_uncached)

    def __repr__(self) -> str:
        return "Key(...)"

    def derive_uncached(self, purpose: str) -> bytes:
        info = b"asgi-tiktok/" + purpose.encode()
        return HKDF(SHA256(), length=32, salt=None, info=info).derive(self.secret.encode())

    def cipher_uncached(self, purpose: str) -> AESGCM:
        return AESGCM(self.derive(purpose))

    def digest(self, purpose: str, message: bytes) -> bytes:
        """32 bytes that only this key can compute: BLAKE2b with a key, which is a MAC (RFC 7693 §2.9)."""
        return blake2b(message, key=self.derive(purpose), digest_size=32).digest()

    def sign(self, purpose: str, value: bytes) -> bytes:
        return value + b"." + self.signature(purpose, value)

    def unsign(self, purpose: str, signed: bytes) -> bytes:
        """The value that was signed, or Unreadable."""
        value, _, signature = signed.rpartition(b".")
        if not compare_digest(signature, self.signature(purpose, value)):
            raise Unreadable(purpose)
        return value

    def signature(self, purpose: str, value: bytes) -> bytes:
        """64 hexadecimal digits, because those have no second spelling."""
        return self.digest(f"{purpose}/signature", value).hex().encode()

    def seal(self, purpose: str, value: bytes, *, context: str) -> bytes:
        """Encrypt with AES-256-GCM; `context` must be the same to open it again."""
        nonce = os.urandom(NONCE_SIZE)
        return FORMAT + nonce + self.cipher(purpose).encrypt(nonce, value, FORMAT + context.encode())

    def open(self, purpose: str, sealed: bytes, *, context: str) -> bytes:
        """The value that was sealed, or Unreadable."""
        if sealed[:1] != FORMAT or len(sealed) <= 1 + NONCE_SIZE + 16:
            raise Unreadable(purpose)
        nonce, ciphertext = sealed[1 : 1 + NONCE_SIZE], sealed[1 + NONCE_SIZE :]
        try:
            return self.cipher(purpose).decrypt(nonce, ciphertext, FORMAT + context.encode())
        except InvalidTag:
            raise Unreadable(purpose) from None


class KeyRing:
    """The keys of `secret_key`, newest first. Raises ConfigurationError for one that could be guessed."""

    def __init__(self, secret_key: str | Sequence[str]) -> None:
        secrets = (secret_key,) if isinstance(secret_key, str | bytes) else secret_key
        if not isinstance(secrets, Sequence) or not secrets:
            raise ConfigurationError(f"secret_key is empty. {CURE}")
        self.keys = tuple(Key(check_secret(secret)) for secret in secrets)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __repr__(self) -> str:
        return f"KeyRing({len(self.keys)} keys)"

    @property
    def newest(self) -> Key:
        return self.keys[0]


CURE = 'Make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'


def check_secret(secret: str) -> str:
    if not isinstance(secret, str):
        raise ConfigurationError(f"secret_key must be a text or a list of texts, not {type(secret).__name__}. {CURE}")
    if len(secret) < SHORTEST_SECRET:
        raise ConfigurationError(f"secret_key is shorter than {SHORTEST_SECRET} characters. {CURE}")
    repeats = secret in (secret + secret)[1:-1]
    if repeats or len(set(secret)) < FEWEST_DISTINCT or any(word in secret.lower() for word in PLACEHOLDERS):
        raise ConfigurationError(f"secret_key looks like a placeholder that others can guess. {CURE}")
    return secret
