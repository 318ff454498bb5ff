"""An app with its own users: one of them connects two TikTok accounts in a real browser, and posts as either."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from asgi_tiktok.emulator import Emulator
from tests.support.example_app import open_browser, running
from tests.support.login import approve
from tests.support.people import AMARA, JUN, QUILL
from tests.support.settings import FETCH


@pytest.fixture(scope="module")
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture(scope="module")
def address(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running("connect_accounts.py", tmp_path_factory.mktemp("example"), emulator) as address:
        yield address


@pytest.mark.browser
def test_two_accounts_of_one_user_are_connected_in_a_real_browser(
    address: str, emulator: Emulator, page: Page, tmp_path: Path
) -> None:
    video = tmp_path / "bowls.mp4"
    video.write_bytes(b"video")
    page.goto(address)
    page.get_by_role("button", name="Sign in as ada").click()
    for person in (AMARA, JUN):
        page.get_by_role("link", name="Connect TikTok").click()
        page.get_by_label(person.display_name).check()
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{address}/")

    for person in (JUN, AMARA):
        with page.expect_response("**/posts/**") as posted:
            page.locator("p", has_text=f"Post as {person.display_name}").locator("input").set_input_files(video)
        assert posted.value.status == 201
    assert [post.grant.open_id for post in emulator.posts] == [JUN.open_id, AMARA.open_id]

    page.get_by_role("link", name="Connect TikTok").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="You did not connect TikTok")).to_be_visible()
    page.get_by_role("link", name="Back to the site").click()
    expect(page.get_by_text("Post as")).to_have_count(2)


def test_account_of_another_user_can_be_neither_taken_nor_used(address: str) -> None:
    with open_browser() as ada, open_browser() as bob:
        for browser, user in ((ada, "eve"), (bob, "bob")):
            home = browser.post(f"{address}/sign-in?user={user}").text
            to_tiktok = browser.get(address + unescape(home.split('<a href="')[1].split('"')[0]))
            page = approve(browser, to_tiktok, QUILL.open_id)
        refused = bob.post(f"{address}/posts/{QUILL.open_id}", content=b"video", headers=FETCH)

    assert page.status_code == 403
    assert "This TikTok account is already connected" in page.text
    assert refused.status_code == 404
