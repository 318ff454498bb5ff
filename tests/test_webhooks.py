"""Webhooks: the events that TikTok sends."""

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import (
    ConfigurationError,
    MemoryStore,
    StoreError,
    TikTok,
    TikTokAuthMiddleware,
    WebhookEvent,
    WebhookRefused,
)
from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.emulator import DEFAULT_APP, Emulator
from asgi_tiktok.routes import webhooks
from asgi_tiktok.routes.webhooks import check_signature
from asgi_tiktok.stores import lease
from tests.support.app import app
from tests.support.clock import Clock
from tests.support.login import display_name, new_browser, sign_in
from tests.support.people import AMARA
from tests.support.requests import send_request
from tests.support.settings import ORIGIN, WEBHOOK
from tests.support.tiktok import new_tiktok
from tests.support.webhooks import sign_webhook, webhook_body

BODY = webhook_body()
WEBHOOK_APP = replace(DEFAULT_APP, webhook_url=ORIGIN + WEBHOOK)


def send(browser: TestClient, body: bytes, signature: str | None = None) -> httpx2.Response:
    headers = {"tiktok-signature": sign_webhook(body) if signature is None else signature}
    response: httpx2.Response = browser.post(WEBHOOK, content=body, headers=headers)
    return response


def test_user_who_disconnects_the_app_is_signed_out_everywhere(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, store: MemoryStore
) -> None:
    calls: list[tuple[str, WebhookEvent]] = []

    @tiktok.on_deauthorized
    async def clean_up(event: WebhookEvent) -> None:
        calls.append(("deauthorized", event))

    @tiktok.on_event
    async def record(event: WebhookEvent) -> None:
        calls.append(("event", event))

    sign_in(browser, emulator)
    response = send(browser, webhook_body())

    assert response.status_code == 200
    assert "set-cookie" not in response.headers
    assert display_name(browser) == ""
    assert not any(key.startswith(("session:", "token:")) for key in store._records)
    assert [kind for kind, _ in calls] == ["deauthorized", "event"]
    event = calls[0][1]
    assert (event.event, event.open_id, event.content) == ("authorization.removed", AMARA.open_id, {"reason": 1})
    assert event.consented_at == pytest.approx(event.create_time, abs=5)
    assert not event.consented_again


def test_late_event_does_not_end_a_newer_consent(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, store: MemoryStore, clock: Clock
) -> None:
    """The user disconnects the app and signs in again. TikTok's event comes after that."""
    events: list[WebhookEvent] = []

    @tiktok.on_deauthorized
    async def record(event: WebhookEvent) -> None:
        events.append(event)

    phone = new_browser(browser.app)
    sign_in(phone, emulator)
    clock.advance(hours=1)
    removal = webhook_body()
    clock.advance(hours=1)
    sign_in(browser, emulator)
    clock.advance(hours=69)

    assert send(browser, removal).status_code == 200
    assert (display_name(phone), display_name(browser)) == ("", AMARA.display_name)
    assert any(key.startswith("token:") for key in store._records)
    assert events[0].consented_at == pytest.approx(events[0].create_time + 3600, abs=5)
    assert events[0].consented_again


def test_late_event_does_not_end_a_newer_session_without_tokens(emulator: Emulator) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), keep_tokens=False)
    browser = new_browser(TikTokAuthMiddleware(app, tiktok))
    sign_in(browser, emulator)

    assert send(browser, webhook_body(create_time=int(time.time()) - 3600)).status_code == 200
    assert display_name(browser) == AMARA.display_name
    assert send(browser, webhook_body()).status_code == 200
    assert display_name(browser) == ""


def test_event_that_is_sent_again_is_processed_once(browser: TestClient, tiktok: TikTok) -> None:
    events: list[str] = []

    @tiktok.on_event
    async def record(event: WebhookEvent) -> None:
        events.append(event.event)

    body = webhook_body(event="post.publish.complete", content='{"publish_id": 9007199254740993}')
    assert send(browser, body).status_code == 200
    assert send(browser, body, sign_webhook(body, at=time.time() - 71 * 3600)).status_code == 200
    assert send(browser, webhook_body(event="something.new")).status_code == 200

    assert events == ["post.publish.complete", "something.new"]


def test_other_events_end_no_session(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator)

    assert send(browser, webhook_body(event="post.publish.complete")).status_code == 200
    assert display_name(browser) == AMARA.display_name


def test_event_without_a_user_is_accepted(browser: TestClient) -> None:
    facts = json.loads(webhook_body(event="portability.download.ready", content='{"request_id": 1}'))
    del facts["user_openid"]

    assert send(browser, json.dumps(facts).encode()).status_code == 200


