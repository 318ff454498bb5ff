"""A recorder of secrets: none may appear in a log record, an exception's text or a `repr`."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from asgi_tiktok import TikTokError
from asgi_tiktok.emulator import DEFAULT_CLIENT_SECRET

SECRET_KEY = "n7Zq-canary-key-0Lw4vT9yB2xKf6Rd8mHs"
OLD_SECRET_KEY = "p3Xe-canary-old-5Gj1uC7oA9iWk2Qb4nVt"

# Codes, tokens and the like, by the shape that only real ones have.
SHAPES = re.compile(r"(act|rft|clt)\.emulator\.[\w-]{8}|[\w-]{40,}(\*|%2A)\w(!|%21)\d{4}")


class Canaries(logging.Handler):
    """Watches secrets as they are made, and collects every text in which one could appear."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.secrets = {SECRET_KEY, OLD_SECRET_KEY, DEFAULT_CLIENT_SECRET}
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # In the tests' own thread httpx is the browser, which may say what it likes of its own requests.
        by_browser = record.name.startswith(("httpx", "httpcore"))
        if not (by_browser and threading.current_thread() is threading.main_thread()):
            self.check(f"log record of {record.name}", logging.Formatter().format(record))

    def check(self, place: str, text: str) -> None:
        """Note a leak."""
        secret = next((secret for secret in self.secrets if secret in text), None)
        shape = SHAPES.search(text)
        if secret or shape:
            self.found.append(f"{place}: {secret or shape} in {text[:300]!r}")

    @contextmanager
    def watching(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Collect while a test runs."""
        import secrets

        make: Callable[[int], str] = secrets.token_urlsafe
        begin: Callable[..., None] = TikTokError.__init__

        def token_urlsafe(size: int = 32) -> str:
            secret = make(size)
            self.secrets.add(secret)
            return secret

        def init(error: TikTokError, *args: Any, **kwargs: Any) -> None:
            begin(error, *args, **kwargs)
            self.check("exception", f"{error} {error!r} {error.args}")

        monkeypatch.setattr(secrets, "token_urlsafe", token_urlsafe)
        monkeypatch.setattr(TikTokError, "__init__", init)
        root = logging.getLogger()
        level = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.removeHandler(self)
            root.setLevel(level)
