"""The `state` parameter: unguessable, and able to tell later how its login began.

What binds a login to a browser is the cookie. When that is missing, the state says why: it holds, beside
128 random bits, when the login began and a hash of where and in which browser, all under a MAC of ours.
Reading it only ever chooses the words of an error page.
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


@dataclass(frozen=True, slots=True)
class Origins:
    """How a login began."""

    at: int
    address: bytes
    browser: bytes


def make_state(keys: KeyRing, scheme: str, headers: Headers) -> str:
    """A new state, 43 characters of base64url."""
    began_at, address, browser = int(time.time()), address_of(scheme, headers), browser_of(headers)
    body = BODY.pack(secrets.token_bytes(16), began_at, address, browser)
    mac = keys.newest.digest("state", body)[:MAC_SIZE]
    return urlsafe_b64encode(body + mac).rstrip(b"=").decode("ascii")


def read_state(keys: KeyRing, state: str) -> Origins | None:
    """How the login with this state began, or None when it was none of ours."""
    if not FORM.fullmatch(state):
        return None
    raw = urlsafe_b64decode(state + "=")
    body, mac = raw[: BODY.size], raw[BODY.size :]
    for key in keys:
        if secrets.compare_digest(mac, key.digest("state", body)[:MAC_SIZE]):
            _, began_at, address, browser = BODY.unpack(body)
            return Origins(began_at, address, browser)
    return None


def address_of(scheme: str, headers: Headers) -> bytes:
    return sha256(f"{scheme}://{headers.get('host', '').lower()}".encode()).digest()[:2]


def browser_of(headers: Headers) -> bytes:
    return sha256(headers.get("user-agent", "").encode()).digest()[:2]
