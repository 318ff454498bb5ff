"""The settings that all processes of one benchmark share."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import httpx2

from asgi_tiktok import TikTok
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET
from asgi_tiktok.stores import open_store

VARIABLE = "ASGI_TIKTOK_BENCHMARK"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that must be equal in two processes of the same site."""

    store: str
    base_url: str = "http://127.0.0.1:8700"
    secret_key: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))

    def new_tiktok(self, transport: httpx2.AsyncBaseTransport | None = None) -> TikTok:
        return TikTok(
            DEFAULT_CLIENT_KEY,
            DEFAULT_CLIENT_SECRET,
            "http://localhost:8000/auth/tiktok/callback",
            self.secret_key,
            store=open_store(self.store),
            base_url=self.base_url,
            transport=transport,
        )

    def to_environ(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        return cls(**json.loads(environ[VARIABLE]))
