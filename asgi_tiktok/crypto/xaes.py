"""XAES-256-GCM (C2SP): AES-256-GCM with a nonce of 24 bytes, which may be random for any number of messages.

The first half of the nonce selects the key of the message: AES-CMAC as a key derivation function (NIST SP 800-108r1
§4.1) derives it from the long-lived key. The second half is the nonce of AES-256-GCM.

Source: https://c2sp.org/XAES-256-GCM
"""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.cmac import CMAC

NONCE_SIZE = 24  # bytes
TAG_SIZE = 16  # bytes


class XAES:
    """The operations of one long-lived key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self.mac = CMAC(AES256(key))

    def encrypt(self, nonce: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
        return AESGCM(self.message_key(nonce)).encrypt(nonce[12:], plaintext, associated_data)

    def decrypt(self, nonce: bytes, ciphertext: bytes, associated_data: bytes) -> bytes:
        """Return the plaintext. Raises cryptography's InvalidTag."""
        return AESGCM(self.message_key(nonce)).decrypt(nonce[12:], ciphertext, associated_data)

    def message_key(self, nonce: bytes) -> bytes:
        halves = []
        for counter in (b"\x00\x01", b"\x00\x02"):
            mac = self.mac.copy()
            mac.update(counter + b"X\x00" + nonce[:12])
            halves.append(mac.finalize())
        return b"".join(halves)
