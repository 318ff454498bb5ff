import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asgi_tiktok.emulator import CAST, DEFAULT_APP, DEFAULT_CLIENT_KEY, Emulator, Reason, run_emulator
from asgi_tiktok.emulator.endpoints.webhooks import EVENTS, RETRIES, signature
from asgi_tiktok.emulator.server import listen, serving, url_of
from tests.support.waiting import wait_until

from .wire import Clock, browser_of, credentials, sign_in

pytestmark = pytest.mark.anyio

AMARA, JUN, *_ = CAST
HOOK = "http://localhost:8000/hook"
WEBHOOK_APP = replace(DEFAULT_APP, webhook_url=HOOK)


class Receiver:
    """An app that receives webhooks and responds with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.app = Starlette(routes=[Route("/hook", self.receive, methods=["POST"])])

    async def receive(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.body()))
        return Response(status_code=self.status)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def webhook_emulator(clock: Clock, receiver: Receiver) -> Emulator:
    emulator = Emulator([WEBHOOK_APP], clock=clock)
    emulator.webhooks.transport = httpx2.ASGITransport(receiver.app)
    return emulator


def test_signature_matches_tiktoks() -> None:
    body = (
        b'{"client_key":"bwo2m45353a6k85","event":"authorization.removed","create_time":1615338610,'
        b'"user_openid":"u","content":"{\\"reason\\": 1 }"}'
    )

    assert signature("client_secret_example", 1633174587, body) == (
        "t=1633174587,s=5851f03708d1829b5277abd72967e66eb1cac6d5a4e0d6afad79c451fe251929"
    )


async def test_event_is_formatted_and_signed_like_tiktoks(webhook_emulator: Emulator, receiver: Receiver) -> None:
    webhook_emulator.webhooks.send(WEBHOOK_APP, "authorization.removed", "u", {"reason": 1})
    [delivery] = await webhook_emulator.webhooks.deliver()

    assert delivery.delivered
    [(headers, body)] = receiver.got
    assert body == (
        b'{"client_key":"sbemulatorclientkey","event":"authorization.removed","create_time":1800000000,'
        b'"user_openid":"u","content":"{\\"reason\\": 1 }"}'
    )
    digest = hmac.new(WEBHOOK_APP.client_secret.encode(), b"1800000000." + body, hashlib.sha256).hexdigest()
    assert headers["tiktok-signature"] == f"t=1800000000,s={digest}"
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("event", EVENTS)
async def test_every_event_has_default_content(webhook_emulator: Emulator, receiver: Receiver, event: str) -> None:
    webhook_emulator.webhooks.send(WEBHOOK_APP, event)
    await webhook_emulator.webhooks.deliver()

    body = json.loads(receiver.got[0][1])
    assert json.loads(body["content"]) == EVENTS[event]
    assert "user_openid" not in body


@pytest.mark.parametrize(("how", "reason"), [("revoke", 5), ("person", 1), ("banned", 4)])
async def test_ended_grant_sends_an_event(
    webhook_emulator: Emulator, receiver: Receiver, how: str, reason: int
) -> None:
    async with browser_of(webhook_emulator) as browser:
        tokens = await sign_in(browser, webhook_emulator)
        if how == "revoke":
            await browser.post("/v2/oauth/revoke/", data=credentials(token=tokens["access_token"]))
    if how == "person":
        webhook_emulator.grants.remove(DEFAULT_CLIENT_KEY, AMARA.open_id)
    if how == "banned":
        webhook_emulator.grants.remove(DEFAULT_CLIENT_KEY, AMARA.open_id, Reason.BANNED)
    assert not webhook_emulator.grants.remove(DEFAULT_CLIENT_KEY, AMARA.open_id)
    await webhook_emulator.webhooks.deliver()

    [(_, body)] = receiver.got
    event = json.loads(body)
    assert (event["event"], event["user_openid"]) == ("authorization.removed", AMARA.open_id)
    assert json.loads(event["content"]) == {"reason": reason}


async def test_app_without_webhook_url_gets_no_events(emulator: Emulator) -> None:
    async with browser_of(emulator) as browser:
        await sign_in(browser, emulator)
    emulator.grants.remove(DEFAULT_CLIENT_KEY, AMARA.open_id)

    assert await emulator.webhooks.deliver() == []


async def test_delivery_is_retried_for_72_hours(webhook_emulator: Emulator, receiver: Receiver) -> None:
    receiver.status = 503
    delivery = webhook_emulator.webhooks.send(WEBHOOK_APP, "authorization.removed")
    waits = []
    while delivery.next_at is not None:
        waits.append(delivery.next_at - webhook_emulator.clock())
        webhook_emulator.clock.move(waits[-1])
        await webhook_emulator.webhooks.deliver()
        assert await webhook_emulator.webhooks.deliver() == []

    assert waits == [0, *(60 * 2**number for number in range(12))]
    assert sum(waits) == RETRIES[-1] <= 72 * 3600 < 2 * RETRIES[-1] + 60
    assert [attempt.status for attempt in delivery.attempts] == [503] * 13
    assert not delivery.delivered
    signatures = {headers["tiktok-signature"] for headers, _ in receiver.got}
    assert (len(signatures), len({body for _, body in receiver.got})) == (13, 1)


async def test_missed_retries_are_skipped(webhook_emulator: Emulator, receiver: Receiver) -> None:
    receiver.status = 204
    delivery = webhook_emulator.webhooks.send(WEBHOOK_APP, "authorization.removed")
    await webhook_emulator.webhooks.deliver()
    receiver.status = 200
    webhook_emulator.clock.move(86400)
    await webhook_emulator.webhooks.deliver()

    assert [attempt.status for attempt in delivery.attempts] == [204, 200]
    assert await webhook_emulator.webhooks.deliver() == []


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:9/hook", "does not respond"),
        ("http://testserver/hook", "is not a loopback address"),
    ],
)
async def test_failed_delivery_records_the_problem(url: str, problem: str) -> None:
    app = replace(DEFAULT_APP, webhook_url=url)
    emulator = Emulator([app])
    emulator.webhooks.send(app, "authorization.removed")
    [delivery] = await emulator.webhooks.deliver()

    assert problem in delivery.attempts[0].problem
    assert delivery.next_at is not None
    assert DEFAULT_APP.client_secret not in repr(delivery)


@pytest.mark.parametrize(
    ("app", "event", "expected"),
    [
        (DEFAULT_APP, "authorization.removed", "has no webhook_url"),
        (WEBHOOK_APP, "authorization.remove", "is not an event of TikTok; did you mean authorization.removed?"),
    ],
)
def test_invalid_event_is_refused(webhook_emulator: Emulator, app: Any, event: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        webhook_emulator.webhooks.send(app, event)


def test_running_server_delivers_events(receiver: Receiver) -> None:
    with listen("127.0.0.1", 0) as listener, serving(receiver.app, [listener]):
        app = replace(DEFAULT_APP, webhook_url=f"{url_of('127.0.0.1', listener)}/hook")
        with run_emulator(Emulator([app])) as running:
            emulator = running.emulator
            receiver.status = 500
            delivery = emulator.webhooks.send(app, "authorization.removed")
            wait_until(lambda: len(delivery.attempts) == 1)
            receiver.status = 200
            emulator.clock.move(61)
            wait_until(lambda: delivery.delivered)
    assert len(receiver.got) == 2
