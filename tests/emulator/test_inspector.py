import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import httpx2
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from asgi_tiktok.emulator import CAST, DEFAULT_APP, DEFAULT_CLIENT_KEY, Emulator, RunningEmulator, run_emulator
from tests.support.requirements import require_program
from tests.support.waiting import TIMEOUT

from .wire import ALL_SCOPES, authorization_url, code_form, credentials

pytestmark = [pytest.mark.browser, pytest.mark.soak]

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


def run_in_shell(command: str) -> str:
    """Return the body of the response to a curl command."""
    require_program("curl", "curl")
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=TIMEOUT, check=True)
    return done.stdout.partition("\n\n")[2]


def test_new_requests_appear_without_reload(page: Page, tiktok: RunningEmulator, app: httpx2.Client) -> None:
    page.goto(tiktok.url)
    assert page.url == f"{tiktok.url}/_emulator/"
    expect(page.get_by_text("No requests yet.")).to_be_visible()

    token = sign_in(tiktok, app)
    expect(page.locator(".requests > li")).to_have_count(2)
    expect(page.get_by_role("link", name="Requests")).to_have_text("Requests 2")
    page.locator("summary", has_text="token").click()
    expect(page.locator("details[open]")).to_contain_text("client_secret")

    app.post("/v2/oauth/token/", data=credentials(grant_type="refresh_token", refresh_token="old"))
    refused = page.locator("li.refused")
    expect(refused).to_contain_text("Refresh token is invalid or expired.")
    expect(refused).to_contain_text("Each refresh replaces it: save the new one")
    expect(page.locator("details[open]")).to_have_count(1)
    expect(page.locator("summary:focus")).to_contain_text("authorization_code")
    assert token not in page.content()
    assert WEBHOOK_APP.client_secret not in page.content()

    page.get_by_role("link", name="Grants").click()
    expect(page.get_by_role("heading", name=AMARA.display_name)).to_be_visible()


def test_requests_are_found_and_repeated_as_curl(page: Page, tiktok: RunningEmulator, app: httpx2.Client) -> None:
    token = sign_in(tiktok, app)
    for access_token in (token, "another"):
        status(app, access_token)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.clock.install()
    page.goto(tiktok.url)

    page.get_by_label("Only refused").check()
    expect(page.locator(".requests > li")).to_contain_text(["access_token_invalid"])
    page.get_by_label("Only refused").uncheck()
    page.get_by_role("searchbox").fill(f"user_info {token}")
    expect(page.locator(".requests > li")).to_have_count(1)
    page.reload()
    page.locator(".requests summary").focus()
    page.keyboard.press("Enter")
    page.clock.pause_at(datetime.now() + timedelta(hours=1))  # "Copied" is shown for a moment only
    page.get_by_role("link", name="Copy as curl").click()
    expect(page.get_by_role("link", name="Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    assert AMARA.open_id in run_in_shell(command)


def test_late_response_to_an_earlier_search_is_not_shown(
    page: Page, tiktok: RunningEmulator, app: httpx2.Client
) -> None:
    sign_in(tiktok, app)
    page.goto(tiktok.url)
    held: list[Route] = []
    page.route("**/*q=consent", lambda route: held.append(route))
    with page.expect_request("**/*q=consent"):
        page.get_by_role("searchbox").fill("consent")
    page.get_by_role("searchbox").fill("authorization_code")
    expect(page.locator(".requests .call")).to_have_text(["token"])

    with page.expect_response("**/*q=consent"):
        held[0].continue_()
    with page.expect_response("**/*q=authorization_code"):
        pass  # the page asks again each second
    assert page.url.endswith("?q=authorization_code")
    expect(page.locator(".requests .call")).to_have_text(["token"])


def test_curl_repeats_forms_and_json(tiktok: RunningEmulator, app: httpx2.Client) -> None:
    token = sign_in(tiktok, app)
    app.post("/v2/oauth/token/", data=credentials(grant_type="refresh_token", refresh_token="it's a & $(b)"))
    headers = {"Authorization": f"Bearer {token}"}
    app.post("/v2/video/query/?fields=id,title", headers=headers, json={"filters": {"video_ids": ["it's", "$a"]}})
    for exchange in [*tiktok.emulator.exchanges][2:]:
        run_in_shell(app.get(f"/_emulator/curl/{exchange.log_id}").text)
        again = tiktok.emulator.exchanges[-1]
        assert replace(again, log_id=exchange.log_id, at=exchange.at, answer=exchange.answer) == exchange

    consent = tiktok.emulator.exchanges[0]
    assert app.get(f"/_emulator/curl/{consent.log_id}").status_code == 404


def test_arrow_keys_move_between_requests(page: Page, tiktok: RunningEmulator, app: httpx2.Client) -> None:
    sign_in(tiktok, app)
    page.goto(tiktok.url)

    page.locator("summary", has_text="token").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("summary:focus")).to_contain_text("consent")
    page.keyboard.press("Home")
    expect(page.locator("summary:focus")).to_contain_text("token")


def test_old_tokens_are_folded_away(page: Page, tiktok: RunningEmulator, app: httpx2.Client) -> None:
    for _ in range(5):
        sign_in(tiktok, app)
    emulator = tiktok.emulator
    [grant] = emulator.grants.grants.values()
    oldest, newest = [value for value, _ in emulator.grants.active_tokens(grant) if value.startswith("act.")][::4]
    emulator.grants.expire(oldest)
    page.goto(f"{tiktok.url}/_emulator/grants")

    visible = page.locator(".tokens li:visible")
    expect(visible).to_have_count(6)
    expect(visible.first).to_contain_text(newest[:16])
    page.get_by_text("1 expired").click()
    expect(visible).to_have_count(7)
    expect(visible.last).to_contain_text(oldest[:16])


def test_inspector_buttons_control_the_emulator(page: Page, tiktok: RunningEmulator, app: httpx2.Client) -> None:
    emulator = tiktok.emulator
    token = sign_in(tiktok, app)
    page.goto(f"{tiktok.url}/_emulator/grants")
    page.locator(".tokens li", has_text="access").get_by_role("button", name="Expire").click()
    expect(page.locator(".tokens li:visible")).to_have_count(1)
    assert status(app, token) == 401

    page.get_by_role("link", name="Controls").click()
    page.get_by_label("Endpoint").select_option("user_info")
    page.get_by_label("Kind").select_option("429")
    page.get_by_role("button", name="Add fault").click()
    expect(page.get_by_text("The next 1 × user_info will fail: 429.")).to_be_visible()
    assert status(app, token) == 429
    expect(page.get_by_role("button", name="Clear faults")).to_have_count(0)
    page.get_by_role("button", name="Add fault").click()
    page.get_by_role("button", name="Clear faults").click()
    expect(page.get_by_role("button", name="Clear faults")).to_have_count(0)
    assert [*emulator.faults] == []

    page.get_by_role("button", name="+2 h").click()
    expect(page.get_by_text("The clock is moved")).to_be_visible()
    page.get_by_label(re.compile("Seconds")).fill("-200")
    with page.expect_navigation():
        page.get_by_role("button", name="Move").click()
    assert emulator.clock.offset == 7000
    page.get_by_role("button", name="Reset the clock").click()
    expect(page.get_by_text("The clock is moved")).to_have_count(0)
    assert page.url == f"{tiktok.url}/_emulator/controls"

    page.get_by_role("link", name="Webhooks").click()
    page.get_by_label("Event").select_option("video.publish.completed")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("li.refused", has_text="video.publish.completed")).to_contain_text("does not respond")

    page.get_by_role("link", name="Grants").click()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text("1 ended").click()
    expect(page.get_by_text("Ended: disconnected.")).to_be_visible()
    assert (DEFAULT_CLIENT_KEY, AMARA.open_id) not in emulator.grants.grants
    page.get_by_role("link", name="Controls").click()
    page.get_by_text("Start over …").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("link", name="Grants").click()
    expect(page.get_by_text("No grants yet.")).to_be_visible()


