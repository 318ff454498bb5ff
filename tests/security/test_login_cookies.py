"""Cookies of pending logins: forged, stale, exchanged and too many (K-01, K-02, K-20 to K-24)."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from starlette.types import ASGIApp

from asgi_tiktok import TikTok
from asgi_tiktok.crypto.records import seal_record
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.routes.pending import PURPOSE, PendingLogins
from tests.support.browser import Browser
from tests.support.people import AMARA
from tests.support.requests import send_request
from tests.support.settings import FETCH, LOGIN, LOGIN_COOKIE, SESSION_COOKIE
from tests.support.tiktok import count_requests

pytestmark = pytest.mark.anyio

Fields = dict[str, Any]

MAX_QUERY = f"scopes=user.info.profile,user.info.stats,video.list&next=/{'x' * 399}"
LONGEST_QUERY = f"scopes=user.info.profile,user.info.stats,video.list&next=/{'x' * 1023}"


def login_cookies(browser: Browser) -> dict[str, str]:
    """Return the values of the browser's login cookies by name."""
    return {cookie.name: cookie.value for cookie in browser.jar if cookie.name.startswith(LOGIN_COOKIE)}


def set_cookie(browser: Browser, name: str, value: str) -> None:
    """Put a cookie into the browser."""
    assert browser.jar.store(browser.home, f"{name}={value}; Secure; Path=/; Max-Age=600")


