"""Callbacks of real logins: denials, errors, reloads, replays and switches of the user (P-11 to P-21)."""

from urllib.parse import parse_qs, quote, urlsplit

import anyio
import pytest
from starlette.types import ASGIApp

from asgi_tiktok import MemoryStore
from asgi_tiktok.emulator import Emulator
from tests.support.browser import Browser
from tests.support.callbacks import send_callback
from tests.support.clock import Clock
from tests.support.people import AMARA, JUN
from tests.support.settings import CALLBACK, LOGIN_COOKIE, SESSION_COOKIE
from tests.support.tiktok import count_requests

pytestmark = pytest.mark.anyio


DENIALS = {
    "P-11 denied": "error=access_denied",
    "P-11 denied with a number": "error=access_denied&errCode=-2",
    "P-11 cancelled in TikTok's app": "error_code=-2&error_string=cancelled",
}


@pytest.mark.parametrize("error", DENIALS.values(), ids=DENIALS.keys())
async def test_denial_ends_only_its_own_login(victim: Browser, emulator: Emulator, error: str) -> None:
    await victim.sign_in(JUN)
    state = parse_qs(urlsplit(await victim.start_login("next=/secret")).query)["state"][0]
    response = await victim.request(f"{CALLBACK}?{error}&state={state}", page="https://www.tiktok.com")

    assert response.status == 403
    assert "You cancelled the sign-in" in response.text
    assert count_requests(emulator) == 1
    assert not any(cookie.name.startswith(LOGIN_COOKIE) for cookie in victim.jar)
    assert await victim.display_name() == JUN.display_name
    assert "already" not in (await victim.request(f"{CALLBACK}?code=c&state={state}")).text
    assert count_requests(emulator) == 1, "the denied login was continued"


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "terminal": "\x1b[31mred",
    "line": "x\r\nSet-Cookie: a=b",
    "spoof": "GO TO evil.test",
    "right to left": "\u202eevil",
    "template": "{{7*7}}${7*7}",
    "long": "x" * 6000,
}


@pytest.mark.parametrize("own", [True, False], ids=["P-12", "P-13"])
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
async def test_error_parameters_are_neither_shown_nor_logged(
    victim: Browser, caplog: pytest.LogCaptureFixture, hostile: str, own: bool
) -> None:
    state = parse_qs(urlsplit(await victim.start_login()).query)["state"][0] if own else "A" * 43
    caplog.clear()
    fields = {"error": hostile, "error_description": hostile, "error_uri": "javascript:alert(1)", "state": state}
    response = await send_callback(victim, "&".join(f"{name}={quote(value)}" for name, value in fields.items()))

    lines = [record.getMessage() for record in caplog.records if record.name == "asgi_tiktok"]
    assert response.status in (400, 502)
    for text in (response.text, str(response.headers.raw), "".join(lines)):
        assert hostile[:20] not in text
        assert "javascript" not in text
    assert len(lines) == 1
    assert len(lines[0]) < 1024


EXTRA = {
    "P-14 next": "&next=//evil.test",
    "P-14 redirect_uri": "&redirect_uri=https://evil.test",
    "P-14 an unused parameter twice": "&log_id=1&log_id=2",
    "P-14 a token": "&access_token=act.x&open_id=1",
    "P-14 garbage for scopes": "&scopes=%20,,%3Cb%3E",
}


@pytest.mark.parametrize("extra", EXTRA.values(), ids=EXTRA.keys())
async def test_other_query_parameters_do_not_change_the_target(victim: Browser, extra: str) -> None:
    callback_url = (await victim.approve_login()).replace("&scopes=user.info.basic", "")
    response = await victim.request(callback_url + extra)

    assert (response.status, response.location) == (303, "/me")
    assert await victim.display_name() == AMARA.display_name


async def test_p14_granted_scopes_come_from_the_token_alone(victim: Browser) -> None:
    callback_url = await victim.approve_login()
    assert "scopes=user.info.basic" in callback_url
    await victim.request(callback_url.replace("scopes=user.info.basic", "scopes=video.list,video.publish"))

    assert (await victim.request("/me")).json()["scopes"] == ["authenticated", "user.info.basic"]
    assert (await victim.request("/videos")).status == 403


METHODS = [f"P-15 {method}" for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "FOO", "get")]
METHODS += ["P-16 HEAD"]


@pytest.mark.parametrize("row", METHODS)
async def test_only_get_completes_a_login(victim: Browser, emulator: Emulator, row: str) -> None:
    callback_url = await victim.approve_login()
    override = [("x-http-method-override", "GET"), ("content-type", "application/x-www-form-urlencoded")]
    body = urlsplit(callback_url).query.encode() + b"&_method=GET"
    for address in (callback_url, CALLBACK):
        response = await victim.request(address, method=row.split()[1], headers=override, body=body)
        assert (response.status, response.headers["allow"]) == (405, "GET")
    assert count_requests(emulator) == 0
    assert SESSION_COOKIE not in victim.jar
    assert (await victim.request(callback_url)).status == 303


