"""Caches, referrers, browser histories and error reports get nothing that they must not have (L-01 to L-08)."""

import copy
import json
import logging
import pickle
import re
import secrets
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware, TikTokError
from asgi_tiktok.emulator import DEFAULT_CLIENT_SECRET, Emulator
from tests.support.browser import Browser
from tests.support.canaries import SECRET_KEY
from tests.support.faults import FailingStore
from tests.support.people import AMARA, JUN
from tests.support.requests import RawResponse, send_request
from tests.support.settings import CALLBACK, FETCH, SESSION_COOKIE
from tests.support.tiktok import new_tiktok

pytestmark = pytest.mark.anyio

ROUTES = ("login", "callback", "logout", "session", "webhook")


class SharedCache:
    """A CDN that stores every response that allows it, and respects Vary (RFC 9111 §4.1).

    `hits` is the number of responses that it served without a request to the app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.stored: list[tuple[str, dict[str, str], RawResponse]] = []
        self.hits = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        response = self.find(scope["path"], headers)
        if response is None:
            response = await send_request(self.app, scope["method"], scope["path"], headers=headers.raw)
            lines = [value for name, value in response.headers.raw if name.lower() == b"cache-control"]
            directives = re.findall("[a-z-]+", b",".join(lines).decode().lower())
            if not {"public", "max-age", "s-maxage"}.isdisjoint(directives) and "no-store" not in directives:
                names = [name.strip() for line in response.headers.getlist("vary") for name in line.split(",")]
                vary = {name: headers.get(name, "") for name in names if name}
                self.stored.append((scope["path"], vary, response))
        else:
            self.hits += 1
        stored_headers = {name.decode(): value.decode() for name, value in response.headers.raw}
        await Response(response.body, response.status, stored_headers)(scope, receive, send)

    def find(self, path: str, headers: Headers) -> RawResponse | None:
        for stored_path, vary, response in self.stored:
            if stored_path == path and all(headers.get(name, "") == value for name, value in vary.items()):
                return response
        return None


async def cacheable(scope: Scope, receive: Receive, send: Send) -> None:
    """An app whose pages depend on the user, and which does not forbid shared caches to store them."""
    status = 404 if scope["path"].endswith(".css") else 200
    content = {"name": scope["user"].display_name}
    headers = {"Cache-Control": "max-age=31536000"}
    await JSONResponse(content, status_code=status, headers=headers)(scope, receive, send)


@pytest.mark.parametrize("route", ROUTES, ids="L-01 {}".format)
async def test_responses_of_our_routes_forbid_caching_framing_and_referrers(victim: Browser, route: str) -> None:
    path = f"/auth/tiktok/{route}"
    responses = [await victim.request(path, method=method) for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT")]
    responses += [await victim.request(path, headers=[("sec-purpose", "prefetch")])]
    responses += [await send_request(victim.app, "GET", path, headers=FETCH.items())]
    for response in responses:
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["pragma"] == "no-cache"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["x-content-type-options"] == "nosniff"
        # A login in a popup would be cut off from the page that opened it.
        is_redirect = response.status in (302, 303)
        assert response.headers.get("cross-origin-opener-policy") == (None if is_redirect else "same-origin")
        policy = response.headers["content-security-policy"]
        assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))


async def test_l01_responses_that_end_a_login_are_not_cached(victim: Browser, emulator: Emulator) -> None:
    finished = await victim.request(await victim.approve_login())
    denied = await victim.request(emulator.consent(await victim.start_login(), decision="deny"))
    signed_out = await victim.sign_out()
    guarded = await victim.request("/studio")

    for response in (finished, denied, signed_out, guarded):
        assert response.headers["cache-control"] == "no-store"
    assert [response.status for response in (finished, denied, signed_out, guarded)] == [303, 403, 303, 303]


@pytest.mark.parametrize("path", ["/account", "/account/x.css"], ids=["L-01 page", "L-02 deception"])
async def test_shared_cache_never_serves_the_page_of_another_user(
    tiktok: TikTok, emulator: Emulator, path: str
) -> None:
    site = SharedCache(TikTokAuthMiddleware(cacheable, tiktok))
    amara, jun, anonymous = (Browser(TikTokAuthMiddleware(cacheable, tiktok), emulator) for _ in range(3))
    await amara.visit(await amara.approve_login())
    await jun.visit(await jun.approve_login(person=JUN))
    for browser, name in ((amara, AMARA.display_name), (jun, JUN.display_name), (anonymous, "")):
        browser.app = site
        for _ in range(2):
            assert (await browser.request(path)).json() == {"name": name}
    assert (len(site.stored), site.hits) == (3, 3), "the cache was not used"


def answering(*headers: tuple[str, str]) -> ASGIApp:
    """An app that sends these headers."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raw = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": b"h1 { color: red }"})

    return app


