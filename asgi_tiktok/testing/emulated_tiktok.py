"""A TikTok for one test: the emulator, the settings that lead to it, and what the app sent."""

import secrets
from collections.abc import Iterable
from copy import copy
from typing import Any, Self

import httpx2

from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator, Exchange, Person
from asgi_tiktok.emulator.world.knobs import Decision
from asgi_tiktok.stores import MemoryStore

IN_PROCESS = "http://127.0.0.1:8700"
REDIRECT_URI = "https://testserver/auth/tiktok/callback"


class EmulatedTikTok:
    """The emulator in this process, or at `url` once it is served.

    `settings` are for `TikTok(**settings)`, each of which may be replaced: any
    `http://localhost:PORT/auth/tiktok/callback` is registered, too. `environ` says the same in variables,
    for `TikTok.from_env()`; in process, give it `transport` as well.
    """

    def __init__(self, emulator: Emulator | None = None) -> None:
        self.emulator = emulator or Emulator()
        self.url = IN_PROCESS
        self.transport: httpx2.AsyncBaseTransport | None = httpx2.ASGITransport(self.emulator)
        self.secret_key = secrets.token_urlsafe(32)
        self.store = MemoryStore()

    def __repr__(self) -> str:
        return f"EmulatedTikTok({self.url!r}, {len(self.emulator.exchanges)} exchanges)"

    def served_at(self, url: str) -> Self:
        """The same TikTok behind an address, for the same app."""
        served = copy(self)
        served.url = url
        served.transport = None
        return served

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments of a TikTok that signs in here and keeps its records for this test."""
        return {
            "client_key": DEFAULT_CLIENT_KEY,
            "client_secret": DEFAULT_CLIENT_SECRET,
            "redirect_uri": REDIRECT_URI,
            "secret_key": self.secret_key,
            "store": self.store,
            "base_url": self.url,
            "transport": self.transport,
        }

    @property
    def environ(self) -> dict[str, str]:
        """The TIKTOK_* variables of the same app."""
        return {
            "TIKTOK_CLIENT_KEY": DEFAULT_CLIENT_KEY,
            "TIKTOK_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
            "TIKTOK_REDIRECT_URI": REDIRECT_URI,
            "TIKTOK_SECRET_KEY": self.secret_key,
            "TIKTOK_STORE": "memory://",
            "TIKTOK_BASE_URL": self.url,
        }

    def consent(
        self,
        authorization_url: str,
        person: Person | str | None = None,
        scopes: Iterable[str] | None = None,
        decision: Decision = "approve",
    ) -> str:
        """Where TikTok sends the browser once the person, by default the first of the cast, has decided.

        `scopes` are those left ticked, by default all. Raises ConsentRefused where TikTok would keep the
        browser on its fault page.
        """
        return self.emulator.consent(authorization_url, person, scopes, decision)

    def requests(self, endpoint: str | None = None) -> list[Exchange]:
        """What came here so far, oldest first, with TikTok's answer.

        Endpoints are authorize, consent, token, revoke, user_info, video_list and the like, and unsupported.
        """
        return [exchange for exchange in self.emulator.exchanges if endpoint in (None, exchange.endpoint)]
