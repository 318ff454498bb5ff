"""Limits on what anonymous visitors can cause: work, memory, records and log lines. They are counted, not timed.

Other files test compressed and slow responses of TikTok (tests/test_upstream.py, tests/test_client.py), endless
bodies (test_paths.py, test_webhooks.py) and a million abandoned logins (benchmarks/).
"""

import hashlib
import logging
import time
import tracemalloc
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import httpx2
import pytest
from starlette import datastructures
from starlette.types import ASGIApp

from asgi_tiktok import InvalidResponse, MemoryStore, TikTok, TikTokAuthMiddleware, WebhookRefused
from asgi_tiktok.accounts import sessions
from asgi_tiktok.client import callback as callback_module
from asgi_tiktok.crypto.keys import Key
from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.crypto.signer import IdSigner
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.events import log_limiter
from asgi_tiktok.http import next_path, paths
from asgi_tiktok.routes import state_parameter
from asgi_tiktok.routes.webhooks import check_signature
from benchmarks.abandoned_logins import nothing, start_logins
from tests.support.browser import Browser
from tests.support.people import AMARA
from tests.support.requests import RawResponse, send_request
from tests.support.settings import CALLBACK, LOGIN, LOGIN_COOKIE, NAVIGATION, SAME_ORIGIN, SESSION_COOKIE, WEBHOOK
from tests.support.tiktok import new_tiktok

pytestmark = pytest.mark.anyio

KB, MB = 1024, 1024 * 1024
COUNT = 5_000
COOKIES = {
    "64 KB": f"{SESSION_COOKIE}={'a' * 64 * KB}",
    "64 KB of backslashes": f'{SESSION_COOKIE}="' + "\\" * 64 * KB + '"',
    "64 KB of semicolons": ";" * 64 * KB,
    "64 KB of equals signs": "=" * 64 * KB,
    "5,000 cookies": "; ".join(f"c{number}=v" for number in range(COUNT)),
    "5,000 session cookies": "; ".join(f"{SESSION_COOKIE}=v{number}" for number in range(COUNT)),
    "5,000 times one session cookie": "; ".join([f"{SESSION_COOKIE}=v"] * COUNT),
    "5,000 login cookies": "; ".join(f"{LOGIN_COOKIE}{number:011}={'A' * 64}" for number in range(COUNT)),
    "5,000 login cookies of one name": "; ".join(f"{LOGIN_COOKIE}{'A' * 11}={number:064}" for number in range(COUNT)),
}
FIELDS = b"&".join(b"f%d=v" % number for number in range(10_000))


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The numbers of calls that use a key, by the name of the method."""
    calls: Counter[str] = Counter()

    def count(kind: type, name: str) -> None:
        method = getattr(kind, name)

        def counting_method(*args: object, **kwargs: object) -> object:
            calls[name] += 1
            return method(*args, **kwargs)

        monkeypatch.setattr(kind, name, counting_method)

    count(Key, "unseal")
    count(IdSigner, "verify")
    return calls


@contextmanager
def allocating(at_most: int) -> Iterator[None]:
    """Check that the block allocates at most this number of bytes at a time."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < at_most


@pytest.mark.parametrize("cookie", COOKIES.values(), ids=COOKIES)
@pytest.mark.parametrize("path", ["/me", LOGIN, CALLBACK])
async def test_large_cookie_header_costs_bounded_work(
    site: ASGIApp, work: Counter[str], path: str, cookie: str
) -> None:
    """Only a few cookies are examined, and only our own can be deleted (K-08)."""
    with allocating(at_most=4 * MB):
        response = await send_request(
            site, "GET", path, query=b"code=x&state=" + b"A" * 43, headers=[("cookie", cookie)]
        )

    assert response.status in (200, 302, 400)
    assert work["verify"] <= 2 * 8
    assert work["unseal"] <= 100
    value = cookie.partition("=")[2].partition(";")[0]
    if path == "/me" and cookie.startswith(SESSION_COOKIE) and len(value) > 4096:
        assert not work["verify"], "a session cookie longer than browsers keep was examined"
    elif path == "/me" and SESSION_COOKIE in cookie:
        assert work["verify"], "the session cookies were not examined"
    if path == LOGIN and LOGIN_COOKIE in cookie:
        assert work["unseal"], "the login cookies were not examined"
    assert sum(map(len, response.set_cookie_lines.values())) < 5 * KB


