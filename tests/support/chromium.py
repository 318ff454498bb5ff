"""A real Chromium, driven by Playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.requirements import require_program
from tests.support.waiting import TIMEOUT

# The machine may be busy.
expect.set_options(timeout=1000 * TIMEOUT)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
LOOPBACK_ONLY = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
"""A flag that keeps pages from loading anything from the network."""


def launch_options(*flags: str) -> dict[str, Any]:
    """Return the arguments for Playwright's `launch`. Without Chromium, skip the test, or fail in CI."""
    return {"executable_path": require_program("chromium", "chromium"), "args": [*FLAGS, *flags]}


@contextmanager
def open_chromium(*flags: str) -> Iterator[Browser]:
    """Run Chromium without a window until the end of the block."""
    options = launch_options(*flags)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options)
        yield browser
        browser.close()
