"""A recorder of secrets: none may appear in a log record, an exception's text or a `repr`."""

import logging
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from asgi_tiktok import TikTokError, login, state
from asgi_tiktok.emulator import DEFAULT_CLIENT_SECRET

SECRET_KEY = "n7Zq-canary-key-0Lw4vT9yB2xKf6Rd8mHs"
OLD_SECRET_KEY = "p3Xe-canary-old-5Gj1uC7oA9iWk2Qb4nVt"

TESTS = str(Path(__file__).parents[1])

# Codes, tokens and the like, by the shape that only real ones have.
SHAPES = re.compile(r"(act|rft|clt)\.emulator\.[\w-]{8}|(?<![\w-])[\w-]{40,}+(\*|%2A)\w(!|%21)\d{4}")


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
            # A server logs the app's errors, and they go through frames that hold the request.
            if record.name == "asgi_tiktok" and record.exc_info and record.exc_info[1]:
                self.check_error("logged error", record.exc_info[1])

    def check(self, place: str, text: str) -> None:
        """Note a leak."""
        secret = next((secret for secret in self.secrets if secret in text), None)
        shape = SHAPES.search(text)
        if secret or shape:
            self.found.append(f"{place}: {secret or shape} in {text[:300]!r}")

    def check_error(self, place: str, error: BaseException) -> None:
        """Note what leaks where an error is looked at as error trackers do."""
        for text in everything_told(error):
            self.check(place, text)

    @contextmanager
    def watching(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Collect while a test runs."""
        import secrets

        make: Callable[[int], str] = secrets.token_urlsafe
        begin: Callable[..., None] = TikTokError.__init__
        make_state = state.make_state

        def token_urlsafe(size: int = 32) -> str:
            secret = make(size)
            self.secrets.add(secret)
            return secret

        def watched_state(*args: Any) -> str:
            secret = make_state(*args)
            self.secrets.add(secret)
            return secret

        def init(error: TikTokError, *args: Any, **kwargs: Any) -> None:
            begin(error, *args, **kwargs)
            self.check("exception", f"{error} {error!r} {error.args}")

        monkeypatch.setattr(secrets, "token_urlsafe", token_urlsafe)
        monkeypatch.setattr(login, "make_state", watched_state)
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


def everything_told(error: BaseException) -> Iterator[str]:
    """The texts of an error and of those behind it, `from None` or not, and the locals of their frames.

    What a frame of a test holds is not counted, for it stands for the app, which has its own secrets.
    """
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is None or found in seen:
            continue
        seen.append(found)
        waiting += [found.__cause__, found.__context__]
        yield from (str(found), repr(found), repr(found.args), repr(vars(found)))
        yield from getattr(found, "__notes__", ())
        rendered = traceback.TracebackException(type(found), found, found.__traceback__, capture_locals=True)
        for frame in rendered.stack:
            if not frame.filename.startswith(TESTS):
                yield f"{frame.filename} {frame.name} {frame.locals}"
