"""Logins of native apps, and their bearer tokens (RFC 6750 §5)."""

from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import DEFAULT_APP, DEFAULT_CLIENT_SECRET, App, Emulator
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.native import (
    NATIVE,
    NATIVE_URI,
    OTHER_NATIVE_URI,
    as_json,
    get_code,
    native_emulator,
    native_tiktok,
)
from tests.support.people import AMARA, JUN
from tests.support.requests import RawHeaders, RawResponse, open_websocket, send_request
from tests.support.settings import LOGOUT, ORIGIN, REDIRECT_URI, SAME_ORIGIN, SESSION_COOKIE
from tests.support.tiktok import count_requests, new_tiktok
from tests.support.wrapped_store import WrappedStore

pytestmark = pytest.mark.anyio

OTHER_KEY = "sbawother"
BOTH = (NATIVE_URI, OTHER_NATIVE_URI)


@pytest.fixture
def emulator() -> Emulator:
    apps = native_emulator().apps.values()
    return Emulator([*apps, App(OTHER_KEY, DEFAULT_CLIENT_SECRET, (REDIRECT_URI,), native_redirect_uris=BOTH)])


@pytest.fixture
def tiktok(emulator: Emulator, store: MemoryStore) -> TikTok:
    return native_tiktok(emulator, store=store, native_redirect_uris=BOTH)


async def send_login(site: Any, login: dict[str, str], headers: RawHeaders = ()) -> RawResponse:
    sent = [("content-type", "application/json"), *headers]
    return await send_request(site, "POST", NATIVE, headers=sent, body=as_json(login))


async def get_bearer(site: Any, emulator: Emulator, person: Any = AMARA) -> tuple[str, str]:
    """Sign a native app in. Returns its Authorization header."""
    response = await send_login(site, {**get_code(emulator, person), "session": "bearer"})
    return "authorization", f"Bearer {response.json()['bearer_token']}"


async def name_of(site: Any, *headers: tuple[str, str]) -> str:
    """Return the name of the user whom the app sees, or "" for an anonymous visitor."""
    return str((await send_request(site, "GET", "/me", headers=headers)).json()["name"])


def has_sessions(store: MemoryStore) -> bool:
    return any(name.startswith(("session:", "token:")) for name in store._records)


async def test_b01_code_works_once_even_if_it_is_sent_twice_at_once(site: Any, emulator: Emulator) -> None:
    login, responses = get_code(emulator), list[RawResponse]()

    async def send() -> None:
        responses.append(await send_login(site, login))

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        group.start_soon(send)
    replayed = await send_login(site, login)

    assert sorted(response.status for response in responses) == [200, 400]
    assert (replayed.status, replayed.json()["error"]) == (400, "already_used")
    assert count_requests(emulator) == 1


STOLEN: dict[str, Callable[[Emulator, Browser], Any]] = {
    "B-02 wrong verifier": lambda tiktok, _: {**get_code(tiktok), "code_verifier": "w" * 43},
    "B-02 other address": lambda tiktok, _: {**get_code(tiktok), "redirect_uri": OTHER_NATIVE_URI},
    "B-02 other app": lambda tiktok, _: get_code(tiktok, client_key=OTHER_KEY),
    "B-02 invented": lambda _, __: {"code": "c", "code_verifier": "v" * 43, "redirect_uri": NATIVE_URI},
}


@pytest.mark.parametrize("steal", STOLEN.values(), ids=STOLEN)
async def test_code_of_another_login_is_refused(
    site: Any, emulator: Emulator, store: MemoryStore, attacker: Browser, steal: Callable[..., Any]
) -> None:
    response = await send_login(site, steal(emulator, attacker))

    assert response.status == 400
    assert response.json()["error"] in ("invalid_code", "invalid_grant")
    assert response.set_cookie_lines == {}
    assert not has_sessions(store)


async def test_b03_code_of_a_browser_is_refused(
    site: Any, emulator: Emulator, store: MemoryStore, victim: Browser
) -> None:
    """TikTok checks no verifier for codes of the Web platform, so its check of the address must decide."""
    code = httpx2.URL(await victim.approve_login()).params["code"]
    response = await send_login(site, {**get_code(emulator), "code": code})

    assert (response.status, response.json()["error"]) == (400, "invalid_code")
    assert not has_sessions(store)


