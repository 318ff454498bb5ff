"""The limit on the log lines that visitors can cause."""

import logging

import pytest
from starlette.testclient import TestClient

from asgi_tiktok.events import log_limiter
from asgi_tiktok.events.log_limiter import LogLimiter


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [1000.0]
    monkeypatch.setattr("asgi_tiktok.events.log_limiter.time.monotonic", lambda: clock[0])
    return clock


def test_many_bad_callbacks_write_few_log_lines(browser: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for number in range(300):
        browser.get(f"/auth/tiktok/callback?code=x&state={number:043}")
    lines = [record.getMessage() for record in caplog.records if record.name == "asgi_tiktok"]

    assert len(lines) == log_limiter.MAX_LINES + 1
    assert lines[-1].startswith("log limit: more lines of ")


def test_next_minute_begins_with_the_number_of_suppressed_lines(
    now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
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


def test_each_kind_of_line_has_its_own_limit(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    limiter = LogLimiter(logging.getLogger("asgi_tiktok"))
    for _ in range(100):
        limiter.log(logging.WARNING, "never_begun", "refused")
    limiter.log(logging.ERROR, "store_unavailable", "the store is gone")

    assert caplog.messages[-1] == "the store is gone"


def test_every_line_is_logged_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    limiter = LogLimiter(logging.getLogger("asgi_tiktok"))
    for _ in range(100):
        limiter.log(logging.WARNING, "never_begun", "refused")

    assert caplog.messages == ["refused"] * 100


def test_number_of_counted_kinds_is_bounded() -> None:
    limiter = LogLimiter(logging.getLogger("asgi_tiktok"))
    for number in range(10_000):
        limiter.log(logging.DEBUG, str(number), "refused")

    assert 0 < len(limiter.counts) <= log_limiter.MAX_KINDS
