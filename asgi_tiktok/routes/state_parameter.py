"""The `state` parameter: unguessable, and able to say later how its login began (RFC 6749 §10.12).

The cookie binds a login to a browser. If the cookie is missing, the state says why: besides 128 random bits, it
contains the time at which the login began and a hash of the address and of the browser, all under our MAC. This
information only chooses the text of an error page.
"""

import re
import secrets
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

from starlette.datastructures import Headers

from asgi_tiktok.crypto.keys import KeyRing

FORM = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes in base64url
BODY = struct.Struct(">16sI2s2s")
MAC_SIZE = 8  # bytes
MAX_HASHED = 1024  # characters of a header


@dataclass(frozen=True, slots=True)
class LoginStart:
    """How a login began: the time in seconds since the epoch, and hashes of the address and of the browser."""

    began_at: int
    address: bytes
    browser: bytes


def make_state(keys: KeyRing, scheme: str, headers: Headers) -> str:
    """Return a new state: 43 characters of base64url."""
    began_at, address, browser = int(time.time()), hash_address(scheme, headers), hash_browser(headers)
    body = BODY.pack(secrets.token_bytes(16), began_at, address, browser)
    mac = keys.newest.digest("state", body)[:MAC_SIZE]
    return urlsafe_b64encode(body + mac).rstrip(b"=").decode("ascii")


def read_state(keys: KeyRing, state: str) -> LoginStart | None:
    """Return how the login with this state began, or None if it did not begin here."""
    if not FORM.fullmatch(state):
        return None
    raw = urlsafe_b64decode(state + "=")
    body, mac = raw[: BODY.size], raw[BODY.size :]
    for key in keys:
        if secrets.compare_digest(mac, key.digest("state", body)[:MAC_SIZE]):
            _, began_at, address, browser = BODY.unpack(body)
            return LoginStart(began_at, address, browser)
    return None


def hash_address(scheme: str, headers: Headers) -> bytes:
    return sha256(f"{scheme}://{headers.get('host', '')[:MAX_HASHED].lower()}".encode()).digest()[:2]


def hash_browser(headers: Headers) -> bytes:
    return sha256(headers.get("user-agent", "")[:MAX_HASHED].encode()).digest()[:2]
