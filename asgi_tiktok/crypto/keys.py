"""The key ring: derive keys, seal, authenticate, rotate.

The first secret signs and seals, all of them verify and open. Each purpose has its own derived key, so a value
that was made for one purpose is worthless for another.
"""

import os
from collections.abc import Iterator, Sequence
from functools import cache, partial
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from starlette.datastructures import Secret as StarletteSecret

from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.crypto.strength import estimate_bits
from asgi_tiktok.crypto.xaes import NONCE_SIZE, TAG_SIZE, XAES
from asgi_tiktok.errors import ConfigurationError

MIN_LENGTH = 32  # characters of a secret
MIN_BITS = 100  # the lowest of 100,000 random values: 100 for 128 bits in hexadecimal, 154 for 256 bits in base64
PLACEHOLDERS = ("changeme", "change-me", "change_me", "your-secret", "your_secret", "placeholder", "insecure")
PUBLISHED = (
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # FastAPI's tutorial
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",  # Flask's tutorial
)
FORMAT = b"\x02"  # format 1 had one AES-256-GCM key for all messages of a purpose, and is no longer read
FIX = 'Make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'


class Unreadable(Exception):
    """A sealed value was made under another key or for another purpose, or it was changed."""


class Key:
    """The operations of one secret."""

    def __init__(self, secret: str) -> None:
        # Closures, because tools that dump objects also read attributes.
        self.derive = derive = cache(partial(derive_key, Secret(secret)))
        self.cipher = cache(lambda purpose: XAES(derive(purpose)))

    def __repr__(self) -> str:
        return "Key(...)"

    def digest(self, purpose: str, message: bytes) -> bytes:
        """Return 32 bytes that only this key can compute: keyed BLAKE2b, which is a MAC (RFC 7693 §2.9)."""
        return blake2b(message, key=self.derive(purpose), digest_size=32).digest()

    def seal(self, purpose: str, value: bytes, *, context: str) -> bytes:
        """Encrypt with XAES-256-GCM; `context` must be the same to open it again."""
        nonce = os.urandom(NONCE_SIZE)
        return FORMAT + nonce + self.cipher(purpose).encrypt(nonce, value, FORMAT + context.encode())

    def unseal(self, purpose: str, sealed: bytes, *, context: str) -> bytes:
        """Return the value that was sealed. Raises Unreadable."""
        if sealed[:1] != FORMAT or len(sealed) <= 1 + NONCE_SIZE + TAG_SIZE:
            raise Unreadable(purpose)
        nonce, ciphertext = sealed[1 : 1 + NONCE_SIZE], sealed[1 + NONCE_SIZE :]
        try:
            return self.cipher(purpose).decrypt(nonce, ciphertext, FORMAT + context.encode())
        except InvalidTag:
            raise Unreadable(purpose) from None


def derive_key(secret: Secret[str], purpose: str) -> bytes:
    info = b"asgi-tiktok/" + purpose.encode()
    return HKDF(SHA256(), length=32, salt=None, info=info).derive(secret.reveal().encode())


class KeyRing:
    """The keys of `secret_key`, newest first. Raises ConfigurationError for a secret that could be guessed."""

    def __init__(self, secret_key: str | StarletteSecret | Sequence[str | StarletteSecret]) -> None:
        secrets = (secret_key,) if isinstance(secret_key, str | bytes | StarletteSecret) else secret_key
        if not isinstance(secrets, Sequence) or not secrets:
            raise ConfigurationError("secret_key is empty.", hint=FIX)
        self.keys = tuple(Key(check_secret(secret)) for secret in secrets)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __repr__(self) -> str:
        return f"KeyRing({len(self.keys)} keys)"

    @property
    def newest(self) -> Key:
        return self.keys[0]


def check_secret(value: str | StarletteSecret) -> str:
    secret = str(value) if isinstance(value, StarletteSecret) else value
    if not isinstance(secret, str):
        raise ConfigurationError(
            f"secret_key must be a string or a list of strings, not {type(secret).__name__}.", hint=FIX
        )
    if not secret:
        raise ConfigurationError("secret_key is empty.", hint=FIX)
    if len(secret) < MIN_LENGTH:
        raise ConfigurationError(f"secret_key is shorter than {MIN_LENGTH} characters.", hint=FIX)
    if not secret.isascii():
        raise ConfigurationError("secret_key contains a character that is not ASCII.", hint=FIX)
    if secret in PUBLISHED or any(word in secret.lower() for word in PLACEHOLDERS):
        raise ConfigurationError("secret_key looks like a placeholder or an example that others know.", hint=FIX)
    if estimate_bits(secret) < MIN_BITS:
        raise ConfigurationError("secret_key consists of words or patterns that others can guess.", hint=FIX)
    return secret
