"""The canary fixture: a test fails if a secret appears where it must not.

A canary is a secret that the tests recognize. `tests/conftest.py` runs every test with a `Canaries` recorder, which
works like this:

1. It knows the secrets. The secret keys and the client secret below are fixed. `secrets.token_urlsafe` and the
   function that makes the `state` are replaced for the test, so that the recorder learns every random secret at the
   moment when it is made. Codes and tokens of the emulator are recognized by their shape (`SECRET_SHAPES`).
2. It reads what others may read: every log record of every logger at every level, the fields of events, and the
   message, the `repr` and the arguments of every `TikTokError` that is made. For an error that the package logs, it
   also reads what an error tracker would send: notes, attributes, causes, and the local variables of every frame
   outside of tests/.
3. A string that contains a secret is added to `found`, and the fixture asserts after the test that `found` is empty.

A test that looks at another place (a response, a dump of an object) calls `check` or `check_error` itself.
"""

import logging
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from asgi_tiktok import TikTokError
from asgi_tiktok.emulator import CAST, DEFAULT_CLIENT_SECRET
from asgi_tiktok.routes import login, state_parameter

SECRET_KEY = "n7Zq-canary-key-0Lw4vT9yB2xKf6Rd8mHs"
OLD_SECRET_KEY = "p3Xe-canary-old-5Gj1uC7oA9iWk2Qb4nVt"
SECRET_SHAPES = re.compile(r"(act|rft|clt)\.emulator\.[\w-]{8}|(?<![\w-])[\w-]{40,}+(\*|%2A)\w(!|%21)\d{4}")
"""Tokens and codes of the emulator. No other string in the tests looks like one."""

TESTS = str(Path(__file__).parents[1])


class Canaries(logging.Handler):
    """A recorder that learns secrets while they are made and collects the strings in which one appears.

    Attributes:
        secrets: Every secret that the recorder knows.
        open_ids: The open_ids that no log record of the package may contain. A test of `log_open_ids` clears them.
        found: One description for each leak.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.secrets = {SECRET_KEY, OLD_SECRET_KEY, DEFAULT_CLIENT_SECRET}
        self.open_ids = {person.open_id for person in CAST}
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # In the thread of the test, httpx is the user's browser, which may log its own requests.
        is_browser = record.name.startswith(("httpx", "httpcore"))
        if not (is_browser and threading.current_thread() is threading.main_thread()):
            text = logging.Formatter().format(record)
            self.check(f"log record of {record.name}", text)
            if record.name == "asgi_tiktok":
                self.check_event(record, text)
            # Errors that a server logs are the app's. Their frames hold the whole request.
            if record.name == "asgi_tiktok" and record.exc_info and record.exc_info[1]:
                self.check_error("logged error", record.exc_info[1])

    def check(self, context: str, text: str) -> None:
        """Record a leak if the string contains a secret."""
        # Another thread may learn a secret meanwhile.
        secret = next((secret for secret in tuple(self.secrets) if secret in text), None)
        shape = SECRET_SHAPES.search(text)
        if secret or shape:
            self.found.append(f"{context}: {secret or shape} in {text[:300]!r}")

    def check_event(self, record: logging.LogRecord, text: str) -> None:
        """Record a leak in the fields of an event, and each open_id in its fields and its log line."""
        fields = str({name: value for name, value in vars(record).items() if name.startswith("tiktok_")})
        self.check("fields of an event", fields)
        self.found += [f"open_id in {text[:300]!r} {fields}" for each in self.open_ids if each in text + fields]

    def check_error(self, context: str, error: BaseException) -> None:
        """Record a leak in anything that an error tracker would send about the error."""
        for text in visible_strings(error):
            self.check(context, text)

    @contextmanager
    def watching(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Learn secrets and read logs and errors until the end of the block."""
        import secrets

        make_token: Callable[[int], str] = secrets.token_urlsafe
        make_state = state_parameter.make_state
        initialize: Callable[..., None] = TikTokError.__init__

        def token_urlsafe(size: int = 32) -> str:
            secret = make_token(size)
            self.secrets.add(secret)
            return secret

        def watched_state(*args: Any) -> str:
            secret = make_state(*args)
            self.secrets.add(secret)
            return secret

        def init(error: TikTokError, *args: Any, **kwargs: Any) -> None:
            initialize(error, *args, **kwargs)
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


def visible_strings(error: BaseException) -> Iterator[str]:
    """Yield every string that an error tracker shows of an error, its causes and contexts, and their frames.

    Frames of tests/ are left out, because there a test stands for the app, which may hold its own secrets.
    """
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or current in seen:
            continue
        seen.append(current)
        # `from None` hides a context from the printed traceback only. An error tracker still sees it.
        waiting += [current.__cause__, current.__context__]
        yield from (str(current), repr(current), repr(current.args), repr(vars(current)))
        yield from getattr(current, "__notes__", ())
        rendered = traceback.TracebackException(type(current), current, current.__traceback__, capture_locals=True)
        for frame in rendered.stack:
            if not frame.filename.startswith(TESTS):
                yield f"{frame.filename} {frame.name} {frame.locals}"