def test_forms_work_without_javascript(chromium: Browser, tiktok: RunningEmulator, app: httpx2.Client) -> None:
    sign_in(tiktok, app)
    with chromium.new_context(java_script_enabled=False) as context:
        plain = context.new_page()
        plain.goto(tiktok.url)
        plain.get_by_role("searchbox").fill("authorization_code")
        plain.keyboard.press("Enter")
        expect(plain.locator(".requests > li")).to_have_count(1)
        plain.goto(f"{tiktok.url}/_emulator/grants")
        plain.get_by_role("button", name="Revoke").click()
        expect(plain.get_by_text("1 ended")).to_be_visible()
        plain.goto(f"{tiktok.url}/_emulator/controls")
        plain.get_by_label("Endpoint").select_option("authorize")
        plain.get_by_label("Kind").select_option("wrong-types")
        plain.get_by_role("button", name="Add fault").click()
        expect(plain.get_by_role("alert")).to_contain_text("use another kind than")
        expect(plain.get_by_role("heading", name="Controls")).to_be_visible()


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
    page.goto(f"{tiktok.url}/_emulator/posts")

    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("PUBLISH_COMPLETE")).to_be_visible()
    tiktok.emulator.clock.move(2)
    page.get_by_role("button", name="Delete or make private").click()
    expect(page.get_by_text("publicly available", exact=True)).to_have_count(0)
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
        for tab in ("", "grants", "controls", "setup"):
            page.goto(f"{running.url}/_emulator/{tab}")
            page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
            for width in (320, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth") == width


def test_qr_code_login_in_a_browser(page: Page, tiktok: RunningEmulator, app: httpx2.Client) -> None:
    form = {"client_key": DEFAULT_CLIENT_KEY, "scope": "user.info.basic,video.list"}
    qr = app.post("/v2/oauth/get_qrcode/", data=form).json()

    def ticket_and_status() -> str:
        answer = app.post("/v2/oauth/check_qrcode/", data=credentials(token=qr["token"])).json()
        return f"{answer['client_ticket']} {answer['status']}"

    page.goto(f"{tiktok.url}/_emulator/setup")
    page.get_by_role("link", name="Phone for QR code logins").click()
    page.get_by_label("Text of the QR code").fill(qr["scan_qrcode_url"].replace("tobefilled", "mine"))
    page.get_by_role("button", name="Scan this code").click()
    page.get_by_role("button", name="Scan", exact=True).click()
    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    assert ticket_and_status() == "mine scanned"
    page.get_by_text("Rex Hollow").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("is banned from TikTok")
    page.get_by_text("Jun").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading")).to_have_text("You can put the phone away")
    assert ticket_and_status() == "mine confirmed"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