def test_event_is_processed_again_after_a_hook_has_failed(
    browser: TestClient, tiktok: TikTok, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[str] = []

    @tiktok.on_event
    async def fail_once(event: WebhookEvent) -> None:
        attempts.append(event.event)
        if len(attempts) == 1:
            raise RuntimeError("the database is down")

    body = webhook_body(event="post.publish.complete")
    assert send(browser, body).status_code == 500
    assert "the database is down" in caplog.text
    assert send(browser, body).status_code == 200
    assert len(attempts) == 2


def test_event_is_processed_again_after_the_store_has_failed(
    browser: TestClient, emulator: Emulator, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*args: Any, **kwargs: Any) -> Any:
        raise StoreError("unavailable")

    sign_in(browser, emulator)
    body = webhook_body()
    with monkeypatch.context() as patch:
        patch.setattr(store, "delete", fail)
        assert send(browser, body).status_code == 503
    assert send(browser, body).status_code == 503
    for key in [key for key in store._records if key.startswith("webhook:")]:
        del store._records[key]  # as if a minute had passed
    assert send(browser, body).status_code == 200
    assert display_name(browser) == ""


@pytest.mark.parametrize(
    "age", [600, 2 * 3600, 71 * 3600, -290], ids=["10 minutes", "2 h", "71 h", "our clock is slow"]
)
def test_signature_is_accepted_for_72_hours(browser: TestClient, emulator: Emulator, age: int) -> None:
    """Whether TikTok signs a retry anew is unknown."""
    sign_in(browser, emulator)
    body = webhook_body()

    assert send(browser, body, sign_webhook(body, at=time.time() - age)).status_code == 200
    assert display_name(browser) == ""


@pytest.mark.anyio
async def test_retries_that_are_not_signed_anew_reach_an_app_that_was_down(tiktok: TikTok, clock: Clock) -> None:
    site = TikTokAuthMiddleware(app, tiktok)
    events: list[str] = []

    @tiktok.on_event
    async def record(event: WebhookEvent) -> None:
        events.append(event.event)

    sender = Emulator([WEBHOOK_APP], clock=clock, sign_retries=False)
    delivery = sender.webhooks.send(WEBHOOK_APP, "authorization.removed")
    sender.webhooks.transport = httpx2.ASGITransport(down)
    await sender.webhooks.deliver()
    sender.webhooks.transport = httpx2.ASGITransport(site)
    for _ in range(2):
        clock.advance(hours=71)
        delivery.next_at = clock()
        await sender.webhooks.deliver()

    assert [attempt.status for attempt in delivery.attempts] == [503, 200, 401]
    assert events == ["authorization.removed"]


@pytest.mark.anyio
async def test_hook_that_takes_longer_than_its_lease_runs_once(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Two workers receive the event, and the hook of the first runs longer than the lease and the limit."""
    monkeypatch.setattr(webhooks, "LEASE_TTL", 1)
    monkeypatch.setattr(webhooks, "HOOK_TIME", 0.1)
    monkeypatch.setattr(lease, "RENEW_INTERVAL", 0.2)
    calls: list[WebhookEvent] = []
    finish = asyncio.Event()

    async def slow(event: WebhookEvent) -> None:
        calls.append(event)
        await finish.wait()

    workers = [new_tiktok(store=store), new_tiktok(store=store)]
    sites = [TikTokAuthMiddleware(app, worker) for worker in workers]
    for worker in workers:
        worker.on_event(slow)
    first = asyncio.create_task(post_event(sites[0]))
    await asyncio.sleep(1.3)

    assert [await post_event(site) for site in sites] == [503, 503]
    assert "webhook hooks of authorization.removed still run after 0.1 seconds" in caplog.text
    finish.set()
    assert await first == 200
    assert [await post_event(site) for site in sites] == [200, 200]
    assert len(calls) == 1
    assert [key for key in store._records if "lease" in key] == []


@pytest.mark.anyio
async def test_hook_of_a_worker_that_died_runs_again(store: MemoryStore, clock: Clock) -> None:
    worker, survivor = new_tiktok(store=store), new_tiktok(store=store)
    calls: list[str] = []

    @worker.on_event
    async def die(event: WebhookEvent) -> None:
        calls.append("died")
        await asyncio.Event().wait()

    @survivor.on_event
    async def record(event: WebhookEvent) -> None:
        calls.append("survived")

    dying = asyncio.create_task(post_event(TikTokAuthMiddleware(app, worker)))
    await anyio.wait_all_tasks_blocked()
    site = TikTokAuthMiddleware(app, survivor)
    assert await post_event(site) == 503
    clock.advance(61)

    assert await post_event(site) == 200
    assert calls == ["died", "survived"]
    dying.cancel()


async def post_event(site: ASGIApp) -> int:
    headers = [("tiktok-signature", sign_webhook(BODY))]
    return (await send_request(site, "POST", WEBHOOK, headers=headers, body=BODY)).status


async def down(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(status_code=503)(scope, receive, send)


def test_signature_of_tiktoks_documentation_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_633_174_590)
    body = (
        b'{"client_key":"bwo2m45353a6k85","event":"authorization.removed","create_time":1615338610,'
        b'"user_openid":"u","content":"{\\"reason\\": 1 }"}'
    )
    signature = "t=1633174587,s=5851f03708d1829b5277abd72967e66eb1cac6d5a4e0d6afad79c451fe251929"
    check_signature(Secret("client_secret_example"), [signature], body, tolerance=300)
    with pytest.raises(WebhookRefused, match="The signature does not match"):
        check_signature(Secret("client_secret_example"), [signature], body + b" ", tolerance=300)


def test_webhook_tolerance_must_be_at_least_a_minute() -> None:
    with pytest.raises(ConfigurationError, match=r"webhook_tolerance=5 .* seconds"):
        new_tiktok(webhook_tolerance=5)
