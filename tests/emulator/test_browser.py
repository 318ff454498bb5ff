from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from asgi_tiktok.emulator import CAST, RunningEmulator, run_emulator

from .wire import ALL_SCOPES, authorization, query

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tiktok() -> Iterator[RunningEmulator]:
    with run_emulator() as running:
        yield running


@pytest.fixture
def callback() -> Iterator[str]:
    """A callback URL on another origin, as in an app. Its 404 does not matter."""
    with run_emulator(host="localhost") as app:
        yield f"{app.url}/auth/tiktok/callback"


def url(tiktok: RunningEmulator, callback: str, **changes: str) -> str:
    parameters = authorization(redirect_uri=callback, **{"scope": ALL_SCOPES, **changes})
    return f"{tiktok.url}/v2/auth/authorize/?{urlencode(parameters)}"


def test_sign_in_in_a_browser(page: Page, tiktok: RunningEmulator, callback: str) -> None:
    page.goto(url(tiktok, callback))
    page.get_by_text("Tomás Brook").click()
    page.get_by_label("See your public videos").uncheck()
    expect(page.get_by_label("See your display name")).to_be_disabled()
    page.get_by_role("button", name="Continue").click()

    page.wait_for_url(f"{callback}?*")
    assert query(page.url)["scopes"] == "user.info.basic,user.info.profile,user.info.stats"
    [*_, consent] = tiktok.emulator.exchanges
    assert consent.endpoint == "consent"
    assert ("sbemulatorclientkey", CAST[3].open_id) in tiktok.emulator.grants.grants


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (320, 640)])
def test_decision_is_visible_without_scrolling(
    page: Page, tiktok: RunningEmulator, callback: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(url(tiktok, callback, scope=f"{ALL_SCOPES},video.upload,video.publish"))

    for name in ("Continue", "Cancel"):
        expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    page.get_by_label("Post videos to your profile").focus()
    expect(page.get_by_label("Post videos to your profile")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_cancel_in_a_browser(page: Page, tiktok: RunningEmulator, callback: str) -> None:
    page.goto(url(tiktok, callback))
    page.get_by_role("button", name="Cancel").click()

    page.wait_for_url(f"{callback}?*")
    assert query(page.url)["error"] == "access_denied"


def test_error_page_fits_a_phone_screen(page: Page, tiktok: RunningEmulator, callback: str) -> None:
    page.goto(url(tiktok, f"{callback}/{'long' * 40}"))

    assert page.url.startswith(tiktok.url)
    expect(page.get_by_role("heading", name="Something went wrong")).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_text("redirect_uri")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