FORGED: dict[str, Callable[[str], str]] = {
    "K-01 emptied": lambda value: "",
    "K-01 cut": lambda value: value[:-1],
    "K-01 doubled": lambda value: value + value,
    "K-01 first byte": lambda value: ("B" if value[0] != "B" else "A") + value[1:],
    "K-01 last byte": lambda value: value[:-2] + ("B" if value[-2] != "B" else "A") + value[-1],
    "K-06 quoted": lambda value: f'""{value}""',
    "K-06 other characters in front": lambda value: f"!!!!{value}",
    "K-06 other characters inside": lambda value: f"{value[:4]}\xff\xff\xff\xff{value[4:]}",
    "K-12 4 KB": lambda value: "A" * 4000,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
async def test_forged_login_cookie_is_rejected(
    victim: Browser, emulator: Emulator, forge: Callable[[str], str]
) -> None:
    callback_url = await victim.approve_login()
    ((name, value),) = login_cookies(victim).items()
    set_cookie(victim, name, forge(value))
    response = await victim.request(callback_url)

    assert response.status == 400
    assert count_requests(emulator) == 0
    assert SESSION_COOKIE not in victim.jar


async def test_k01_login_cookie_under_another_name_is_rejected(
    victim: Browser, attacker: Browser, emulator: Emulator
) -> None:
    callback_url = await victim.approve_login()
    await attacker.start_login()
    ((name, _),) = login_cookies(victim).items()
    ((_, value_of_attacker),) = login_cookies(attacker).items()
    set_cookie(victim, name, value_of_attacker)

    assert "This sign-in cannot be finished" in (await victim.request(callback_url)).text
    assert count_requests(emulator) == 0


@pytest.mark.legitimate
async def test_k04_genuine_login_cookie_is_accepted_beside_a_forged_one(site: ASGIApp, victim: Browser) -> None:
    callback_url = victim.home.join(await victim.approve_login())
    ((name, value),) = login_cookies(victim).items()
    headers = [("cookie", f"{name}=forged; {name}={value}")]

    assert (
        await send_request(site, "GET", callback_url.path, query=callback_url.query.encode(), headers=headers)
    ).status == 303


async def test_k04_two_genuine_login_cookies_of_one_name_are_both_rejected(
    site: ASGIApp, victim: Browser, emulator: Emulator
) -> None:
    callback_url = victim.home.join(await victim.approve_login())
    ((name, value),) = login_cookies(victim).items()
    for headers in ([f"{name}={value}; {name}={value}"], [f"{name}={value}"] * 2):
        cookies = [("cookie", header) for header in headers]
        assert (
            await send_request(site, "GET", callback_url.path, query=callback_url.query.encode(), headers=cookies)
        ).status == 400
    assert count_requests(emulator) == 0


async def test_k01_session_and_login_cookies_cannot_replace_each_other(victim: Browser, emulator: Emulator) -> None:
    await victim.sign_in()
    session = victim.session_cookie
    callback_url = await victim.approve_login()
    ((name, value),) = login_cookies(victim).items()
    set_cookie(victim, SESSION_COOKIE, value)
    assert await victim.display_name() == ""
    set_cookie(victim, name, session)
    assert (await victim.request(callback_url)).status == 400
    assert count_requests(emulator) == 1


async def rewrite_login_cookie(victim: Browser, tiktok: TikTok, change: Callable[[Fields], Fields]) -> None:
    """Replace the victim's only login cookie by a genuine one with changed fields."""
    ((name, value),) = login_cookies(victim).items()
    logins = PendingLogins(tiktok)
    login = logins.read(name, value.encode())
    assert login
    sealed = seal_record(tiktok._keys.newest, PURPOSE, change(asdict(login)), context=logins.context(name))
    set_cookie(victim, name, urlsafe_b64encode(sealed).rstrip(b"=").decode())


@pytest.mark.legitimate
async def test_k02_rewritten_login_cookie_without_a_change_is_accepted(victim: Browser, tiktok: TikTok) -> None:
    callback_url = await victim.approve_login()
    await rewrite_login_cookie(victim, tiktok, lambda fields: fields)

    assert (await victim.request(callback_url)).status == 303


VERSIONS: dict[str, Callable[[Fields], Fields]] = {
    "K-02 no fields": lambda fields: {},
    "K-02 state alone": lambda fields: {"state": fields["state"]},
    "K-02 scopes that are null": lambda fields: {**fields, "scopes": None},
    "K-02 an unknown field": lambda fields: {**fields, "more": 1},
}


@pytest.mark.parametrize("change", VERSIONS.values(), ids=VERSIONS.keys())
async def test_login_cookie_of_another_version_gets_an_error_page(
    victim: Browser, tiktok: TikTok, emulator: Emulator, change: Callable[[Fields], Fields]
) -> None:
    callback_url = await victim.approve_login()
    await rewrite_login_cookie(victim, tiktok, change)

    assert "This sign-in cannot be finished" in (await victim.request(callback_url)).text
    assert count_requests(emulator) == 0
    assert await victim.start_login()


@pytest.mark.legitimate
@pytest.mark.parametrize("first", [0, 1], ids=["K-20 in order", "K-20 in reverse order"])
async def test_logins_in_two_tabs_both_succeed(victim: Browser, first: int) -> None:
    tabs = [await victim.approve_login("next=/a"), await victim.approve_login("next=/b")]

    assert (await victim.request(tabs[first])).location == ["/a", "/b"][first]
    assert (await victim.request(tabs[1 - first])).location == ["/a", "/b"][1 - first]
    assert await victim.display_name() == AMARA.display_name


async def test_k21_sixth_pending_login_evicts_the_oldest(victim: Browser, emulator: Emulator) -> None:
    tabs = [await victim.approve_login() for _ in range(6)]
    assert len(login_cookies(victim)) == 5
    oldest = await victim.request(tabs[0])

    assert oldest.status == 400
    assert "Too many sign-ins at once" in oldest.text
    assert count_requests(emulator) == 0
    for tab in tabs[1:]:
        assert (await victim.request(tab)).status == 303


async def test_k22_background_requests_start_no_login(victim: Browser) -> None:
    for path in ("/studio", LOGIN):
        for _ in range(30):
            response = await send_request(victim.app, "GET", path, headers=FETCH.items())
            assert response.status == 401
            assert response.json()["login_url"].startswith(LOGIN)
            assert not response.set_cookie_lines


WITHOUT_CLICK = {
    "K-22 prefetch": {"sec-purpose": "prefetch"},
    "K-22 prerender": {"sec-purpose": "prefetch;prerender"},
    "K-22 Purpose": {"purpose": "prefetch"},
    "K-22 X-Moz": {"x-moz": "prefetch"},
    "K-22 image": {"sec-fetch-mode": "no-cors", "accept": "image/*"},
    "K-22 XMLHttpRequest": {"accept": "application/json"},
}


@pytest.mark.parametrize("headers", WITHOUT_CLICK.values(), ids=WITHOUT_CLICK.keys())
async def test_requests_without_a_click_start_no_login(site: ASGIApp, headers: dict[str, str]) -> None:
    response = await send_request(site, "GET", LOGIN, headers=headers.items())

    assert response.status in (401, 503)
    assert not response.set_cookie_lines


async def test_k23_stale_login_cookies_are_deleted_first(victim: Browser) -> None:
    for number in range(20):
        set_cookie(victim, f"{LOGIN_COOKIE}{'A' * 9}{number:02}", "x" * 200)
    assert (await victim.visit(await victim.approve_login())).url.endswith("/me")

    assert not login_cookies(victim)


@pytest.mark.parametrize(
    "tail", ["", "x", "A" * 12, "A" * 10 + "\xe9", "A" * 10 + '"', "A" * 10 + "\r"], ids="K-23 {!r}".format
)
async def test_login_cookie_with_an_impossible_name_is_not_echoed(site: ASGIApp, tail: str) -> None:
    response = await send_request(site, "GET", LOGIN, headers=[("cookie", f"{LOGIN_COOKIE}{tail}=x")])

    ((name, line),) = response.set_cookie_lines.items()
    assert len(name) == len(LOGIN_COOKIE) + 11
    assert "Max-Age=600" in line


@pytest.mark.parametrize(("query", "count"), [(MAX_QUERY, 5), (LONGEST_QUERY, 2)], ids=["K-24", "K-24 longest"])
async def test_pending_logins_fit_into_a_cookie_header(victim: Browser, query: str, count: int) -> None:
    await victim.sign_in()
    for _ in range(7):
        await victim.start_login(query)
        assert sum(len(f"{name}={value}; ") for name, value in login_cookies(victim).items()) <= 5_000

    assert len(login_cookies(victim)) == count
    assert len(victim.jar.cookie_header(victim.home)) < 6 * 1024
    assert (await victim.request("/me")).json()["name"] == AMARA.display_name


async def test_long_paths_evict_the_oldest_pending_login(victim: Browser) -> None:
    oldest, *others = [await victim.approve_login(LONGEST_QUERY) for _ in range(3)]

    assert "Too many sign-ins at once" in (await victim.request(oldest)).text
    for callback_url in others:
        assert (await victim.request(callback_url)).location == f"/{'x' * 1023}"
