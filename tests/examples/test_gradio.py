"""Gradio in FastAPI: the page and each event have the user."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.example_app import NAME, assert_requires_sign_in, assert_signs_in_and_out

EXAMPLE = "gradio_app.py"
ENVIRON = {"GRADIO_ANALYTICS_ENABLED": "False"}


def test_user_signs_in_and_out(address: str) -> None:
    assert_signs_in_and_out(address)
    assert_requires_sign_in(address, "/captions")


@pytest.mark.browser
def test_page_and_event_have_the_user_in_a_real_browser(address: str, page: Page) -> None:
    page.goto(f"{address}/captions")
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_label("You are")).to_have_value(NAME)
    page.get_by_label("Idea").fill("a cat")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_label("Caption")).to_have_value(f"A cat, by {NAME}")

    page.goto(address)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Continue with TikTok")).to_be_visible()