SHARED = {
    "public": [("cache-control", "public, max-age=60")],
    "spelling": [("Cache-Control", "max-age=60,  PUBLIC")],
    "s-maxage": [("cache-control", "S-MaxAge=60")],
    "two headers": [("cache-control", "max-age=60"), ("cache-control", "public")],
    "another Vary": [("vary", "Accept-Encoding"), ("cache-control", "public")],
}


@pytest.mark.parametrize("headers", SHARED.values(), ids=map("L-07 {}".format, SHARED))
async def test_response_that_the_app_declares_shared_is_left_unchanged(
    tiktok: TikTok, emulator: Emulator, headers: list[tuple[str, str]]
) -> None:
    site = TikTokAuthMiddleware(answering(*headers), tiktok)
    signed_in, anonymous = Browser(site, emulator), Browser(site, emulator)
    await signed_in.sign_in()
    for browser in (signed_in, anonymous):
        response = await browser.request("/site.css")
        assert response.headers.raw == [(name.encode(), value.encode()) for name, value in headers]

    signed_in.app = anonymous.app = cache = SharedCache(site)
    for browser in (signed_in, anonymous):
        assert (await browser.request("/site.css")).body == b"h1 { color: red }"
    assert (len(cache.stored), cache.hits) == (1, 1)


NOT_SHARED = {
    "silent": [],
    "max-age": [("cache-control", "max-age=60")],
    "private": [("cache-control", "private, s-maxage=60")],
    "a name in quotes": [("cache-control", 'no-cache="x, public, y"')],
    "part of a word": [("cache-control", "max-age=60, publicly, x-s-maxage=60")],
    "another header": [("x-cache-control", "public")],
}


@pytest.mark.parametrize("headers", NOT_SHARED.values(), ids=map("L-07 {}".format, NOT_SHARED))
async def test_any_other_response_varies_with_the_cookie(tiktok: TikTok, headers: list[tuple[str, str]]) -> None:
    response = await send_request(TikTokAuthMiddleware(answering(*headers), tiktok), "GET", "/")

    assert response.headers["vary"] == "Cookie"


async def test_l01_response_that_sets_our_cookie_is_private(tiktok: TikTok) -> None:
    site = TikTokAuthMiddleware(cacheable, tiktok)
    response = await send_request(site, "GET", "/", headers=[("cookie", f"{SESSION_COOKIE}=forged")])

    assert response.set_cookie_lines
    assert response.headers.getlist("cache-control") == ["private, no-store"]


CACHING = {
    "Expires": "Thu, 01 Jan 2099 00:00:00 GMT",
    "CDN-Cache-Control": "max-age=60",  # RFC 9213
    "Cloudflare-CDN-Cache-Control": "max-age=60",
    "Netlify-CDN-Cache-Control": "public, durable, max-age=60",
    "Vercel-CDN-Cache-Control": "max-age=60",
    "Akamai-Cache-Control": "max-age=60",
    "X-LiteSpeed-Cache-Control": "public, max-age=60",
    "Surrogate-Control": "max-age=60",  # Fastly, Varnish
    "Edge-Control": "!no-store, max-age=60",  # Akamai
    "X-Accel-Expires": "60",  # nginx
    "Cache-Control": "public, s-maxage=60",
}


@pytest.mark.parametrize(("name", "value"), CACHING.items(), ids=map("L-08 {}".format, CACHING))
@pytest.mark.parametrize("spell", [str, str.lower], ids=["", "lower case"])
async def test_no_header_of_the_app_lets_a_cache_store_our_cookie(
    emulator: Emulator, spell: Callable[[str], str], name: str, value: str
) -> None:
    header = (spell(name), value)

    def on_error(connection: HTTPConnection, error: TikTokError) -> Response:
        response = PlainTextResponse(error.code, error.status_code)
        response.raw_headers.append((header[0].encode(), header[1].encode()))
        return response

    store = FailingStore()
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store)
    site = TikTokAuthMiddleware(answering(header), tiktok, on_error=on_error)
    browser = Browser(site, emulator)
    forged = await send_request(site, "GET", "/", headers=[("cookie", f"{SESSION_COOKIE}=forged")])
    denied = await browser.request(emulator.consent(await browser.start_login(), decision="deny"))
    await browser.sign_in()
    store.failures["delete"] = 1
    signed_out = await browser.sign_out()

    for response, cache_control in ((forged, "private, no-store"), (denied, "no-store"), (signed_out, "no-store")):
        assert response.set_cookie_lines
        sent = [(name.decode().lower(), value.decode()) for name, value in response.headers.raw]
        names = [name.lower() for name in CACHING]
        assert [header for header in sent if header[0] in names] == [("cache-control", cache_control)]
    assert (denied.body, signed_out.body) == (b"access_denied", b"store_unavailable")


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
    "L-01 another message before": [{"type": "http.response.debug", "info": {}}, START, END],
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS.keys())
async def test_our_cookie_is_added_to_every_kind_of_response(tiktok: TikTok, parts: list[Message]) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        for part in parts:
            await send({**part})

    for method in ("GET", "HEAD", "POST"):
        response = await send_request(
            TikTokAuthMiddleware(inner, tiktok), method, "/", headers=[("cookie", f"{SESSION_COOKIE}=forged")]
        )
        assert set(response.set_cookie_lines) == {SESSION_COOKIE}
        assert response.headers["vary"] == "Cookie"
        assert response.headers["cache-control"] == "private, no-store"