PREFETCH = {
    "P-16 Sec-Purpose": ("sec-purpose", "prefetch;prerender"),
    "P-16 Purpose": ("purpose", "prefetch"),
    "P-16 X-Moz": ("x-moz", "prefetch"),
}


@pytest.mark.parametrize("header", PREFETCH.values(), ids=PREFETCH.keys())
async def test_prefetch_of_the_callback_does_not_use_the_login(
    victim: Browser, emulator: Emulator, header: tuple[str, str]
) -> None:
    callback_url = await victim.approve_login()

    assert (await victim.request(callback_url, headers=[header])).status == 204
    assert count_requests(emulator) == 0
    assert (await victim.request(callback_url)).status == 303


async def test_p16_link_preview_does_not_use_the_login(victim: Browser, site: ASGIApp, emulator: Emulator) -> None:
    callback_url = await victim.approve_login()
    preview = Browser(site, emulator)

    assert (
        await preview.request(callback_url, headers=[("user-agent", "PreviewBot/1.0")], fetch_metadata=False)
    ).status == 400
    assert count_requests(emulator) == 0
    assert (await victim.request(callback_url)).status == 303


async def test_p17_reload_redirects_again_without_a_request_to_tiktok(victim: Browser, emulator: Emulator) -> None:
    callback_url = await victim.approve_login()
    first = await victim.request(callback_url)
    session = victim.session_cookie
    again = await victim.request(callback_url)

    assert (again.status, again.location) == (first.status, first.location)
    assert not again.set_cookie_lines
    assert victim.session_cookie == session
    assert count_requests(emulator) == 1


async def test_p17_used_callback_signs_nobody_in(victim: Browser, attacker: Browser, emulator: Emulator) -> None:
    callback_url = await victim.approve_login()
    await victim.request(callback_url)
    await victim.sign_out()
    await attacker.sign_in(JUN)
    for browser, name in ((victim, ""), (attacker, JUN.display_name)):
        response = await browser.request(callback_url)
        assert response.status == 400
        assert "This sign-in is already complete" in response.text
        assert await browser.display_name() == name
    assert count_requests(emulator) == 2


@pytest.mark.parametrize("keeps_cookie", [True, False], ids=["P-18 with its cookie", "P-18 without its cookie"])
async def test_login_expires_after_ten_minutes(
    victim: Browser, emulator: Emulator, clock: Clock, keeps_cookie: bool
) -> None:
    callback_url = await victim.approve_login()
    cookie = victim.jar.cookie_header(victim.home)
    clock.advance(601)
    assert victim.jar.cookie_header(victim.home) == ""
    response = await victim.request(callback_url, headers=[("cookie", cookie)] if keeps_cookie else [])

    assert response.status == 400
    assert "This took too long" in response.text
    assert 'href="/auth/tiktok/login' in response.text
    assert count_requests(emulator) == 0


async def test_p19_login_as_another_user_ends_the_previous_session(
    victim: Browser, attacker: Browser, store: MemoryStore
) -> None:
    await victim.sign_in(JUN)
    first = victim.session_cookie
    await victim.sign_in(AMARA)
    attacker.jar.store(attacker.home, f"{SESSION_COOKIE}={first}; Secure; Path=/")

    assert victim.session_cookie != first
    assert await victim.display_name() == AMARA.display_name
    assert await attacker.display_name() == "", "the previous session is still valid"
    assert sum(key.startswith("session:") for key in store._records) == 1


async def test_p20_callback_in_the_url_fragment_is_rejected(victim: Browser, emulator: Emulator) -> None:
    callback_url = await victim.approve_login()

    assert (await victim.request(f"{CALLBACK}#{urlsplit(callback_url).query}")).status == 400
    assert count_requests(emulator) == 0


async def test_p21_thousand_identical_callbacks_send_one_request_to_tiktok(
    victim: Browser, emulator: Emulator, store: MemoryStore
) -> None:
    """At most a hundred of them wait for the first one. These get its session, and so do those that need not wait."""
    query = urlsplit(await victim.approve_login()).query
    statuses: list[int] = []

    async def open_callback() -> None:
        statuses.append((await send_callback(victim, query)).status)

    async with anyio.create_task_group() as group:
        for _ in range(1000):
            group.start_soon(open_callback)

    assert count_requests(emulator) == 1
    assert statuses.count(303) >= 101
    assert statuses.count(303) + statuses.count(400) == 1000
    assert sum(key.startswith("session:") for key in store._records) == 1
