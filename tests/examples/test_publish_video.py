"""The studio: a video of three chunks, posted in a real browser, and followed by webhook and by polling."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from asgi_tiktok.emulator import DEFAULT_APP, Emulator
from tests.support.example_app import open_browser, running, sign_in
from tests.support.ports import free_port
from tests.support.settings import FETCH
from tests.support.waiting import wait_until

CHUNK = 10_000_000
SIZE = 3 * CHUNK + 123
WHOLE = {"source": "FILE_UPLOAD", "video_size": 5, "chunk_size": 5, "total_chunk_count": 1}


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def emulator(port: int, request: pytest.FixtureRequest) -> Emulator:
    """A TikTok that processes a post for a second, or for another time that the test chooses."""
    app = replace(DEFAULT_APP, webhook_url=f"http://localhost:{port}/auth/tiktok/webhook")
    return Emulator([app], processing_seconds=getattr(request, "param", 1))


@pytest.fixture
def address(port: int, emulator: Emulator, tmp_path: Path) -> Iterator[str]:
    with running("publish_video.py", tmp_path, emulator, PORT=str(port)) as address:
        yield address


def begin(browser: httpx2.Client, address: str, privacy_level: str = "SELF_ONLY") -> httpx2.Response:
    post_info = {"title": "Bowls", "privacy_level": privacy_level}
    return browser.post(f"{address}/posts/video/init", json={"post_info": post_info, "source_info": WHOLE})


def send(browser: httpx2.Client, address: str, publish_id: str, content_range: str) -> int:
    headers = {"content-type": "video/mp4", "content-range": content_range}
    return browser.put(f"{address}/chunks/{publish_id}", content=b"video", headers=headers).status_code


@pytest.mark.parametrize("emulator", [3600], indirect=True)
def test_post_is_followed_by_webhook_and_by_polling(address: str, emulator: Emulator) -> None:
    assert httpx2.get(f"{address}/posts/status/fetch", headers=FETCH).status_code == 401
    with open_browser() as browser, open_browser() as other:
        sign_in(browser, address)
        sign_in(other, address, person=[*emulator.people.values()][1])
        refused = begin(browser, address, "PUBLIC_TO_EVERYONE")
        begun = begin(browser, address).json()
        status = {"publish_id": begun["publish_id"]}
        statuses = [
            send(other, address, begun["publish_id"], "bytes 0-4/5"),
            send(browser, address, begun["publish_id"], "bytes 1-5/6"),
            send(browser, address, begun["publish_id"], "bytes 0-4/5"),
        ]
        emulator.posts.fail(begun["publish_id"], "spam_risk")
        wait_until(lambda: any(delivery.delivered for delivery in emulator.webhooks.deliveries))
        followed = browser.post(f"{address}/posts/status/fetch", json=status).json()
        foreign = other.post(f"{address}/posts/status/fetch", json=status)

    assert "unaudited_client" in refused.json()["detail"]
    assert begun.keys() == {"publish_id", "event"}
    assert statuses == [404, 400, 201]
    assert (followed["status"], followed["fail_reason"]) == ("FAILED", "spam_risk")
    assert followed["event"] == "post.publish.failed"
    assert "token_not_authorized" in foreign.json()["detail"]


@pytest.mark.browser
@pytest.mark.soak
def test_video_is_posted_in_a_real_browser(address: str, emulator: Emulator, page: Page, tmp_path: Path) -> None:
    video = tmp_path / "bowls.mp4"
    video.write_bytes(bytes(SIZE))
    page.goto(address)
    page.get_by_role("link", name="Continue with TikTok").click()
    page.get_by_role("button", name="Continue").click()

    page.get_by_label("Caption").fill("Bowls <b>& more</b>")
    page.get_by_label("Who can see it").select_option("SELF_ONLY")
    page.get_by_label("Video").set_input_files(video)
    page.get_by_role("button", name="Post to TikTok").click()
    expect(page.get_by_role("status")).to_contain_text("PUBLISH_COMPLETE")

    expect(page.get_by_role("progressbar")).to_have_attribute("value", "1")
    [post] = emulator.posts
    assert (post.title, post.privacy_level) == ("Bowls <b>& more</b>", "SELF_ONLY")
    chunks = [exchange for exchange in emulator.exchanges if exchange.endpoint == "upload"]
    assert [chunk.request["content-range"] for chunk in chunks] == [
        f"bytes 0-{CHUNK - 1}/{SIZE}",
        f"bytes {CHUNK}-{2 * CHUNK - 1}/{SIZE}",
        f"bytes {2 * CHUNK}-{SIZE - 1}/{SIZE}",
    ]
    assert [chunk.status for chunk in chunks] == [206, 206, 201]