async def test_few_of_many_login_cookies_of_one_name_are_opened(victim: Browser, work: Counter[str]) -> None:
    callback_url = victim.home.join(await victim.approve_login())
    name = next(cookie.name for cookie in victim.jar if cookie.name.startswith(LOGIN_COOKIE))
    flood = "; ".join(f"{name}={number:064}" for number in range(COUNT))
    response = await send_request(
        victim.app, "GET", callback_url.path, query=callback_url.query.encode(), headers=[("cookie", flood)]
    )

    assert response.status == 400
    assert 1 <= work["unseal"] <= 100


@pytest.mark.parametrize("path", [LOGIN, CALLBACK, "/auth/tiktok/logout", "/auth/tiktok/session", "/me"])
async def test_ten_thousand_query_fields_are_not_kept_or_shown(
    site: ASGIApp, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """They are not stored, sent to TikTok or shown, and the callback does not decode them (P-10)."""
    decoded: list[bytes] = []
    monkeypatch.setattr(callback_module, "decode", decoded.append)
    response = await send_request(site, "GET", path, query=FIELDS)

    assert response.status == (400 if path == CALLBACK else 302 if path == LOGIN else 200)
    assert len(response.body) < 6 * KB
    assert sum(len(name) + len(value) for name, value in response.headers.raw) < 5 * KB
    assert not decoded
    assert not store._records


HARD = "\uff05\uff12\uff15254141%EF%BC%8525254141%252541\uff052541%252541%254125"
LONG_NEXT = {
    "long": "/" + "a" * 64 * KB,
    "expands under NFKC": "/" + "\ufdfa" * 2047,
    "expands and has many readings": "/" + HARD + "\u3316" * (2047 - len(HARD)),
    "expands, below the limit": "/" + "\ufdfa" * 227,
    "many readings, below the limit": "/" + HARD * 25,
    "escapes of escapes": "/" + "%25" * 682,
}


@pytest.mark.parametrize("value", LONG_NEXT.values(), ids=map("F-05 {}".format, LONG_NEXT))
@pytest.mark.parametrize("path", [LOGIN, "/auth/tiktok/logout"])
async def test_long_next_costs_bounded_work(
    site: ASGIApp, monkeypatch: pytest.MonkeyPatch, path: str, value: str
) -> None:
    """The characters that are decoded or normalized are counted, of the whole request."""
    characters = 0

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def count(*args: str) -> object:
            nonlocal characters
            characters += len(args[-1])
            return function(*args)

        return count

    monkeypatch.setattr(next_path, "unquote_to_bytes", counted(unquote_to_bytes))
    monkeypatch.setattr(unicodedata, "normalize", counted(unicodedata.normalize))
    response = await send_request(site, "GET", path, query=b"next=" + quote(value, safe="").encode())

    assert response.status == (302 if path == LOGIN else 200)
    assert characters <= 24 * KB


async def test_f06_long_path_and_query_of_a_guarded_page_are_not_encoded(
    site: ASGIApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []

    def counted(text: str, **options: Any) -> str:
        encoded.append(len(text))
        return quote(text, **options)

    monkeypatch.setattr(paths, "quote", counted)
    for path, query in (("/studio/" + "\xe9" * 64 * KB, b""), ("/studio", b"q=" + b"x" * 64 * KB)):
        response = await send_request(site, "GET", path, query=query, headers=NAVIGATION.items())
        assert (response.status, response.location) == (303, LOGIN)

    assert not encoded


async def test_f07_only_the_beginning_of_long_headers_is_hashed(
    site: ASGIApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[int] = []

    def sha256(data: bytes) -> Any:
        hashed.append(len(data))
        return hashlib.sha256(data)

    monkeypatch.setattr(state_parameter, "sha256", sha256)
    for name in ("host", "user-agent"):
        response = await send_request(site, "GET", LOGIN, headers=[(name, "\xff" * 64 * KB)])
        assert response.status == 302

    assert len(hashed) == 4
    assert max(hashed) <= 2100


async def test_f08_long_signature_of_a_webhook_is_not_split() -> None:
    class Commas(str):
        def split(self, *args: Any, **options: Any) -> Any:
            raise AssertionError("a long signature was split")

    with pytest.raises(WebhookRefused):
        check_signature(Secret("secret"), [Commas("," * 64 * KB)], b"{}", tolerance=300)


@pytest.mark.parametrize("path", [LOGIN, "/auth/tiktok/logout"], ids="F-09 {}".format)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("query", [FIELDS, b"next=/" + b"x" * 64 * KB, b"scopes=" + b"," * 64 * KB])
async def test_long_query_is_not_decoded(
    site: ASGIApp, monkeypatch: pytest.MonkeyPatch, path: str, method: str, query: bytes
) -> None:
    decoded: list[int] = []

    def counted(text: str, **options: Any) -> list[tuple[str, str]]:
        decoded.append(len(text))
        return parse_qsl(text, **options)

    monkeypatch.setattr(datastructures, "parse_qsl", counted)
    response = await send_request(site, method, path, query=query, headers=SAME_ORIGIN.items())

    assert response.status in (200, 302, 303, 405)
    assert sum(decoded) == 0


async def test_f10_long_login_cookie_is_not_opened(victim: Browser, work: Counter[str]) -> None:
    callback_url = victim.home.join(await victim.approve_login())
    name = next(cookie.name for cookie in victim.jar if cookie.name.startswith(LOGIN_COOKIE))
    response = await send_request(
        victim.app,
        "GET",
        callback_url.path,
        query=callback_url.query.encode(),
        headers=[("cookie", f"{name}={'A' * 64 * KB}")],
    )

    assert response.status == 400
    assert work["unseal"] == 0


def gigabyte() -> Iterator[bytes]:
    chunk = b"x" * 512
    return (chunk for _ in range(1024 * MB // len(chunk)))


@pytest.mark.parametrize(
    ("method", "path", "max_bytes"),
    [("POST", "/auth/tiktok/logout", 2 * KB), ("POST", WEBHOOK, 65 * KB), ("PUT", WEBHOOK, 0), ("GET", LOGIN, 0)],
)
async def test_body_of_a_gigabyte_is_read_up_to_a_small_limit(
    victim: Browser, method: str, path: str, max_bytes: int
) -> None:
    """The sign-out has a session and no Fetch Metadata, because otherwise its form is not read (H-09)."""
    await victim.sign_in()
    cookie = victim.jar.cookie_header(victim.home)
    with allocating(at_most=MB):
        response = await send_request(victim.app, method, path, headers=[("cookie", cookie)], body=gigabyte())

    assert response.status in (302, 403, 405, 413)
    assert response.bytes_read <= max_bytes
    assert await victim.display_name() == AMARA.display_name


@pytest.mark.parametrize("headers", [{}, {"content-encoding": "gzip"}, {"content-encoding": "br"}], ids=str)
async def test_response_of_a_gigabyte_from_tiktok_is_read_up_to_64_kilobytes(headers: dict[str, str]) -> None:
    """A compressed response is not read at all (R-16)."""
    bytes_read = 0

    class Endless(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal bytes_read
            for chunk in gigabyte():
                bytes_read += len(chunk)
                yield chunk

    client = new_tiktok(
        httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, stream=Endless()))
    )._client
    with allocating(at_most=MB), pytest.raises(InvalidResponse):
        await client.fetch_token("code", code_verifier="v" * 43)
    assert bytes_read <= (0 if headers else 65 * KB)


async def test_abandoned_logins_use_no_record_and_no_memory(
    tiktok: TikTok, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A short version of the benchmark with a million logins (R-56, C-82)."""
    caplog.set_level(logging.INFO, "asgi_tiktok")  # because pytest keeps every record
    site = TikTokAuthMiddleware(
        nothing, new_tiktok(store=store, redirect_uri="http://localhost:8000/auth/tiktok/callback")
    )
    await start_logins(site, range(100))
    with allocating(at_most=256 * KB):
        assert await start_logins(site, range(100, 600)) == 500
    assert not store._records


async def test_caches_of_sessions_are_bounded(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caches of opened sessions, and of sessions that could not be ended, are bounded (R-59)."""
    monkeypatch.setattr(sessions, "MAX_ENDED", 5)
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), max_sessions=100, session_memory=5)
    browser = Browser(TikTokAuthMiddleware(nothing, tiktok), emulator)
    for _ in range(20):
        await browser.request(await browser.approve_login())
        browser.jar.cookies.pop(next(key for key in browser.jar.cookies if key[0] == SESSION_COOKIE))
    names = [name async for name in tiktok._store.owned(tiktok._sessions.records.owner(AMARA.open_id))]
    for name in names:
        found = await tiktok._sessions.find(name)
        assert found
        tiktok._memories.here().keep(found[1], read_at=time.monotonic() + 1)
        tiktok._sessions.ended[name] = None

    assert len(names) == 20
    assert len(tiktok._memories.here().entries) == 5
    assert len(tiktok._sessions.ended) == 5


async def invalid_callback(site: ASGIApp, number: int) -> RawResponse:
    return await send_request(site, "GET", CALLBACK, query=b"code=x&state=%043d" % number)


async def long_callback(site: ASGIApp, number: int) -> RawResponse:
    return await send_request(site, "GET", CALLBACK, query=b"error=access_denied&error_description=" + b"%1B%0A" * MB)


async def unsigned_event(site: ASGIApp, number: int) -> RawResponse:
    return await send_request(
        site, "POST", WEBHOOK, headers=[("tiktok-signature", "x" * 64 * KB)], body=b"%d" % number
    )


async def sign_out_from_another_site(site: ASGIApp, number: int) -> RawResponse:
    headers = [("origin", f"https://{number}.evil.test"), ("sec-fetch-site", "cross-site")]
    return await send_request(site, "POST", "/auth/tiktok/logout", headers=headers)


async def unknown_method(site: ASGIApp, number: int) -> RawResponse:
    return await send_request(site, f"X{number}", LOGIN)


async def undeclared_scope(site: ASGIApp, number: int) -> RawResponse:
    return await send_request(site, "GET", LOGIN, query=b"scopes=video.x%d" % number, headers=SAME_ORIGIN.items())


@pytest.mark.parametrize(
    "flood",
    [invalid_callback, long_callback, unsigned_event, sign_out_from_another_site, unknown_method, undeclared_scope],
    ids="L-{0.__name__}".format,
)
async def test_flood_of_invalid_requests_does_not_fill_the_log(
    site: ASGIApp, caplog: pytest.LogCaptureFixture, flood: Callable[[ASGIApp, int], Awaitable[RawResponse]]
) -> None:
    """There are few lines of each kind per minute, all short and without any part of the request (R-60, C-87)."""
    caplog.set_level(logging.INFO, "asgi_tiktok")
    for number in range(100):
        response = await flood(site, number)
        assert 400 <= response.status < 500
    lines = [record.getMessage() for record in caplog.records if record.name == "asgi_tiktok"]

    assert 1 <= len(lines) <= log_limiter.MAX_LINES + 1
    assert max(map(len, lines)) < KB
    assert all(line.isprintable() for line in lines)
    assert not any("evil" in line or "X99" in line for line in lines)
