"""Two TikTok apps in one process, with a browser that is signed in at both as two users."""

from collections.abc import Iterator

import pytest

from asgi_tiktok.emulator import CAST, App, Emulator
from tests.support.example_app import open_browser, running
from tests.support.login import approve

SECRET = "opens-nothing"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    apps = [
        App(client_key=f"sb{letter}", client_secret=SECRET, redirect_uris=(f"http://localhost:*/{letter}/callback",))
        for letter in "ab"
    ]
    environ = {
        f"TIKTOK_{letter.upper()}_{name}": value
        for letter in "ab"
        for name, value in [
            ("CLIENT_KEY", f"sb{letter}"),
            ("CLIENT_SECRET", SECRET),
            ("REDIRECT_URI", f"http://localhost:{{port}}/{letter}/callback"),
        ]
    }
    with running("multi_app.py", tmp_path_factory.mktemp("example"), Emulator(apps), **environ) as address:
        yield address


def test_one_browser_is_signed_in_as_two_users(address: str) -> None:
    with open_browser() as browser:
        for letter, person in [("a", CAST[0]), ("b", CAST[1])]:
            page = browser.get(f"{address}/{letter}/auth/{letter}/login?next=/{letter}/")
            assert page.url.params["client_key"] == f"sb{letter}"
            assert f"Hello {person.display_name}" in approve(browser, page, person.open_id).text

        assert f"Hello {CAST[0].display_name}" in browser.get(f"{address}/a/").text
        browser.post(f"{address}/a/auth/a/logout?next=/a/", headers={"origin": address})
        assert "with TikTok" in browser.get(f"{address}/a/").text
        assert f"Hello {CAST[1].display_name}" in browser.get(f"{address}/b/").text
