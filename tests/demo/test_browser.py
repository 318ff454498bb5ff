from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from asgi_tiktok.demo import RunningServer
from tests.support.chromium import open_chromium

pytestmark = [pytest.mark.browser, pytest.mark.soak]

WIDTH = 390


@pytest.fixture
def chromium(demo: RunningServer) -> Iterator[Chromium]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": WIDTH, "height": 800})
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    yield page
    # Only the response to a cancelled sign-in may cause a message on the console.
    assert [text for text in messages if "status of 403" not in text] == []


def test_sign_out_page_signs_out(page: Page, demo: RunningServer) -> None:
    page.goto(f"{demo.url}/auth/tiktok/login?next=/profile")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{demo.url}/profile")
    page.goto(f"{demo.url}/auth/tiktok/logout")
    expect(page.get_by_role("heading")).to_have_text("Sign out?")
    assert_fits(page)
    page.get_by_role("button", name="Sign out").click()

    page.wait_for_url(f"{demo.url}/")
    assert not any(cookie["name"].startswith("tiktok_session") for cookie in page.context.cookies())


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == WIDTH


def test_user_signs_in_and_out(page: Page, demo: RunningServer) -> None:
    page.goto(demo.url)
    assert_fits(page)
    page.get_by_role("link", name="Continue with TikTok").click()
    page.wait_for_url(f"{demo.emulator.url}/**")
    assert_fits(page)
    page.get_by_text("Tomás Brook").click()
    page.get_by_label("See your follower").uncheck()
    page.get_by_role("button", name="Continue").click()

    page.wait_for_url(f"{demo.url}/profile")
    expect(page.get_by_role("heading", name="Tomás Brook")).to_be_visible()
    expect(page.get_by_text("Followers", exact=True)).to_have_count(0)
    page.wait_for_load_state("load")
    assert page.locator(".person img").evaluate("picture => picture.naturalWidth") > 0
    assert_fits(page)

    page.get_by_role("link", name="Share user.info.stats").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{demo.url}/profile")
    expect(page.get_by_text("Followers", exact=True)).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert_fits(page)
    page.goto(demo.url)
    expect(page.get_by_role("link", name="Continue with TikTok")).to_be_visible()


def test_program_for_another_framework_is_copied(page: Page, demo: RunningServer) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.clock.install()
    page.goto(demo.url)
    page.clock.pause_at(datetime.now() + timedelta(hours=1))  # "Copied" is shown for a moment only
    page.get_by_role("radio", name="FastAPI").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("pre:visible").text_content()
    assert "from starlette.applications import Starlette" in copied
    assert_fits(page)


def test_user_switches_accounts(page: Page, demo: RunningServer) -> None:
    page.goto(f"{demo.url}/profile")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{demo.url}/profile")
    page.get_by_role("link", name="Switch account").click()
    page.get_by_text("Quill").click()
    page.get_by_role("button", name="Continue").click()

    page.wait_for_url(f"{demo.url}/profile")
    expect(page.get_by_role("heading", name="<b>Quill</b>")).to_be_visible()
    expect(page.get_by_label("verified")).to_be_visible()
    assert_fits(page)


def test_user_cancels(page: Page, demo: RunningServer) -> None:
    page.goto(demo.url)
    page.get_by_role("link", name="Continue with TikTok").click()
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("heading", name="You cancelled the sign-in")).to_be_visible()
    assert_fits(page)
    page.get_by_role("link", name="Back to the site").click()
    expect(page.get_by_role("link", name="Continue with TikTok")).to_be_visible()
