"""Two browsers before one site, and the tally of what they tried."""

import re
from collections import Counter

import pytest
from starlette.types import ASGIApp

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.stores import each_store, redis_cluster

__all__ = ["each_store", "redis_cluster"]

# A row is named in brackets as in the tables, [K-05 en quad], or in a function's name, test_k20_two_tabs.
ROW = re.compile(r"::test_([a-z])(\d\d)_|\[(?:[^\]]*-)?([A-Z])-(\d\d)\b")
TABLES = {
    "N": "login CSRF, every store and framework",
    "P": "callback parameters",
    "K": "cookies",
    "H": "paths, methods, host and forwarded headers",
    "G": "logout and CSRF",
    "W": "WebSocket",
    "L": "caching and leakage",
    "V": "webhooks",
}
COLUMNS = ("tried", "refused", "let through", "not tried")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "welcome: no attack, but what must still work beside the refusals")


@pytest.fixture
def site(tiktok: TikTok) -> ASGIApp:
    return TikTokAuthMiddleware(app, tiktok, protect=("/studio",))


@pytest.fixture
def victim(site: ASGIApp, emulator: Emulator) -> Browser:
    return Browser(site, emulator)


@pytest.fixture
def attacker(site: ASGIApp, emulator: Emulator) -> Browser:
    return Browser(site, emulator)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tally: Counter[tuple[str, str]] = Counter()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            row = ROW.search(report.nodeid) if "tests/security/" in report.nodeid else None
            if row is None or (outcome == "passed" and report.when != "call"):
                continue
            table = (row[1] or row[3]).upper()
            tally[table, "welcome" if "welcome" in report.keywords else outcome] += 1
    if not tally:
        return
    terminalreporter.section("attacks tried, refused and let through")
    line = "{:<46}{:>7}{:>9}{:>13}{:>11}".format
    terminalreporter.write_line(line("", *COLUMNS))
    totals: Counter[str] = Counter()
    for table, title in TABLES.items():
        refused, let_through = tally[table, "passed"], tally[table, "failed"] + tally[table, "error"]
        counted = {"tried": refused + let_through, "refused": refused, "let through": let_through}
        counted["not tried"] = tally[table, "skipped"]
        totals.update(counted)
        terminalreporter.write_line(line(f"{table}  {title}", *counted.values()))
    terminalreporter.write_line(line("", *(totals[column] for column in COLUMNS)))
