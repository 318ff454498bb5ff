"""Only an event that TikTok has signed for this app is processed (V-01 to V-10)."""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator

import anyio
import pytest
from starlette.types import ASGIApp

from asgi_tiktok import MemoryStore, TikTok, WebhookEvent
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.people import AMARA, JUN
from tests.support.requests import RawResponse, send_request
from tests.support.settings import ORIGIN, WEBHOOK
from tests.support.webhooks import sign_webhook, webhook_body

pytestmark = pytest.mark.anyio

BODY = webhook_body()
ZEROS = "0" * 64


async def send_event(site: ASGIApp, body: bytes, *signatures: str) -> RawResponse:
    """Send an event with these TikTok-Signature headers."""
    headers = [("tiktok-signature", signature) for signature in signatures]
    return await send_request(site, "POST", WEBHOOK, headers=headers, body=body)


def sign_with_sha1(body: bytes) -> str:
    moment = str(int(time.time()))
    return (
        f"t={moment},s={hmac.new(DEFAULT_CLIENT_SECRET.encode(), f'{moment}.'.encode() + body, 'sha1').hexdigest()}"
    )


def sign_without_time(body: bytes) -> str:
    return f"t={int(time.time())},s={hmac.new(DEFAULT_CLIENT_SECRET.encode(), body, 'sha256').hexdigest()}"


def hash_without_secret(body: bytes) -> str:
    moment = int(time.time())
    return f"t={moment},s={hashlib.sha256(f'{moment}.'.encode() + body).hexdigest()}"


def time_and_signature(body: bytes) -> tuple[int, str]:
    moment, _, signature = sign_webhook(body).removeprefix("t=").partition(",s=")
    return int(moment), signature


SIGNATURES: dict[str, Callable[[bytes], list[str]]] = {
    "V-01 none": lambda body: [],
    "V-01 empty": lambda body: [""],
    "V-01 another secret": lambda body: [sign_webhook(body, secret="another-secret")],
    "V-01 an empty secret": lambda body: [sign_webhook(body, secret="")],
    "V-01 client_key as the secret": lambda body: [sign_webhook(body, secret=DEFAULT_CLIENT_KEY)],
    "V-01 another body": lambda body: [sign_webhook(body + b" ")],
    "V-01 SHA-1": lambda body: [sign_with_sha1(body)],
    "V-01 no secret": lambda body: [hash_without_secret(body)],
    "V-01 signature without the time": lambda body: [sign_without_time(body)],
    "V-01 time that was not signed": lambda body: [
        f"t={time_and_signature(body)[0] + 1},s={time_and_signature(body)[1]}"
    ],
    "V-01 zeros": lambda body: [f"t={time_and_signature(body)[0]},s={ZEROS}"],
    "V-02 two headers": lambda body: [sign_webhook(body), sign_webhook(body)],
    "V-02 two headers, one valid": lambda body: [sign_webhook(body), f"t=1,s={ZEROS}"],
    "V-02 no signature": lambda body: [f"t={time_and_signature(body)[0]}"],
    "V-02 no time": lambda body: [f"s={time_and_signature(body)[1]}"],
    "V-02 two times": lambda body: [f"t=1,{sign_webhook(body)}"],
    "V-02 two times, the valid one first": lambda body: [f"{sign_webhook(body)},t=1"],
    "V-02 two signatures": lambda body: [f"{sign_webhook(body)},s={ZEROS}"],
    "V-02 two signatures, the valid one last": lambda body: [sign_webhook(body).replace(",", f",s={ZEROS},")],
    "V-02 semicolon": lambda body: [sign_webhook(body).replace(",", ";")],
    "V-02 capital names": lambda body: [sign_webhook(body).replace("t=", "T=").replace("s=", "S=")],
    "V-02 capital digits": lambda body: [
        sign_webhook(body).replace(time_and_signature(body)[1], time_and_signature(body)[1].upper())
    ],
    "V-02 cut": lambda body: [sign_webhook(body)[:-1]],
    "V-02 one more digit": lambda body: [sign_webhook(body) + "0"],
    "V-02 quoted": lambda body: [sign_webhook(body).replace("s=", 's="') + '"'],
    "V-02 letters instead of a time": lambda body: [f"t=now,s={time_and_signature(body)[1]}"],
    "V-02 sign before the time": lambda body: [f"t=+{time_and_signature(body)[0]},s={time_and_signature(body)[1]}"],
    "V-02 underscore in the time": lambda body: [f"t=1_0,s={time_and_signature(body)[1]}"],
    "V-02 other digits": lambda body: [f"t=\u00b9\u00b2,s={time_and_signature(body)[1]}"],
    "V-02 a thousand digits": lambda body: [f"t={'9' * 1000},s={time_and_signature(body)[1]}"],
    "V-02 ten thousand fields": lambda body: ["x=1," * 10_000],
    "V-03 too old": lambda body: [sign_webhook(body, at=time.time() - 72 * 3600 - 2)],
    "V-03 from the future": lambda body: [sign_webhook(body, at=time.time() + 302)],
    "V-03 from 1970": lambda body: [sign_webhook(body, at=0)],
}


@pytest.mark.parametrize("signatures", SIGNATURES.values(), ids=SIGNATURES.keys())
async def test_event_without_a_valid_signature_changes_nothing(
    site: ASGIApp, tiktok: TikTok, store: MemoryStore, victim: Browser, signatures: Callable[[bytes], list[str]]
) -> None:
    events: list[WebhookEvent] = []

    @tiktok.on_event
    async def record(event: WebhookEvent) -> None:
        events.append(event)

    await victim.sign_in()
    records = dict(store._records)
    response = await send_event(site, BODY, *signatures(BODY))

    assert response.status == 401
    assert response.json()["error"] == "webhook_refused"
    assert not response.set_cookie_lines
    assert not events
    assert dict(store._records) == records
    assert await victim.display_name() == AMARA.display_name


