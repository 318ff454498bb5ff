"""Errors and dumps of objects contain no secret, not even in the local variables of their frames (L-04)."""

import asyncio
import copy
import dataclasses
import json
import pickle
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp

from asgi_tiktok import TikTok, TikTokAuthMiddleware, TikTokError, Unavailable
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.routes.webhooks import Webhooks
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.canaries import Canaries
from tests.support.faults import FAULTS, FailingStore, FaultyTransport, raising, responding
from tests.support.people import AMARA
from tests.support.requests import send_request
from tests.support.settings import WEBHOOK
from tests.support.tiktok import new_tiktok
from tests.support.webhooks import sign_webhook, webhook_body

pytestmark = pytest.mark.anyio

TOKEN = "act.emulator.LeakCanary"
TIKTOK_FAULTS = {
    **{name: fault for name, (fault, _) in FAULTS.items()},
    "truncated token": responding(200, content=f'{{"access_token": "{TOKEN}",'.encode()),
    "no lifetime": responding(
        200, json={"access_token": TOKEN, "refresh_token": "rft.emulator.LeakCanary", "open_id": "x"}
    ),
    "no open_id": responding(
        200, json={"access_token": TOKEN, "expires_in": 7200, "refresh_token": "rft.emulator.LeakCanary"}
    ),
    "token of another user": responding(200, json={"access_token": TOKEN, "expires_in": 7200, "open_id": "x"}),
    "invalid grant": responding(400, json={"error": "invalid_grant", "error_description": "Used."}),
    "wrong secret": responding(401, json={"error": "invalid_client", "error_description": "Wrong."}),
    "API error": responding(401, json={"error": {"code": "access_token_invalid", "message": "Expired."}}),
}
ANOTHER_USER = "token of another user"
ACCEPTED_REVOCATIONS = {"empty", "nothing", "no lifetime", "no open_id", ANOTHER_USER}
"""Responses that are no error if they answer a revocation: status 200, and no error in the body."""


@pytest.fixture
def faulty(emulator: Emulator) -> FaultyTransport:
    return FaultyTransport(emulator)


@pytest.fixture
def tiktok(faulty: FaultyTransport) -> TikTok:
    return new_tiktok(faulty)


async def new_code(tiktok: TikTok, emulator: Emulator) -> tuple[str, str]:
    """Return an authorization code and its verifier."""
    verifier = secrets.token_urlsafe(32)
    callback_url = emulator.consent(tiktok._client.authorization_url(state="s", code_verifier=verifier))
    return parse_qs(urlsplit(callback_url).query)["code"][0], verifier


async def store_token(tiktok: TikTok, emulator: Emulator, *, expired: bool) -> None:
    code, verifier = await new_code(tiktok, emulator)
    token = await tiktok._client.fetch_token(code, code_verifier=verifier)
    await tiktok._tokens.save(replace(token, expires_at=int(time.time()) - 1) if expired else token)


async def call_api(tiktok: TikTok) -> object:
    async with tiktok.api(AMARA.open_id) as api:
        return await api.get("/v2/user/info/?fields=open_id")


async def fetch_user(tiktok: TikTok) -> object:
    return await tiktok._client.fetch_user(await tiktok.token(AMARA.open_id))


CALLS: dict[str, tuple[str, bool, Callable[[TikTok], Coroutine[Any, Any, object]]]] = {
    "token": ("/v2/oauth/token/", True, lambda tiktok: tiktok.token(AMARA.open_id)),
    "api with an expired token": ("/v2/oauth/token/", True, call_api),
    "disconnect": ("/v2/oauth/revoke/", False, lambda tiktok: tiktok.disconnect(AMARA.open_id)),
    "user": ("/v2/user/info/", False, fetch_user),
}


@pytest.mark.parametrize("fault", TIKTOK_FAULTS)
@pytest.mark.parametrize("call", CALLS)
async def test_error_raised_to_the_app_holds_no_secret(
    tiktok: TikTok,
    emulator: Emulator,
    faulty: FaultyTransport,
    canaries: Canaries,
    call: str,
    fault: str,
) -> None:
    path, expired, action = CALLS[call]
    await store_token(tiktok, emulator, expired=expired)
    faulty.path, faulty.fault = path, TIKTOK_FAULTS[fault]
    if call == "disconnect" and fault in ACCEPTED_REVOCATIONS:
        await action(tiktok)
    else:
        with pytest.raises(TikTokError) as caught:
            await action(tiktok)
        canaries.check_error("error", caught.value)
    assert faulty.calls == 1


