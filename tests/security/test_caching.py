"""What caches, referrers, histories and error reports get to see (L-01 to L-06)."""

import copy
import json
import logging
import pickle
import secrets
import traceback
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware, TikTokError
from asgi_tiktok.emulator import DEFAULT_CLIENT_SECRET, Emulator
from tests.support.browser import Browser
from tests.support.canaries import SECRET_KEY
from tests.support.people import AMARA, JUN
from tests.support.requests import RawResponse, send_request
from tests.support.settings import CALLBACK, FETCH, SESSION_COOKIE
from tests.support.tiktok import new_tiktok

pytestmark = pytest.mark.anyio

ROUTES = ("login", "callback", "logout", "session", "webhook")


class SharedCache:
    """A CDN that keeps what it may, and goes by Vary (RFC 9111 §4.1)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: list[tuple[str, dict[str, str], RawResponse]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        answer = self.find(scope["path"], headers)
        if answer is None:
            answer = await send_request(self.app, scope["method"], scope["path"], headers=headers.raw)
            leave = answer.headers.get("cache-control", "")
            if "public" in leave and "no-store" not in leave:
                names = [name.strip() for line in answer.headers.getlist("vary") for name in line.split(",")]
                self.kept.append((scope["path"], {name: headers.get(name, "") for name in names if name}, answer))
        await Response(answer.body, answer.status, dict(answer.headers))(scope, receive, send)

    def find(self, path: str, headers: Headers) -> RawResponse | None:
        for kept, vary, answer in self.kept:
            if kept == path and all(headers.get(name, "") == value for name, value in vary.items()):
                return answer
        return None


async def cacheable(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that thinks its pages are the same for everybody."""
    status = 404 if scope["path"].endswith(".css") else 200
    content = {"name": scope["user"].display_name}
    headers = {"Cache-Control": "public, s-maxage=31536000"}
    await JSONResponse(content, status_code=status, headers=headers)(scope, receive, send)


@pytest.mark.parametrize("route", ROUTES, ids="L-01 {}".format)
async def test_responses_of_our_routes_forbid_caching_framing_and_referrers(victim: Browser, route: str) -> None:
    path = f"/auth/tiktok/{route}"
    answers = [await victim.request(path, method=method) for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT")]
    answers += [await victim.request(path, headers=[("sec-purpose", "prefetch")])]
    answers += [await send_request(victim.app, "GET", path, headers=FETCH.items())]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["pragma"] == "no-cache"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        policy = answer.headers["content-security-policy"]
        assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))


async def test_l01_responses_that_end_a_login_are_not_cached(victim: Browser, emulator: Emulator) -> None:
    finished = await victim.request(await victim.approve_login())
    denied = await victim.request(emulator.consent(await victim.start_login(), decision="deny"))
    signed_out = await victim.sign_out()
    guarded = await victim.request("/studio")

    for answer in (finished, denied, signed_out, guarded):
        assert answer.headers["cache-control"] == "no-store"
    assert [answer.status for answer in (finished, denied, signed_out, guarded)] == [303, 403, 303, 303]


@pytest.mark.parametrize("path", ["/account", "/account/x.css"], ids=["L-01 page", "L-02 deception"])
async def test_shared_cache_never_serves_the_page_of_another_user(
    tiktok: TikTok, emulator: Emulator, path: str
) -> None:
    site = SharedCache(TikTokAuthMiddleware(cacheable, tiktok))
    amara, jun, nobody = (Browser(TikTokAuthMiddleware(cacheable, tiktok), emulator) for _ in range(3))
    await amara.visit(await amara.approve_login())
    await jun.visit(await jun.approve_login(person=JUN))
    for browser, name in ((amara, AMARA.display_name), (jun, JUN.display_name), (nobody, "")):
        browser.app = site
        for _ in range(2):
            assert (await browser.request(path)).json() == {"name": name}


async def test_l01_response_that_sets_our_cookie_is_private(tiktok: TikTok) -> None:
    site = TikTokAuthMiddleware(cacheable, tiktok)
    answer = await send_request(site, "GET", "/", headers=[("cookie", f"{SESSION_COOKIE}=forged")])

    assert answer.set_cookie_lines
    assert answer.headers.getlist("cache-control") == ["private, no-store"]


START = {"type": "http.response.start", "status": 200, "headers": []}
END: Message = {"type": "http.response.body"}
PARTS: dict[str, list[Message]] = {
    "L-01 whole": [START, {"type": "http.response.body", "body": b"whole"}],
    "L-01 streamed": [START, {"type": "http.response.body", "body": b"a", "more_body": True}, END],
    "L-01 flushed early": [START, {"type": "http.response.body", "more_body": True}, END],
    "L-01 no headers": [{"type": "http.response.start", "status": 200}, END],
    "L-01 a file by its path": [START, {"type": "http.response.pathsend", "path": "/x"}],
    "L-01 no content": [{**START, "status": 204}, END],
    "L-01 not modified": [{**START, "status": 304}, END],
    "L-01 redirect": [{**START, "status": 307}, END],
    "L-01 hints before": [{"type": "http.response.debug", "info": {}}, START, END],
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS.keys())
async def test_our_cookie_is_added_to_every_kind_of_response(tiktok: TikTok, parts: list[Message]) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        for part in parts:
            await send({**part})

    for method in ("GET", "HEAD", "POST"):
        answer = await send_request(
            TikTokAuthMiddleware(inner, tiktok), method, "/", headers=[("cookie", f"{SESSION_COOKIE}=forged")]
        )
        assert set(answer.set_cookie_lines) == {SESSION_COOKIE}
        assert answer.headers["vary"] == "Cookie"
        assert answer.headers["cache-control"] == "private, no-store"


