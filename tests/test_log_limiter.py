"""Nobody fills the disk by asking for nonsense."""

import logging

import pytest
from starlette.testclient import TestClient

from asgi_tiktok.routes import log_limiter
from asgi_tiktok.routes.log_limiter import LogLimiter


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [1000.0]
    monkeypatch.setattr("asgi_tiktok.routes.log_limiter.time.monotonic", lambda: clock[0])
    return clock


def test_hundreds_of_bad_callbacks_are_some_lines(browser: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for number in range(300):
        browser.get(f"/auth/tiktok/callback?code=x&state={number:043}")
    lines = [record.getMessage() for record in caplog.records if record.name == "asgi_tiktok"]

    assert len(lines) == log_limiter.MAX_LINES + 1
    assert lines[-1].startswith("log limit: more lines of ")


def test_a_new_minute_begins_with_their_number(now: list[float], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    limiter = LogLimiter(logging.getLogger("asgi_tiktok"))
    for _ in range(100):
        limiter.log(logging.WARNING, "never_begun", "refused")
    now[0] += log_limiter.WINDOW
    limiter.log(logging.WARNING, "never_begun", "refused")

    assert [record.getMessage() for record in caplog.records][-2:] == [
        "log limit: 70 more lines of never_begun were not logged",
        "refused",
    ]


def test_other_kinds_are_heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    limiter = LogLimiter(logging.getLogger("asgi_tiktok"))
    for _ in range(100):
        limiter.log(logging.WARNING, "never_begun", "refused")
    limiter.log(logging.ERROR, "store_unavailable", "the store is gone")

    assert caplog.messages[-1] == "the store is gone"


def test_at_debug_all_are_heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    limiter = LogLimiter(logging.getLogger("asgi_tiktok"))
    for _ in range(100):
        limiter.log(logging.WARNING, "never_begun", "refused")

    assert caplog.messages == ["refused"] * 100


def test_kinds_without_end_take_no_memory() -> None:
    limiter = LogLimiter(logging.getLogger("asgi_tiktok"))
    for number in range(10_000):
        limiter.log(logging.DEBUG, str(number), "refused")

    assert len(limiter.counts) <= log_limiter.MAX_KINDS