@pytest.mark.parametrize("fault", TIKTOK_FAULTS)
async def test_error_of_the_client_holds_no_secret(
    tiktok: TikTok, emulator: Emulator, faulty: FaultyTransport, canaries: Canaries, fault: str
) -> None:
    code, verifier = await new_code(tiktok, emulator)
    faulty.path, faulty.fault = "/v2/oauth/token/", TIKTOK_FAULTS[fault]
    if fault == ANOTHER_USER:
        await tiktok._client.fetch_token(code, code_verifier=verifier)  # fetch_user compares the owners
    else:
        with pytest.raises(TikTokError) as caught:
            await tiktok._client.fetch_token(code, code_verifier=verifier)
        canaries.check_error("error", caught.value)
    assert faulty.calls == 1


async def replay(browser: Browser, store: FailingStore) -> None:
    callback_url = await browser.approve_login()
    await browser.request(callback_url)
    browser.jar.cookies.clear()
    await browser.request(callback_url)


async def forge(browser: Browser, store: FailingStore) -> None:
    await browser.request((await browser.approve_login()) + "A")


async def deny(browser: Browser, store: FailingStore) -> None:
    await browser.request(browser.emulator.consent(await browser.start_login(), decision="deny"))


async def complete_login_without_a_store(browser: Browser, store: FailingStore, step: str, times: int = 9) -> None:
    callback_url = await browser.approve_login()
    store.failures = {step: times}
    await browser.request(callback_url)


async def open_page_without_a_store(browser: Browser, store: FailingStore) -> None:
    await browser.sign_in()
    store.failures = {"get": 1}
    await browser.request("/studio")


async def sign_out_without_a_store(browser: Browser, store: FailingStore) -> None:
    await browser.sign_in()
    store.failures = {"delete": 1}
    await browser.sign_out()


async def sign_out_from_another_site(browser: Browser, store: FailingStore) -> None:
    await browser.sign_in()
    await browser.request("/auth/tiktok/logout", method="POST", page="https://evil.test")


async def send_event_with_a_wrong_signature(browser: Browser, store: FailingStore) -> None:
    headers = [("tiktok-signature", sign_webhook(b"another body"))]
    await send_request(browser.app, "POST", WEBHOOK, headers=headers, body=webhook_body())


async def send_event_without_a_store(browser: Browser, store: FailingStore) -> None:
    store.failures = {"add": 1}
    body = webhook_body()
    headers = [("tiktok-signature", sign_webhook(body))]
    await send_request(browser.app, "POST", WEBHOOK, headers=headers, body=body)


FAILURES: dict[str, Callable[[Browser, FailingStore], Coroutine[Any, Any, None]]] = {
    "replayed": replay,
    "forged": forge,
    "denied": deny,
    "no store for the marker": lambda browser, store: complete_login_without_a_store(browser, store, "add"),
    "no store for the session": lambda browser, store: complete_login_without_a_store(browser, store, "set"),
    "no store for a page": open_page_without_a_store,
    "no store for a sign-out": sign_out_without_a_store,
    "sign-out from another site": sign_out_from_another_site,
    "event with a wrong signature": send_event_with_a_wrong_signature,
    "no store for an event": send_event_without_a_store,
}


def site_with_error_tracker(tiktok: TikTok, errors: list[TikTokError]) -> ASGIApp:
    def on_error(connection: HTTPConnection, error: TikTokError) -> Response:
        errors.append(error)
        return Response(status_code=error.status_code)

    return TikTokAuthMiddleware(app, tiktok, protect=("/studio",), on_error=on_error)


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_error_passed_to_on_error_holds_no_secret(emulator: Emulator, canaries: Canaries, failure: Any) -> None:
    store, errors = FailingStore(), list[TikTokError]()
    site = site_with_error_tracker(new_tiktok(httpx2.ASGITransport(emulator), store=store), errors)
    await failure(Browser(site, emulator), store)

    assert errors
    for error in errors:
        canaries.check_error("on_error", error)


