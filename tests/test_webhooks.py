"""Webhooks: the events that TikTok sends."""

import json
import time
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import ConfigurationError, MemoryStore, StoreError, TikTok, WebhookEvent, WebhookRefused
from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.routes.webhooks import check_signature
from tests.support.login import display_name, sign_in
from tests.support.people import AMARA
from tests.support.settings import WEBHOOK
from tests.support.tiktok import new_tiktok
from tests.support.webhooks import sign_webhook, webhook_body


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
    assert calls[0][1] == WebhookEvent(
        event="authorization.removed", open_id=AMARA.open_id, create_time=1_615_338_610, content={"reason": 1}
    )


def test_event_that_is_sent_again_is_processed_once(browser: TestClient, tiktok: TikTok) -> None:
    events: list[str] = []

    @tiktok.on_event
    async def record(event: WebhookEvent) -> None:
        events.append(event.event)

    body = webhook_body(event="post.publish.complete", content='{"publish_id": 9007199254740993}')
    assert send(browser, body).status_code == 200
    assert send(browser, body, sign_webhook(body, at=time.time() - 100)).status_code == 200
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