async def test_l03_callback_redirects_to_a_clean_address(victim: Browser) -> None:
    response = await victim.request(await victim.approve_login())

    assert (response.status, response.location, response.body) == (303, "/me", b"")
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
    printed = [
        repr(scope),
        repr(vars(site)),
        repr(tiktok),
        str(user),
        json.dumps(user.to_dict()),
        repr(copy.deepcopy(user)),
    ]

    canaries.secrets |= {victim.session_cookie.partition(".")[0]}
    for text in printed:
        canaries.check("what the app can print", text)
    assert pickle.loads(pickle.dumps(user)) == user  # noqa: S301
    assert canaries.found == []


@pytest.mark.parametrize(
    "fault",
    [503, 302, 200, httpx2.ConnectError("no route")],
    ids=["L-05 unavailable", "L-05 redirect", "L-05 HTML page", "L-05 no connection"],
)
async def test_error_after_a_failure_of_tiktok_contains_no_secret(fault: int | Exception) -> None:
    code, code_verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)

    def respond(request: httpx2.Request) -> httpx2.Response:
        if isinstance(fault, Exception):
            raise fault
        return httpx2.Response(fault, text="<html>", headers={"location": "https://evil.test/"})

    client = new_tiktok(httpx2.MockTransport(respond))._client
    with pytest.raises(TikTokError) as caught:
        await client.fetch_token(code, code_verifier=code_verifier)
    error = caught.value

    for text in (str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))):
        for secret in (code, code_verifier, DEFAULT_CLIENT_SECRET, SECRET_KEY):
            assert secret not in text


async def test_l04_query_of_the_callback_is_never_logged(victim: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    callback_url = await victim.approve_login()
    await victim.request(callback_url)
    query = parse_qs(urlsplit(callback_url).query)

    lines = "\n".join(record.getMessage() for record in caplog.records)
    assert "signed in: session" in lines
    for secret in (query["code"][0], query["state"][0], victim.session_cookie.partition(".")[0], "canary"):
        assert secret not in lines


@pytest.fixture
def keys_read(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that are read from the store."""
    keys: list[str] = []
    get = store.get

    async def recording_get(key: str) -> bytes | None:
        keys.append(key)
        return await get(key)

    monkeypatch.setattr(store, "get", recording_get)
    return keys


async def test_l06_store_is_not_read_for_a_forged_session_id(victim: Browser, keys_read: list[str]) -> None:
    """Therefore the response time does not reveal which sessions exist."""
    await victim.sign_in()
    keys_read.clear()
    session_id, signature = victim.session_cookie.split(".")
    for value in (f"{session_id}.{'0' * len(signature)}", f"{'A' * len(session_id)}.{signature}", session_id):
        await send_request(victim.app, "GET", "/me", headers=[("cookie", f"{SESSION_COOKIE}={value}")])
    assert keys_read == []
    await victim.display_name()
    assert len(keys_read) == 1


async def test_l06_store_is_not_read_for_a_forged_state(victim: Browser, keys_read: list[str]) -> None:
    state = parse_qs(urlsplit(await victim.start_login()).query)["state"][0]
    first = "B" if state[0] != "B" else "C"
    for forged in ("A" * 43, state[:-8] + "A" * 8, first + state[1:]):
        assert (await victim.request(f"{CALLBACK}?code=c&state={forged}")).status == 400

    assert keys_read == []
    await send_request(victim.app, "GET", CALLBACK, query=f"code=c&state={state}".encode())
    assert len(keys_read) == 1, "not even a genuine state reaches the store"
