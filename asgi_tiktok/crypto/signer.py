"""Signatures of session ids, by itsdangerous."""

import hashlib
from hmac import compare_digest

from itsdangerous import Signer

from asgi_tiktok.crypto.keys import Key, KeyRing


class IdSigner:
    """Signs random ids for one purpose, and verifies them.

    itsdangerous accepts other spellings of a signature, takes its keys oldest first, and does not report
    which of them matched. Therefore each key has a `Signer` of its own, and a value is accepted only if it is
    exactly what that `Signer` would write.
    """

    def __init__(self, keys: KeyRing, purpose: str) -> None:
        self.signers = [
            (key, Signer(key.derive(purpose), key_derivation="none", digest_method=hashlib.sha256)) for key in keys
        ]

    def sign(self, unsigned: bytes) -> bytes:
        """Return the id with the signature of the newest key."""
        _, signer = self.signers[0]
        return signer.sign(unsigned)

    def verify(self, signed: bytes) -> tuple[Key, bytes] | None:
        """Return the key that signed the value, and the id in it; None for any other value."""
        unsigned = signed.rpartition(b".")[0]
        for key, signer in self.signers:
            if compare_digest(signed, signer.sign(unsigned)):
                return key, unsigned
        return None
