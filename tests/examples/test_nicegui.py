"""NiceGUI: its pages and their WebSocket."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.example_app import NAME, assert_requires_sign_in, open_browser, sign_in

EXAMPLE = "nicegui_app.py"


def test_page_has_the_user(address: str) -> None:
    assert_requires_sign_in(address, "/studio")
    with open_browser() as browser:
        assert "Continue with TikTok" in browser.get(f"{address}/").text
        assert f"Hello {NAME}" in sign_in(browser, address).text


@pytest.mark.browser
def test_page_and_websocket_have_the_user_in_a_real_browser(address: str, page: Page) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(address)
    page.get_by_role("link", name="Continue with TikTok").click()
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_text(f"Hello {NAME}")).to_be_visible()
    page.get_by_role("button", name="Wave").click()
    expect(page.get_by_text(f"{NAME} waves")).to_be_visible()
    assert any("/_nicegui_ws/" in url for url in sockets)

    page.get_by_role("link", name="Your studio").click()
    expect(page.get_by_text(f"The studio of {NAME}")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Continue with TikTok")).to_be_visible()