PAGES: dict[str, list[tuple[str, str]]] = {
    "B-04 foreign page": [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")],
    "B-04 old browser": [("origin", "https://evil.test")],
    "B-04 own page": [("origin", ORIGIN), *SAME_ORIGIN.items()],
    "B-04 private page": [("origin", "null")],
    "B-04 fetch metadata alone": [("sec-fetch-mode", "no-cors")],
}


@pytest.mark.parametrize("headers", PAGES.values(), ids=PAGES)
async def test_page_cannot_sign_its_visitor_in(site: Any, emulator: Emulator, headers: list[tuple[str, str]]) -> None:
    response = await send_login(site, get_code(emulator), headers)

    assert (response.status, response.json()["error"]) == (403, "not_native")
    assert response.set_cookie_lines == {}
    assert count_requests(emulator) == 0


OTHERS: dict[str, dict[str, Any]] = {
    "B-05 path": {"path": "/admin/auth", "redirect_uri": f"{ORIGIN}/admin/auth/callback"},
    "B-05 host": {"redirect_uri": "https://admin.testserver/auth/tiktok/callback"},
    "B-05 client_key": {"client_key": OTHER_KEY},
    "B-05 no native apps": {"native_redirect_uris": ()},
}


@pytest.mark.parametrize("settings", OTHERS.values(), ids=OTHERS)
async def test_bearer_is_worth_nothing_at_another_tiktok(
    site: Any, emulator: Emulator, store: MemoryStore, settings: dict[str, Any]
) -> None:
    bearer = await get_bearer(site, emulator)
    other = TikTokAuthMiddleware(app, native_tiktok(emulator, store=store, **settings))

    assert await name_of(site, bearer) == AMARA.display_name
    assert await name_of(other, bearer) == ""


async def test_b06_bearer_ends_with_its_session_at_all_workers(
    site: Any, tiktok: TikTok, emulator: Emulator, store: MemoryStore
) -> None:
    bearer = await get_bearer(site, emulator)
    workers = [site, TikTokAuthMiddleware(app, native_tiktok(emulator, store=store))]
    for worker in workers * 2:
        assert await name_of(worker, bearer) == AMARA.display_name
    await send_request(site, "POST", LOGOUT, headers=[bearer])

    assert [await name_of(worker, bearer) for worker in workers] == ["", ""]
    await tiktok.aclose()


async def test_b07_cookie_decides_and_keeps_its_rules(site: Any, emulator: Emulator, victim: Browser) -> None:
    """A bearer token opens no way around the rules for the cookie beside it, not even beside a forged one."""
    await victim.sign_in(JUN)
    bearer, cookie = await get_bearer(site, emulator), ("cookie", f"{SESSION_COOKIE}={victim.session_cookie}")
    forged = ("cookie", f"{SESSION_COOKIE}=forged.0")
    similar = ("cookie", f"x{SESSION_COOKIE}=1")
    foreign = [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")]

    assert await name_of(site, cookie, bearer) == JUN.display_name
    assert await name_of(site, forged, bearer) == ""
    assert (await name_of(site, similar, bearer), await name_of(site, similar)) == ("", "")
    assert (await send_request(site, "POST", LOGOUT, headers=[cookie, bearer])).status == 403
    assert (await send_request(site, "POST", LOGOUT, headers=[bearer, *foreign])).status == 403
    assert await name_of(site, cookie) == JUN.display_name
    assert await name_of(site, bearer) == AMARA.display_name


async def test_b08_websocket_with_a_bearer_needs_no_origin_but_no_foreign_one(site: Any, emulator: Emulator) -> None:
    bearer = await get_bearer(site, emulator)
    forged = ("authorization", "Bearer forged.0")
    foreign = ("origin", "https://evil.test")

    async def open_with(*headers: tuple[str, str]) -> int:
        return (await open_websocket(site, "/studio/socket", headers=headers)).status

    assert await open_with(bearer) == 101
    assert await open_with(bearer, ("origin", ORIGIN)) == 101
    assert await open_with(bearer, foreign) == 403
    assert await open_with(forged) == 401


class CountingStore(WrappedStore):
    """A store that counts its operations."""

    operations = 0

    async def before(self, operation: str) -> None:
        self.operations += 1


FOREIGN_TOKENS = {
    "B-09 JWT": ["Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln"],
    "B-09 API key": ["bearer sk_live_7"],
    "B-09 Basic": ["Basic dXNlcjpwYXNz"],
    "B-09 long": ["Bearer " + "a" * 70_000],
    "B-09 empty": ["Bearer", "Bearer "],
    "B-09 several": ["Bearer a", "Bearer b"],
    "B-09 bytes": ["Bearer \xff;\x00"],
}


@pytest.mark.parametrize("tokens", FOREIGN_TOKENS.values(), ids=FOREIGN_TOKENS)
async def test_tokens_of_the_app_itself_are_left_alone(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, tokens: list[str]
) -> None:
    store, seen = CountingStore(MemoryStore()), list[bytes]()

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend(value for name, value in scope["headers"] if name == b"authorization")
        await app(scope, receive, send)

    site = TikTokAuthMiddleware(inner, native_tiktok(emulator, store=store))
    headers = [("authorization", token) for token in tokens]

    assert await name_of(site, *headers) == ""
    assert [token.decode("latin-1") for token in seen] == tokens
    assert store.operations == 0
    assert [record for record in caplog.records if record.name == "asgi_tiktok"] == []


async def test_b10_cached_page_is_kept_apart_from_users_with_a_bearer(site: Any, emulator: Emulator) -> None:
    response = await send_request(site, "GET", "/decorated", headers=[await get_bearer(site, emulator)])

    assert {"Cookie", "Authorization"} <= set(response.headers.getlist("vary"))


async def test_b11_cookie_cannot_be_sent_as_a_bearer_without_native_apps(victim: Browser, emulator: Emulator) -> None:
    site = TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator)))
    browser = Browser(site, emulator)
    await browser.sign_in()

    assert await name_of(site, ("authorization", f"Bearer {browser.session_cookie}")) == ""


async def test_b12_redirect_uri_of_browsers_is_refused_as_a_native_one() -> None:
    with pytest.raises(ValueError, match="stolen code"):
        native_tiktok(Emulator([DEFAULT_APP]), native_redirect_uris=(REDIRECT_URI,))


async def test_b13_bearer_of_one_address_is_worth_nothing_at_another(emulator: Emulator, store: MemoryStore) -> None:
    addresses = (REDIRECT_URI, "https://other.test/auth/tiktok/callback")
    site = TikTokAuthMiddleware(app, native_tiktok(emulator, store=store, redirect_uri=addresses))
    other = ("host", "other.test")
    bearer = await get_bearer(site, emulator)
    response = await send_login(site, {**get_code(emulator, JUN), "session": "bearer"}, [other])
    token = response.json()["bearer_token"]

    for _ in range(2):
        assert await name_of(site, bearer) == AMARA.display_name
        assert await name_of(site, bearer, other) == ""
        assert await name_of(site, ("authorization", f"Bearer {token}"), other) == JUN.display_name
        assert await name_of(site, ("cookie", f"{SESSION_COOKIE}={token}")) == ""
