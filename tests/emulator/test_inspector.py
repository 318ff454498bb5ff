import re
from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest
from playwright.sync_api import Page, expect

from asgi_tiktok.emulator import CAST, DEFAULT_APP, DEFAULT_CLIENT_KEY, Emulator, RunningEmulator, run_emulator

from .wire import ALL_SCOPES, authorization_url, code_form, credentials

pytestmark = pytest.mark.browser

AMARA, *_ = CAST
WEBHOOK_APP = replace(DEFAULT_APP, webhook_url="http://127.0.0.1:9/hook")


@pytest.fixture
def tiktok() -> Iterator[RunningEmulator]:
    with run_emulator(Emulator([WEBHOOK_APP])) as running:
        yield running


@pytest.fixture
def app(tiktok: RunningEmulator) -> Iterator[httpx2.Client]:
    """The app's server."""
    with httpx2.Client(base_url=tiktok.url) as client:
        yield client


def sign_in(tiktok: RunningEmulator, app: httpx2.Client) -> str:
    form = code_form(tiktok.emulator.consent(authorization_url(scope=ALL_SCOPES)))
    return str(app.post("/v2/oauth/token/", data=form).json()["access_token"])


def status(app: httpx2.Client, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return app.get("/v2/user/info/", params={"fields": "open_id"}, headers=headers).status_code


def test_new_requests_appear_without_reload(page: Page, tiktok: RunningEmulator, app: httpx2.Client) -> None:
    page.goto(tiktok.url)
    assert page.url == f"{tiktok.url}/_emulator/"
    expect(page.get_by_text("No requests yet.")).to_be_visible()

    token = sign_in(tiktok, app)
    expect(page.locator(".exchanges li")).to_have_count(2)
    expect(page.locator(".grant h3")).to_contain_text(AMARA.display_name)
    page.locator("summary", has_text="token").click()
    expect(page.locator("details[open]")).to_contain_text("client_secret")

    app.post("/v2/oauth/token/", data=credentials(grant_type="refresh_token", refresh_token="old"))
    refused = page.locator("li.refused")
    expect(refused).to_contain_text("Refresh token is invalid or expired.")
    expect(refused).to_contain_text("Each refresh replaces it: save the new one")
    expect(page.locator("details[open]")).to_have_count(1)
    assert token not in page.content()
    assert WEBHOOK_APP.client_secret not in page.content()


def test_inspector_buttons_control_the_emulator(page: Page, tiktok: RunningEmulator, app: httpx2.Client) -> None:
    emulator = tiktok.emulator
    token = sign_in(tiktok, app)
    page.goto(tiktok.url)
    page.locator(".tokens li", has_text="access").get_by_role("button", name="Expire").click()
    expect(page.locator(".tokens li")).to_have_count(1)
    assert status(app, token) == 401

    page.get_by_label("Endpoint").select_option("user_info")
    page.get_by_label("Kind").select_option("429")
    page.get_by_role("button", name="Add fault").click()
    expect(page.get_by_text("The next 1 × user_info will fail: 429.")).to_be_visible()
    assert status(app, token) == 429
    page.get_by_role("button", name="Add fault").click()
    page.get_by_role("button", name="Clear faults").click()
    expect(page.get_by_role("button", name="Clear faults")).to_have_count(0)
    assert [*emulator.faults] == []

    page.get_by_role("button", name="+2 h").click()
    page.get_by_label(re.compile("Seconds")).fill("-200")
    page.get_by_role("button", name="Move").click()
    expect(page.get_by_text("The clock is moved")).to_be_visible()
    assert emulator.clock.offset == 7000
    page.get_by_role("button", name="Reset the clock").click()
    expect(page.get_by_text("The clock is moved")).to_have_count(0)

    page.get_by_label("Event").select_option("video.publish.completed")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("li.refused", has_text="video.publish.completed")).to_contain_text("does not respond")

    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Ended: disconnected.")).to_be_visible()
    assert (DEFAULT_CLIENT_KEY, AMARA.open_id) not in emulator.grants.grants
    page.get_by_role("button", name="Start over").click()
    expect(page.get_by_text("No grants yet.")).to_be_visible()


def test_posts_are_decided_with_buttons(page: Page, tiktok: RunningEmulator, app: httpx2.Client) -> None:
    form = code_form(tiktok.emulator.consent(authorization_url(scope="user.info.basic,video.upload")))
    token = app.post("/v2/oauth/token/", data=form).json()["access_token"]
    source_info = {"source": "FILE_UPLOAD", "video_size": 5, "chunk_size": 5, "total_chunk_count": 1}
    for _ in range(2):
        app.post(
            "/v2/post/publish/inbox/video/init/",
            headers={"Authorization": f"Bearer {token}"},
            json={"source_info": source_info},
        )
    draft, unfinished = tiktok.emulator.posts
    tiktok.emulator.posts.process(draft)
    tiktok.emulator.clock.move(2)
    page.goto(tiktok.url)

    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("PUBLISH_COMPLETE")).to_be_visible()
    tiktok.emulator.clock.move(2)
    page.get_by_role("button", name="Delete or make private").click()
    expect(page.get_by_text("publicly available", exact=True)).to_have_count(0)
    page.get_by_label("Reason").focus()  # as a person does; the page then keeps still
    page.get_by_label("Reason").select_option("spam_risk_text")
    page.get_by_role("button", name="Fail").click()
    expect(page.get_by_text("FAILED", exact=True)).to_be_visible()
    assert unfinished.moment(tiktok.emulator.clock()).fail_reason == "spam_risk_text"
    expect(page.get_by_role("button", name="Fail")).to_have_count(0)


def test_long_values_fit_narrow_and_wide_screens(page: Page) -> None:
    with run_emulator() as running:
        running.emulator.faults.add("token", "html")
        with httpx2.Client(base_url=running.url) as app:
            app.get(authorization_url(redirect_uri="https://example.com/" + "long" * 60))
            app.post("/v2/oauth/token/", data=credentials(code="x" * 300))
            sign_in(running, app)
        page.goto(running.url)
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            for summary in page.locator("details:not([open]) summary").all()[::-1]:
                summary.click()
            assert page.evaluate("document.documentElement.scrollWidth") == width


def test_qr_code_login_in_a_browser(page: Page, tiktok: RunningEmulator, app: httpx2.Client) -> None:
    form = {"client_key": DEFAULT_CLIENT_KEY, "scope": "user.info.basic,video.list"}
    qr = app.post("/v2/oauth/get_qrcode/", data=form).json()

    def ticket_and_status() -> str:
        answer = app.post("/v2/oauth/check_qrcode/", data=credentials(token=qr["token"])).json()
        return f"{answer['client_ticket']} {answer['status']}"

    page.goto(f"{tiktok.url}/_emulator/")
    page.get_by_role("link", name="Phone for QR code logins").click()
    page.get_by_label("Text of the QR code").fill(qr["scan_qrcode_url"].replace("tobefilled", "mine"))
    page.get_by_role("button", name="Scan this code").click()
    page.get_by_role("button", name="Scan").click()
    assert ticket_and_status() == "mine scanned"
    page.get_by_text("Rex Hollow").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("is banned from TikTok")
    page.get_by_text("Jun").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading")).to_have_text("You can put the phone away")
    assert ticket_and_status() == "mine confirmed"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