INVALID_BODIES = {
    "V-04 empty": b"",
    "V-04 null": b"null",
    "V-04 list": b"[]",
    "V-04 string": b'"x"',
    "V-04 number": b"1e999",
    "V-04 cut off": b"{",
    "V-04 nothing": b"{}",
    "V-04 deep": b"[" * 10_000,
    "V-04 deep content": webhook_body(content="[" * 10_000),
    "V-04 not UTF-8": b"\xff",
    "V-04 form": b"event=authorization.removed",
    "V-04 content cut off": webhook_body(content="{"),
    "V-04 content a list": webhook_body(content="[]"),
    "V-04 content a number": webhook_body(content=7),
    "V-04 event a number": webhook_body(event=7),
    "V-04 time a string": webhook_body(create_time="now"),
    "V-04 time true": webhook_body(create_time=True),
    "V-04 open_id a number": webhook_body(user_openid=7),
    "V-04 open_id a list": webhook_body(user_openid=[AMARA.open_id]),
    "V-05 another app": webhook_body(client_key="another"),
    "V-05 no app": webhook_body(client_key=None),
    "V-05 a list of apps": webhook_body(client_key=[DEFAULT_CLIENT_KEY]),
    "V-05 another case": webhook_body(client_key=DEFAULT_CLIENT_KEY.upper()),
}


@pytest.mark.parametrize("body", INVALID_BODIES.values(), ids=INVALID_BODIES.keys())
async def test_signed_body_that_is_no_event_of_this_app_changes_nothing(
    site: ASGIApp, store: MemoryStore, victim: Browser, body: bytes
) -> None:
    await victim.sign_in()
    records = dict(store._records)

    assert (await send_event(site, body, sign_webhook(body))).status == 400
    assert dict(store._records) == records
    assert await victim.display_name() == AMARA.display_name


async def test_v06_endless_body_is_read_up_to_the_limit(site: ASGIApp) -> None:
    def endless_body() -> Iterator[bytes]:
        while True:
            yield b" " * 8192

    response = await send_request(
        site, "POST", WEBHOOK, headers=[("tiktok-signature", sign_webhook(BODY))], body=endless_body()
    )

    assert response.status == 413
    assert response.bytes_read <= 64 * 1024 + 8192


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "post"], ids="V-07 {}".format)
async def test_only_post_delivers_an_event(site: ASGIApp, store: MemoryStore, method: str) -> None:
    response = await send_request(
        site, method, WEBHOOK, headers=[("tiktok-signature", sign_webhook(BODY))], body=BODY
    )

    assert (response.status, response.headers["allow"]) == (405, "POST")
    assert not store._records


@pytest.mark.parametrize("at_once", [False, True], ids=["V-08 one after another", "V-08 at once"])
async def test_repeated_event_is_processed_once(site: ASGIApp, tiktok: TikTok, at_once: bool) -> None:
    events: list[WebhookEvent] = []
    statuses: list[int] = []

    @tiktok.on_event
    async def record(event: WebhookEvent) -> None:
        await anyio.sleep(0)
        events.append(event)

    async def deliver(number: int) -> None:
        # TikTok may sign a retry again, at another time.
        statuses.append((await send_event(site, BODY, sign_webhook(BODY, at=time.time() - number))).status)

    if at_once:
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(deliver, number)
    else:
        for number in range(20):
            await deliver(number)

    assert len(events) == 1
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= (1 if at_once else 20)


async def test_v08_late_replay_signs_nobody_out(site: ASGIApp, victim: Browser, clock: Clock) -> None:
    recorded_signature = sign_webhook(BODY)
    assert (await send_event(site, BODY, recorded_signature)).status == 200
    await victim.sign_in()
    clock.advance(hours=81)

    assert (await send_event(site, BODY, recorded_signature)).status == 401
    assert await victim.display_name() == AMARA.display_name


async def test_v09_session_does_not_authorize_an_event(victim: Browser, attacker: Browser) -> None:
    """A session does not authorize anybody to send events, and an event neither reads nor sets a cookie."""
    await victim.sign_in()
    await attacker.sign_in(JUN)
    body = webhook_body()
    for browser in (victim, attacker):
        response = await browser.request(WEBHOOK, method="POST", page=ORIGIN, body=body)
        assert response.status == 401
    response = await attacker.request(
        WEBHOOK, method="POST", headers=[("tiktok-signature", sign_webhook(body))], body=body
    )

    assert (response.status, response.body) == (200, b"")
    assert not response.set_cookie_lines
    assert await victim.display_name() == ""
    assert await attacker.display_name() == JUN.display_name, "the event was about another user"


async def test_v10_event_about_another_user_ends_no_session(site: ASGIApp, victim: Browser) -> None:
    await victim.sign_in()
    open_id = AMARA.open_id
    for other in (open_id.upper(), open_id.lower() + " ", open_id[:-1], open_id + "\0", "", None):
        body = webhook_body(user_openid=other)
        assert (await send_event(site, body, sign_webhook(body))).status in (200, 400)
        assert await victim.display_name() == AMARA.display_name


@pytest.mark.legitimate
async def test_v02_signature_header_may_contain_other_fields(site: ASGIApp) -> None:
    assert (await send_event(site, BODY, f"v=2, {sign_webhook(BODY)}, x=y=z")).status == 200
