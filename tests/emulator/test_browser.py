import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, sync_playwright

from asgi_tiktok.emulator import CAST, RunningEmulator, run_emulator

from .wire import ALL_SCOPES, authorization, query

CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def chromium() -> str:
    """The path of Chromium. If it is missing, the tests are skipped, except in CI, where they fail."""
    if CHROMIUM is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("Chromium is not on PATH; install it with: apt-get install chromium")
    return str(CHROMIUM)


@pytest.fixture(scope="module")
def tiktok() -> Iterator[RunningEmulator]:
    with run_emulator() as running:
        yield running


@pytest.fixture
def callback() -> Iterator[str]:
    """A callback URL on another origin, as in an app. Its 404 does not matter."""
    with run_emulator(host="localhost") as app:
        yield f"{app.url}/auth/tiktok/callback"


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = launched.new_page(viewport={"width": 390, "height": 800})
        messages: list[str] = []
        page.on("console", lambda message: messages.append(f"{message.location} {message.text}"))
        yield page
        launched.close()
    # These paths and the stopped servers do not exist, so the browser may report them.
    elsewhere = ("/auth/tiktok/callback", "/favicon.ico", "ERR_CONNECTION_REFUSED")
    assert [text for text in messages if not any(path in text for path in elsewhere)] == []


def url(tiktok: RunningEmulator, callback: str, **changes: str) -> str:
    parameters = authorization(redirect_uri=callback, scope=ALL_SCOPES, **changes)
    return f"{tiktok.url}/v2/auth/authorize/?{urlencode(parameters)}"


def test_sign_in_in_a_browser(page: Page, tiktok: RunningEmulator, callback: str) -> None:
    page.goto(url(tiktok, callback))
    page.get_by_text("Tomás Brook").click()
    page.get_by_label("See your public videos").uncheck()
    assert page.get_by_label("See your display name").is_disabled()
    page.get_by_role("button", name="Continue").click()

    page.wait_for_url(f"{callback}?*")
    assert query(page.url)["scopes"] == "user.info.basic,user.info.profile,user.info.stats"
    [*_, consent] = tiktok.emulator.exchanges
    assert consent.endpoint == "consent"
    assert ("sbemulatorclientkey", CAST[3].open_id) in tiktok.emulator.grants.grants


def test_cancel_in_a_browser(page: Page, tiktok: RunningEmulator, callback: str) -> None:
    page.goto(url(tiktok, callback))
    page.get_by_role("button", name="Cancel").click()

    page.wait_for_url(f"{callback}?*")
    assert query(page.url)["error"] == "access_denied"


def test_error_page_fits_a_phone_screen(page: Page, tiktok: RunningEmulator, callback: str) -> None:
    page.goto(url(tiktok, f"{callback}/{'long' * 40}"))

    assert page.url.startswith(tiktok.url)
    assert page.get_by_role("heading", name="Something went wrong").is_visible()
    assert page.get_by_role("listitem").inner_text() == "redirect_uri"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
