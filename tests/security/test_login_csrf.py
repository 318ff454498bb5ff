"""A login that starts in one browser never ends in another: every store, every framework (N-01 to N-08)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest
from starlette.requests import Request
from starlette.types import ASGIApp

from asgi_tiktok import MemoryStore, Store, TikTok, TikTokAuthMiddleware, TikTokUser
from asgi_tiktok.client.endpoints import TIKTOK
from asgi_tiktok.emulator import DEFAULT_APP, Emulator
from asgi_tiktok.routes.pending import PendingLogins
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.people import AMARA, JUN
from tests.support.settings import CALLBACK, LOGIN_COOKIE, ORIGIN, SESSION_COOKIE
from tests.support.sites import FRAMEWORKS, INSTALLS, PREFIX, build_site
from tests.support.tiktok import count_requests, new_tiktok

pytestmark = pytest.mark.anyio

EVIL = "https://evil.test/"


async def stay_anonymous(victim: Browser) -> str:
    return ""


async def start_login(victim: Browser) -> str:
    await victim.start_login()
    return ""


async def sign_in(victim: Browser) -> str:
    await victim.sign_in(JUN)
    return JUN.display_name


async def sign_in_and_start_login(victim: Browser) -> str:
    name = await sign_in(victim)
    await start_login(victim)
    return name


VICTIMS = {
    "N-01 anonymous": stay_anonymous,
    "N-01 with a pending login": start_login,
    "N-01 signed in": sign_in,
    "N-01 signed in, with a pending login": sign_in_and_start_login,
}
each_victim = pytest.mark.parametrize("prepare", VICTIMS.values(), ids=VICTIMS.keys())
Prepare = Callable[[Browser], Any]


async def attack(attacker: Browser, victim: Browser, prepare: Prepare) -> None:
    """Open the attacker's callback in the victim's browser, and check that it is rejected and changes nothing."""
    emulator = attacker.emulator
    name = await prepare(victim)
    session = [cookie.value for cookie in victim.jar if cookie.name.startswith(SESSION_COOKIE)]
    assert bool(session) == bool(name)
    callback_url = await attacker.approve_login(f"next={attacker.prefix}/me", AMARA)
    before = count_requests(emulator)
    for page, top_level in ((EVIL, True), (EVIL, False), (None, True), ("https://www.tiktok.com/", True)):
        response = await victim.request(callback_url, page=page, top_level=top_level)
        assert response.status == 400
        assert not any(cookie.startswith(SESSION_COOKIE) for cookie in response.set_cookie_lines)
    assert count_requests(emulator) == before, "a request went to TikTok"
    assert [cookie.value for cookie in victim.jar if cookie.name.startswith(SESSION_COOKIE)] == session
    assert await victim.display_name() == name
    # The same callback works in the browser in which the login started.
    assert (await attacker.visit(callback_url)).json()["name"] == AMARA.display_name


@each_victim
async def test_callback_of_the_attacker_is_rejected_with_every_store(
    each_store: Store, emulator: Emulator, prepare: Prepare
) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=each_store)
    site = TikTokAuthMiddleware(app, tiktok)
    await attack(Browser(site, emulator), Browser(site, emulator), prepare)


@each_victim
@pytest.mark.parametrize("install", INSTALLS)
@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_callback_of_the_attacker_is_rejected_in_every_framework(
    framework: str, install: str, prepare: Prepare
) -> None:
    prefix = PREFIX if install == "mounted" else ""
    redirect_uri = f"{ORIGIN}{prefix}{CALLBACK}"
    emulator = Emulator([replace(DEFAULT_APP, redirect_uris=(redirect_uri,))])
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri=redirect_uri)
    site = build_site(framework, install, tiktok)
    await attack(Browser(site, emulator, prefix=prefix), Browser(site, emulator, prefix=prefix), prepare)


SETTINGS: dict[str, dict[str, Any]] = {
    "N-04 hex": {"pkce": "hex"},
    "N-04 base64url": {"pkce": "base64url"},
    "N-04 off": {"pkce": "off"},
    "N-02 loosest": {
        "pkce": "off",
        "keep_tokens": False,
        "idle_timeout": 10**8,
        "absolute_timeout": 10**8,
        "webhook_tolerance": 72 * 3600,
    },
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
@each_victim
async def test_callback_of_the_attacker_is_rejected_with_any_settings(
    emulator: Emulator, settings: dict[str, Any], prepare: Prepare
) -> None:
    """TikTok ignores the PKCE challenge of websites, so the protection must not depend on it or on any setting."""
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), **settings)
    site = TikTokAuthMiddleware(app, tiktok, allow_missing_origin=True, websocket_origins=[EVIL.rstrip("/")])
    await attack(Browser(site, emulator), Browser(site, emulator), prepare)


async def test_n01_link_to_the_attackers_login_at_tiktok_is_rejected(attacker: Browser, victim: Browser) -> None:
    """TikTok shows no page to a user who has consented before, so the link leads straight to the callback."""
    await victim.sign_in(JUN)
    await victim.sign_out()
    authorization_url = await attacker.start_login()
    response = await victim.visit(authorization_url, page=EVIL, person=JUN)

    assert response.status == 400
    assert count_requests(victim.emulator) == 1
    assert await victim.display_name() == ""


def combined(code_of: str, state_of: str) -> str:
    """Return a callback with the code of one callback URL and the state of another."""
    code, state = (parse_qs(urlsplit(address).query) for address in (code_of, state_of))
    return f"{CALLBACK}?code={quote(code['code'][0])}&state={state['state'][0]}"


async def test_n02_attackers_code_with_the_victims_state_fails_the_pkce_check() -> None:
    """TikTok checks the challenge of apps on loopback addresses."""
    redirect_uri = "http://localhost:8000/auth/tiktok/callback"
    emulator = Emulator([replace(DEFAULT_APP, redirect_uris=(redirect_uri,))])
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri=redirect_uri)
    site = TikTokAuthMiddleware(app, tiktok)
    attacker, victim = (Browser(site, emulator, home="http://localhost:8000") for _ in range(2))
    response = await victim.request(combined(await attacker.approve_login(), await victim.approve_login()))

    assert response.status in (400, 500)
    assert "Code verifier or code challenge is invalid" in response.text
    assert await victim.display_name() == ""


async def test_n02_state_without_its_cookie_is_rejected(
    attacker: Browser, victim: Browser, emulator: Emulator
) -> None:
    own, of_attacker = await victim.approve_login(), await attacker.approve_login()
    assert all(cookie.name.startswith(LOGIN_COOKIE) for cookie in victim.jar)
    for address in (of_attacker, combined(own, of_attacker)):
        assert (await victim.request(address)).status == 400
    assert count_requests(emulator) == 0


async def test_n07_sibling_host_cannot_set_the_attackers_login_cookie(
    site: ASGIApp, emulator: Emulator, attacker: Browser
) -> None:
    """A sibling host can set cookies for the whole domain, but not our cookies."""
    callback_url = urlsplit(await attacker.approve_login())
    victim = Browser(site, emulator, home="https://app.example.com")
    sibling = victim.home.join("https://evil.example.com/")
    for cookie in attacker.jar:
        for line in (
            f"{cookie.name}={cookie.value}",
            f"={cookie.name}={cookie.value}",
            f"\xa0{cookie.name}={cookie.value}",
        ):
            victim.jar.store(sibling, f"{line}; Domain=example.com; Path=/; Secure")
    response = await victim.request(f"{callback_url.path}?{callback_url.query}")

    assert response.status == 400
    assert count_requests(emulator) == 0


OTHER_APPS: dict[str, dict[str, Any]] = {
    "N-08 another app": {"client_key": "sbanotherapp"},
    "N-08 another TikTok": {"base_url": None, "client_key": "awproduction", "client_secret": "not-the-emulators"},
    "N-08 another callback": {"redirect_uri": f"{ORIGIN}/other/callback"},
    "N-08 another origin": {"redirect_uri": f"https://other.test{CALLBACK}"},
}


@pytest.mark.parametrize("settings", OTHER_APPS.values(), ids=OTHER_APPS.keys())
async def test_login_of_one_app_is_rejected_by_another(
    tiktok: TikTok, store: MemoryStore, emulator: Emulator, settings: dict[str, Any]
) -> None:
    """Two TikTok apps with the same keys and the same store, as staging and production may have."""
    other = new_tiktok(httpx2.ASGITransport(emulator), store=store, **settings)
    if other._client._endpoints is TIKTOK:  # which refuses the emulator's own client_key
        tiktok = new_tiktok(
            httpx2.ASGITransport(emulator), store=store, **{**settings, "base_url": "http://127.0.0.1:8700"}
        )
    browser = Browser(TikTokAuthMiddleware(app, other), emulator)
    state = parse_qs(urlsplit(await browser.start_login()).query)["state"][0]
    ((_, value),) = [(cookie.name, cookie.value) for cookie in browser.jar]
    # If the paths differ, so do the names of the cookies. An attacker can rename a cookie of their own browser.
    name = PendingLogins(tiktok).cookie_name(state)
    assert browser.jar.store(browser.home, f"{name}={value}; Secure; Path=/")
    browser.app = TikTokAuthMiddleware(app, tiktok)

    response = await browser.request(f"{CALLBACK}?code=c&state={state}")

    assert response.status == 400
    assert not any(cookie.startswith(SESSION_COOKIE) for cookie in response.set_cookie_lines)
    assert count_requests(emulator) == 0


async def test_n03_every_login_has_its_own_state_and_verifier(victim: Browser) -> None:
    queries = [parse_qs(urlsplit(await victim.start_login()).query) for _ in range(200)]

    for name in ("state", "code_challenge"):
        assert len({query[name][0] for query in queries}) == 200
    assert all(len(query["state"][0]) == 43 for query in queries)


async def test_n21_login_started_by_another_site_links_no_accounts(tiktok: TikTok, victim: Browser) -> None:
    """The login makes a new session. The hook sees who used the browser before, as the earlier user only."""
    seen: list[tuple[str, str]] = []

    @tiktok.on_login
    async def on_login(user: TikTokUser, request: Request) -> dict[str, Any]:
        seen.append((user.open_id, request.user.identity))
        return {"of": user.open_id}

    await victim.sign_in(JUN)
    first = victim.session_cookie
    await victim.visit("/auth/tiktok/login?next=/me", page=EVIL, person=AMARA)

    assert seen == [(JUN.open_id, ""), (AMARA.open_id, JUN.open_id)]
    assert victim.session_cookie != first
    assert (await victim.request("/links")).json()["data"] == {"of": AMARA.open_id}


async def test_n20_users_are_identified_by_open_id_alone() -> None:
    """The same name can belong to another user, and a user can change their name."""
    same_name = replace(JUN, display_name=AMARA.display_name, username=AMARA.username)
    other_case = replace(JUN, open_id=AMARA.open_id.swapcase(), display_name=AMARA.display_name)
    ids = []
    for person in (AMARA, same_name, other_case, replace(AMARA, display_name="Renamed", username="renamed")):
        emulator = Emulator(people=[person])
        site = TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator)))
        ids.append((await Browser(site, emulator).sign_in()).json()["id"])

    assert ids == [AMARA.open_id, JUN.open_id, AMARA.open_id.swapcase(), AMARA.open_id]
