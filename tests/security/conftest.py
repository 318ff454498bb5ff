"""The browsers of a victim and an attacker at one site, and the table of attacks that is printed after a run."""

import re
from collections import Counter

import pytest
from starlette.types import ASGIApp

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.stores import each_store, patient_stores, redis_cluster

__all__ = ["each_store", "patient_stores", "redis_cluster"]

# The row is in the id of the test, [K-05 en quad], or in the name of its function, test_k21_sixth_pending_login_….
ROW = re.compile(r"::test_([a-z])(\d\d)_|\[(?:[^\]]*-)?([A-Z])-(\d\d)\b")
TABLES = {
    "N": "login CSRF, with every store and framework",
    "P": "callback parameters",
    "K": "cookies",
    "H": "paths, methods, Host and forwarded headers",
    "G": "logout and CSRF",
    "W": "WebSocket",
    "L": "caching and leaks",
    "V": "webhooks",
    "S": "secrets, seals and the file of the store",
    "R": "the guard in front of each app, see below",
    "A": "credentials of another app",
    "M": "mounts and paths in addresses",
    "F": "floods and long input",
    "B": "native apps and bearer tokens",
    "Q": "login by QR code",
}
COLUMNS = ("tried", "refused", "succeeded", "skipped")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "legitimate: not an attack, but a request that must succeed")


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
    counts: Counter[tuple[str, str]] = Counter()
    matrix: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            row = ROW.search(report.nodeid) if "tests/security/" in report.nodeid else None
            if row is None or (outcome == "passed" and report.when != "call"):
                continue
            matrix.update(dict(report.user_properties).get("guard_matrix", {}))
            table = (row[1] or row[3]).upper()
            counts[table, "legitimate" if "legitimate" in report.keywords else outcome] += 1
    if not counts:
        return
    terminalreporter.section("attacks that were tried, refused and successful")
    line = "{:<46}{:>7}{:>9}{:>13}{:>11}".format
    terminalreporter.write_line(line("", *COLUMNS))
    totals: Counter[str] = Counter()
    for table, title in TABLES.items():
        refused, succeeded = counts[table, "passed"], counts[table, "failed"] + counts[table, "error"]
        row_counts = {"tried": refused + succeeded, "refused": refused, "succeeded": succeeded}
        row_counts["skipped"] = counts[table, "skipped"]
        totals.update(row_counts)
        terminalreporter.write_line(line(f"{table}  {title}", *row_counts.values()))
    terminalreporter.write_line(line("", *(totals[column] for column in COLUMNS)))
    if matrix:
        terminalreporter.write_line(
            f"R  requests to guarded paths: tried {matrix['tried']:,}, let through {matrix['let_through']:,}"
        )