@pytest.mark.parametrize("fault", TIKTOK_FAULTS.values(), ids=TIKTOK_FAULTS)
async def test_fault_of_tiktok_passed_to_on_error_holds_no_secret(
    tiktok: TikTok, emulator: Emulator, faulty: FaultyTransport, canaries: Canaries, fault: Any
) -> None:
    errors = list[TikTokError]()
    browser = Browser(site_with_error_tracker(tiktok, errors), emulator)
    callback_url = await browser.approve_login()
    faulty.path, faulty.fault = "/v2/oauth/token/", fault
    await browser.request(callback_url)

    assert errors
    canaries.check_error("on_error", errors[0])


async def test_dump_of_our_objects_contains_no_secret(tiktok: TikTok, emulator: Emulator, canaries: Canaries) -> None:
    """Only a Token has its secrets in attributes, because the app needs them. Its repr omits them."""
    await store_token(tiktok, emulator, expired=False)
    token = await tiktok.token(AMARA.open_id)
    site = TikTokAuthMiddleware(app, tiktok)
    objects = [site, tiktok, tiktok._client, tiktok._keys, tiktok._keys.newest, Webhooks(tiktok), tiktok._sessions]
    for thing in [*objects, *vars(tiktok).values()]:
        canaries.check(f"repr of {thing!r}", repr(thing))
        if hasattr(thing, "__dict__"):
            canaries.check(f"vars of {thing!r}", repr(vars(thing)))
        for dump in (pickle.dumps, json.dumps):
            try:
                dumped = dump(thing)
            except (TypeError, AttributeError, pickle.PicklingError):
                continue
            canaries.check(f"{dump} of {thing!r}", str(dumped))
    canaries.check("token", f"{token!r} {token} {copy.deepcopy(token)!r} {[token]}")
    assert dataclasses.asdict(token)["access_token"] == token.access_token


@pytest.mark.parametrize("error", [RuntimeError("bug"), OSError(5, "I/O"), asyncio.CancelledError()], ids=repr)
@pytest.mark.parametrize(
    "endpoint", ["/v2/oauth/token/", "/v2/user/info/", "/v2/oauth/revoke/"], ids="L-04 {}".format
)
async def test_foreign_error_of_a_transport_holds_no_secret(
    tiktok: TikTok, emulator: Emulator, faulty: FaultyTransport, canaries: Canaries, error: Any, endpoint: str
) -> None:
    """An Exception becomes Unavailable. A cancellation propagates unchanged."""
    code, verifier = await new_code(tiktok, emulator)
    token = await tiktok._client.fetch_token(code, code_verifier=verifier)
    faulty.path, faulty.fault = endpoint, raising(error)
    calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "/v2/oauth/token/": lambda: tiktok._client.refresh_token(token.refresh_token or ""),
        "/v2/user/info/": lambda: tiktok._client.fetch_user(token),
        "/v2/oauth/revoke/": lambda: tiktok._client.revoke_token(token.access_token),
    }
    expected = Unavailable if isinstance(error, Exception) else type(error)
    with pytest.raises(expected) as caught:
        await calls[endpoint]()
    if expected is Unavailable:
        assert type(error).__name__ in str(caught.value)
    canaries.check_error("error", caught.value)


@pytest.mark.parametrize("error", [RuntimeError("bug"), OSError(5, "I/O"), httpx2.ReadError("reset")], ids=repr)
async def test_error_of_an_api_call_holds_no_token(
    tiktok: TikTok, emulator: Emulator, faulty: FaultyTransport, canaries: Canaries, error: Exception
) -> None:
    await store_token(tiktok, emulator, expired=False)
    faulty.path, faulty.fault = "/v2/user/info/", raising(error)
    with pytest.raises(httpx2.ReadError if isinstance(error, httpx2.ReadError) else Unavailable) as caught:
        await call_api(tiktok)
    canaries.check_error("error", caught.value)
