"""The programs that the demo shows: the same sign-in in each framework."""

import secrets
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from asgi_tiktok.tiktok import TikTok

FOLDER = Path(__file__).parent / "templates" / "programs"
FRAMEWORKS = ("FastAPI", "Starlette", "Quart", "Litestar", "Django", "ASGI")
FIRST_PORT = 8080


def programs(tiktok: TikTok) -> Mapping[str, str]:
    """Return a complete program for each framework, by its name. It signs in with the emulator of the demo."""
    client = tiktok._client
    base_url = client._endpoints.api
    in_use = {urlsplit(url).port for url in (tiktok._site.origin, base_url)}
    port = next(port for port in count(FIRST_PORT) if port not in in_use)
    settings = read("settings").substitute(
        client_key=client.client_key,
        client_secret=client._client_secret.reveal(),
        port=port,
        secret_key=secrets.token_urlsafe(32),
        base_url=base_url,
    )
    return {name: read(name.lower()).substitute(port=port, settings=settings) for name in FRAMEWORKS}


def read(name: str) -> Template:
    return Template((FOLDER / f"{name}.txt").read_text("utf-8"))