async def test_l03_callback_redirects_to_a_clean_address(victim: Browser) -> None:
    answer = await victim.request(await victim.approve_login())

    assert (answer.status, answer.location, answer.body) == (303, "/me", b"")
    assert urlsplit((await victim.visit(await victim.approve_login())).url).query == ""


@pytest.mark.parametrize("path", [CALLBACK, "/auth/tiktok/logout"], ids="L-03 {}".format)
async def test_our_pages_load_no_resources(victim: Browser, path: str) -> None:
    page = (await victim.request(path)).text

    assert '<meta name="referrer" content="no-referrer">' in page
    for loader in ("http:", "https:", "src=", "url(", "@import", "<script", "<link", "<iframe", "<base"):
        assert loader not in page


async def test_l04_what_the_app_can_print_contains_no_secret(
    tiktok: TikTok, emulator: Emulator, canaries: Any
) -> None:
    seen: list[Scope] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await PlainTextResponse("ok")(scope, receive, send)

    site = TikTokAuthMiddleware(inner, tiktok)
    victim = Browser(site, emulator)
    await victim.visit(await victim.approve_login())
    scope = {name: value for name, value in seen[-1].items() if name != "headers"}
    user = scope["user"]
    told = [
        repr(scope),
        repr(vars(site)),
        repr(tiktok),
        str(user),
        json.dumps(user.to_dict()),
        repr(copy.deepcopy(user)),
    ]

    canaries.secrets |= {victim.session_cookie.partition(".")[0]}
    for text in told:
        canaries.check("what the app may print", text)
    assert pickle.loads(pickle.dumps(user)) == user  # noqa: S301
    assert canaries.found == []


@pytest.mark.parametrize(
    "broken",
    [503, 302, 200, httpx2.ConnectError("no route")],
    ids=["L-05 away", "L-05 moved", "L-05 page", "L-05 cut"],
)
async def test_error_after_a_failure_of_tiktok_contains_no_secret(broken: int | Exception) -> None:
    code, code_verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)

    def answer(request: httpx2.Request) -> httpx2.Response:
        if isinstance(broken, Exception):
            raise broken
        return httpx2.Response(broken, text="<html>", headers={"location": "https://evil.test/"})

    client = new_tiktok(httpx2.MockTransport(answer))._client
    with pytest.raises(TikTokError) as caught:
        await client.fetch_token(code, code_verifier=code_verifier)
    error = caught.value

    for text in (str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))):
        for secret in (code, code_verifier, DEFAULT_CLIENT_SECRET, SECRET_KEY):
            assert secret not in text


async def test_l04_query_of_the_callback_is_never_logged(victim: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    back = await victim.approve_login()
    await victim.request(back)
    query = parse_qs(urlsplit(back).query)

    lines = "\n".join(record.getMessage() for record in caplog.records)
    assert "signed in: session" in lines
    for secret in (query["code"][0], query["state"][0], victim.session_cookie.partition(".")[0], "canary"):
        assert secret not in lines


@pytest.fixture
def asked_of_store(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were looked up."""
    keys: list[str] = []
    get = store.get

    async def listening(key: str) -> bytes | None:
        keys.append(key)
        return await get(key)

    monkeypatch.setattr(store, "get", listening)
    return keys


async def test_l06_store_is_not_read_for_a_forged_session_id(victim: Browser, asked_of_store: list[str]) -> None:
    """So the time of an answer tells a forger nothing about which sessions there are."""
    await victim.sign_in()
    asked_of_store.clear()
    known, signature = victim.session_cookie.split(".")
    for value in (f"{known}.{'0' * len(signature)}", f"{'A' * len(known)}.{signature}", known):
        await send_request(victim.app, "GET", "/me", headers=[("cookie", f"{SESSION_COOKIE}={value}")])
    assert asked_of_store == []
    await victim.display_name()
    assert len(asked_of_store) == 1


async def test_l06_store_is_not_read_for_a_forged_state(victim: Browser, asked_of_store: list[str]) -> None:
    state = parse_qs(urlsplit(await victim.start_login()).query)["state"][0]
    for forged in ("A" * 43, state[:-8] + "A" * 8, "B" + state[1:]):
        assert (await victim.request(f"{CALLBACK}?code=c&state={forged}")).status == 400

    assert asked_of_store == []
