"""The single-page app: its API, and its buttons in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.example_app import NAME, open_browser, sign_in
from tests.support.settings import FETCH

EXAMPLE = "spa.py"


def test_api_returns_the_login_url(address: str) -> None:
    with open_browser() as browser:
        assert browser.get(f"{address}/api/videos", headers=FETCH).json()["error"] == "login_required"
        sign_in(browser, address)
        response = browser.get(f"{address}/api/videos", headers=FETCH)

    assert (response.status_code, response.json()["error"]) == (403, "scope_required")
    assert "video.list" in response.json()["login_url"]


@pytest.mark.browser
def test_buttons_work_in_a_real_browser(address: str, page: Page) -> None:
    page.goto(address)
    page.get_by_role("link", name="Continue with TikTok").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text(NAME)).to_be_visible()

    page.get_by_role("button", name="Show my videos").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{address}/")
    page.get_by_role("button", name="Show my videos").click()
    expect(page.get_by_role("listitem")).to_have_count(20)

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Continue with TikTok")).to_be_visible()
