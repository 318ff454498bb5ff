"""Events: one log record with fields for each login, refresh, sign-out, webhook and problem of the store."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from asgi_tiktok import LoginDenied, LoginRequired, MemoryStore, TikTok, TikTokAuthMiddleware, TikTokUser, Unavailable
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.events.event import Event
from tests.support.app import app
from tests.support.canaries import Canaries
from tests.support.clock import Clock
from tests.support.faults import FailingStore, FaultyTransport, raising, responding
from tests.support.login import approve_login, new_browser, sign_in, start_login
from tests.support.people import AMARA, JUN
from tests.support.settings import CALLBACK, LOGOUT, SAME_ORIGIN, WEBHOOK
from tests.support.tiktok import fetch_token, new_tiktok
from tests.support.webhooks import sign_webhook, webhook_body

PAGE = (Path(__file__).parent.parent / "docs/observability.md").read_text()

Fields = dict[str, Any]


@pytest.fixture
def reported(caplog: pytest.LogCaptureFixture) -> Callable[[], list[Fields]]:
    """Return a function that returns the fields of the events since its last call."""
    caplog.set_level(logging.DEBUG, "asgi_tiktok")

    def read() -> list[Fields]:
        fields = [{name: value for name, value in vars(each).items() if "tiktok_" in name} for each in caplog.records]
        caplog.clear()
        return [{name.removeprefix("tiktok_"): value for name, value in each.items()} for each in fields if each]

    return read


def names(events: list[Fields]) -> list[str]:
    return [each["event"] for each in events]


def test_user_can_be_followed_from_the_login_to_the_sign_out(
    browser: TestClient, emulator: Emulator, reported: Callable[[], list[Fields]]
) -> None:
    sign_in(browser, emulator)
    browser.get("/me")
    browser.post(LOGOUT, headers=SAME_ORIGIN)
    started, done, signed_out = reported()

    assert names([started, done, signed_out]) == ["login.started", "login.done", "sign_out.done"]
    assert done["log_id"] == emulator.exchanges[-1].log_id
    assert done["user"] == signed_out["user"]
    assert done["session"] == signed_out["session"]
    assert re.fullmatch("[0-9a-f]{16}", done["user"])
    sign_in(browser, emulator, person=JUN)
    assert reported()[-1]["user"] != done["user"]


def test_open_ids_are_logged_only_on_request(
    emulator: Emulator, reported: Callable[[], list[Fields]], canaries: Canaries
) -> None:
    canaries.open_ids.clear()
    browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator), log_open_ids=True)))
    sign_in(browser, emulator)

    assert reported()[-1]["user"] == AMARA.open_id


def test_each_login_that_fails_is_one_event(
    emulator: Emulator, store: MemoryStore, reported: Callable[[], list[Fields]]
) -> None:
    transport = FaultyTransport(emulator)
    transport.path = "/v2/oauth/token/"
    tiktok = new_tiktok(transport, store=store)
    browser = new_browser(TikTokAuthMiddleware(app, tiktok))

    @tiktok.on_login
    async def no_jun(user: TikTokUser, request: Request) -> None:
        if user.open_id == JUN.open_id:
            raise LoginDenied("Not you.")

    browser.get(emulator.consent(start_login(browser), decision="deny"))
    browser.get(approve_login(browser, emulator, person=JUN))
    browser.get(f"{CALLBACK}?code=c&state={'A' * 43}")
    transport.fault = responding(503, json={}, headers={"x-tt-logid": "20261127LOGID"})
    page = browser.get(approve_login(browser, emulator))
    cancelled, refused, lost, failed = [each for each in reported() if each["event"] != "login.started"]

    assert (cancelled["event"], cancelled["code"]) == ("login.denied", "access_denied")
    assert (refused["event"], refused["code"]) == ("login.denied", "login_denied")
    assert re.fullmatch("[0-9a-f]{16}", refused["user"])
    assert (lost["event"], lost["error"], lost["cause"]) == ("login.lost", "LoginLost", "never_begun")
    assert (failed["event"], failed["stage"], failed["log_id"]) == ("login.failed", "token", "20261127LOGID")
    assert failed["reference"] in page.text


@pytest.mark.anyio
async def test_refresh_that_can_never_succeed_calls_the_hook_once(
    emulator: Emulator, store: MemoryStore, clock: Clock, reported: Callable[[], list[Fields]]
) -> None:
    """The first attempt does not reach TikTok, the second one succeeds, and the third one is refused for good."""
    transport = FaultyTransport(emulator)
    transport.path = "/v2/oauth/token/"
    tiktok = new_tiktok(transport, store=store)
    called: list[tuple[str, LoginRequired]] = []

    @tiktok.on_refresh_failed
    async def broken(open_id: str, error: LoginRequired) -> None:
        raise RuntimeError("the app's own mistake")

    @tiktok.on_refresh_failed
    async def remember(open_id: str, error: LoginRequired) -> None:
        called.append((open_id, error))

    await tiktok._tokens.save(await fetch_token(tiktok, emulator))
    clock.advance(hours=3)
    transport.fault = raising(httpx2.ConnectError("refused"))
    with pytest.raises(Unavailable):
        await tiktok.token(AMARA.open_id)
    transport.fault = None
    clock.advance(10)
    await tiktok.token(AMARA.open_id)
    assert called == []
    emulator.grants.remove(tiktok._client.client_key, AMARA.open_id)
    clock.advance(hours=3)
    for _ in range(2):
        with pytest.raises(LoginRequired):
            await tiktok.token(AMARA.open_id)
    failed, done, ended = reported()

    assert names([failed, done, ended]) == ["refresh.failed", "refresh.done", "refresh.ended"]
    assert failed["user"] == done["user"] == ended["user"]
    assert (failed["error"], ended["log_id"]) == ("Unavailable", emulator.exchanges[-1].log_id)
    assert [(open_id, error.log_id) for open_id, error in called] == [(AMARA.open_id, ended["log_id"])]


@pytest.mark.anyio
async def test_of_two_workers_one_calls_the_hook(emulator: Emulator, store: MemoryStore, clock: Clock) -> None:
    workers = [new_tiktok(httpx2.ASGITransport(emulator), store=store) for _ in range(2)]
    called: list[str] = []

    async def remember(open_id: str, error: LoginRequired) -> None:
        called.append(open_id)

    await workers[0]._tokens.save(await fetch_token(workers[0], emulator))
    emulator.grants.remove(workers[0]._client.client_key, AMARA.open_id)
    clock.advance(hours=3)
    for worker in workers:
        worker.on_refresh_failed(remember)
    refused = await asyncio.gather(*(each.token(AMARA.open_id) for each in workers), return_exceptions=True)

    assert [type(error) for error in refused] == [LoginRequired, LoginRequired]
    assert called == [AMARA.open_id]


def test_webhooks_are_events(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, reported: Callable[[], list[Fields]]
) -> None:
    sign_in(browser, emulator)
    login = reported()[-1]
    body = webhook_body()

    @tiktok.on_event
    async def fail_once(event: object) -> None:
        if not seen:
            seen.append(event)
            raise RuntimeError("the app's own mistake")

    seen: list[object] = []
    for signature in (sign_webhook(b"another"), sign_webhook(body), sign_webhook(body), sign_webhook(body)):
        browser.post(WEBHOOK, content=body, headers={"tiktok-signature": signature})
    refused, failed, done = reported()

    assert names([refused, failed, done]) == ["webhook.refused", "webhook.failed", "webhook.done"]
    assert (done["type"], done["user"]) == ("authorization.removed", login["user"])


def test_store_that_fails_is_an_event(emulator: Emulator, reported: Callable[[], list[Fields]]) -> None:
    store = FailingStore()
    browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator), store=store)))
    callback_url = approve_login(browser, emulator)
    store.failures = {"set": 1}
    browser.get(callback_url)
    store.failures = {"delete": 1}
    browser.post(LOGOUT, headers=SAME_ORIGIN)
    saving, done, signing_out = reported()[1:]

    assert names([saving, done, signing_out]) == ["store.failed", "login.done", "store.failed"]
    assert saving["code"] == signing_out["code"] == "store_unavailable"
    assert "reference" in signing_out


@pytest.mark.anyio
async def test_app_that_ends_sessions_reports_it(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, reported: Callable[[], list[Fields]]
) -> None:
    sign_in(browser, emulator)
    login = reported()[-1]
    [session] = await tiktok.sessions_of(AMARA.open_id)
    await tiktok.end_session(session.id)
    await tiktok.end_session(session.id)
    await tiktok.end_sessions(AMARA.open_id)
    one, every = reported()

    assert one == {"event": "sign_out.forced", "session": login["session"]}
    assert every == {"event": "sign_out.forced", "user": login["user"], "sessions": 0}


def test_page_lists_each_event_and_each_field() -> None:
    rows = re.findall(r"^\| (`[\w.]+`(?:, `\w+`)*) \|", PAGE, re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    fields = "user session flow error code stage cause log_id reference sessions type"

    assert listed >= {event.value for event in Event}
    assert listed >= {f"tiktok_{name}" for name in fields.split()}


def test_logging_configuration_of_the_page_writes_lines_of_json(
    browser: TestClient, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    logger = logging.getLogger("asgi_tiktok")
    before = logger.handlers[:], logger.level
    try:
        exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0], {})  # noqa: S102
        sign_in(browser, emulator)
    finally:
        logger.handlers, logger.level = before
    [line] = map(json.loads, stream.getvalue().splitlines())

    assert line["message"].startswith("signed in: session ")
    assert line["tiktok_event"] == "login.done"
