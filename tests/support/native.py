"""A native app: it gets a code from TikTok as its SDKs do, and sends it to the site."""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from asgi_tiktok import TikTok
from asgi_tiktok.emulator import DEFAULT_APP, DEFAULT_CLIENT_KEY, Emulator, Person
from tests.support.tiktok import new_tiktok

NATIVE = "/auth/tiktok/native"
NATIVE_URI = "https://app.example.com/tiktok"
OTHER_NATIVE_URI = "https://app.example.com/other"


def native_emulator() -> Emulator:
    """Return a TikTok at which two addresses are registered for native apps."""
    return Emulator([replace(DEFAULT_APP, native_redirect_uris=(NATIVE_URI, OTHER_NATIVE_URI))])


def native_tiktok(emulator: Emulator, **settings: Any) -> TikTok:
    """Return a TikTok app with the route for native apps."""
    defaults: dict[str, Any] = {"transport": httpx2.ASGITransport(emulator), "native_redirect_uris": (NATIVE_URI,)}
    return new_tiktok(**{**defaults, **settings})


def get_code(
    emulator: Emulator,
    person: Person | None = None,
    *,
    client_key: str = DEFAULT_CLIENT_KEY,
    redirect_uri: str = NATIVE_URI,
    scopes: Iterable[str] = ("user.info.basic",),
) -> dict[str, str]:
    """Return what the app sends after TikTok's SDK has returned the code. The SDKs send no challenge method."""
    code_verifier = secrets.token_hex(16)
    query = {
        "client_key": client_key,
        "response_type": "code",
        "scope": ",".join(scopes),
        "redirect_uri": redirect_uri,
        "state": "s",
        "code_challenge": hashlib.sha256(code_verifier.encode()).hexdigest(),
    }
    callback = emulator.consent(f"https://www.tiktok.com/v2/auth/authorize/?{urlencode(query)}", person)
    (code,) = parse_qs(urlsplit(callback).query)["code"]
    return {"code": code, "code_verifier": code_verifier, "redirect_uri": redirect_uri}


def as_json(login: dict[str, Any]) -> bytes:
    return json.dumps(login).encode()
