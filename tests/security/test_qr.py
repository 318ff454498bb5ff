"""Login by QR code: the code of another browser, a ticket that does not match, replays, floods, and leaks."""

import asyncio
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.client import qr_polls
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.http.login_link import LoginAttempt
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.canaries import OLD_SECRET_KEY, Canaries
from tests.support.faults import FaultyTransport, raising, responding
from tests.support.held_tiktok import HeldTransport
from tests.support.people import AMARA, JUN
from tests.support.qr import CHECK, QR, Phone
from tests.support.requests import RawResponse
from tests.support.settings import CALLBACK, LOGIN, LOGIN_COOKIE, SESSION_COOKIE
from tests.support.tiktok import count_requests, new_tiktok

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("poll_at_once")]


@pytest.fixture
def tiktok(transport: FaultyTransport, store: MemoryStore) -> TikTok:
    return new_tiktok(transport, store=store, qr=True)


async def open_page(browser: Browser) -> str:
    """Open the page, and return its address."""
    response = await browser.request(f"{QR}?next=/me")
    assert response.status == 303, response.text
    return response.location


async def ask(browser: Browser, address: str) -> RawResponse:
    """Ask as the script of the page does."""
    return await browser.request(address, page=str(browser.home), top_level=False)


async def test_q01_address_of_the_page_is_worth_nothing_in_another_browser(
    victim: Browser, attacker: Browser, emulator: Emulator
) -> None:
    address = await open_page(victim)
    await open_page(attacker)
    Phone(emulator).scan()
    phone = next(Phone(emulator, login) for login in emulator._state.qr_logins.waiting() if login.status == "new")
    phone.confirm()
    stolen = await attacker.request(address)

    assert (stolen.status, "This code does not work here" in stolen.text) == (400, True)
    assert (await ask(attacker, address)).json() == {"progress": "ended"}
    assert SESSION_COOKIE not in attacker.jar
    assert (await victim.request(address)).status == 303
    assert await victim.display_name() == AMARA.display_name


@pytest.mark.parametrize("ticket", ["tobefilled", "", "that of another login", "one more letter"])
async def test_q02_scan_with_another_ticket_ends_the_login(
    victim: Browser, attacker: Browser, emulator: Emulator, ticket: str
) -> None:
    await open_page(attacker)
    other = Phone(emulator).ticket
    address = await open_page(victim)
    cookie = victim.jar.cookie_header(victim.home)
    phone = Phone(emulator)
    phone.scan({"that of another login": other, "one more letter": f"{phone.ticket}x"}.get(ticket, ticket))
    phone.decide()
    response = await victim.request(address)

    assert (response.status, "Another code was scanned" in response.text) == (400, True)
    assert not any(each.name.startswith(LOGIN_COOKIE) for each in victim.jar)
    phone.login.client_ticket, phone.login.status = phone.ticket, "confirmed"
    assert (await victim.request(address, headers=[("cookie", cookie)])).status == 400
    assert count_requests(emulator) == 0


async def test_q03_result_with_the_state_of_another_login_ends_the_login(
    victim: Browser, emulator: Emulator, transport: FaultyTransport
) -> None:
    address = await open_page(victim)
    result = {"status": "confirmed", "client_ticket": Phone(emulator).ticket, "code": "code", "state": "other"}
    transport.path, transport.fault = CHECK, responding(200, json=result)

    assert (await victim.request(address)).status == 400
    assert count_requests(emulator) == 0


async def test_q04_replay_gives_no_second_session_and_none_after_the_sign_out(
    victim: Browser, attacker: Browser, emulator: Emulator
) -> None:
    address = await open_page(victim)
    cookie = [("cookie", victim.jar.cookie_header(victim.home))]
    Phone(emulator).confirm()
    assert (await victim.request(address)).status == 303
    lost = await attacker.request(address, headers=cookie)
    assert lost.set_cookie_lines[SESSION_COOKIE].startswith(f"{SESSION_COOKIE}={victim.session_cookie};")

    assert (await attacker.request(address, headers=cookie)).status in (303, 400)
    await victim.sign_out()
    assert (await attacker.request(address, headers=cookie)).status == 400
    assert count_requests(emulator) == 1


async def test_q05_callback_takes_no_code_for_a_login_by_qr_code(
    victim: Browser, attacker: Browser, emulator: Emulator
) -> None:
    """The state is in the code for everybody to see."""
    await open_page(victim)
    code = (await attacker.approve_login(person=JUN)).partition("code=")[2].partition("&")[0]
    response = await victim.request(f"{CALLBACK}?code={code}&state={Phone(emulator).ticket}")

    assert (response.status, "did not begin here" in response.text) == (400, True)
    assert count_requests(emulator) == 0
    assert SESSION_COOKIE not in victim.jar


@pytest.mark.parametrize("name", ["that of a redirect", "", "../../x", "A" * 11, "\u00e9" * 11])
async def test_q06_route_takes_no_other_login(victim: Browser, emulator: Emulator, name: str) -> None:
    await victim.start_login()
    if name == "that of a redirect":
        (name,) = (each.name.removeprefix(LOGIN_COOKIE) for each in victim.jar)

    assert (await victim.request(f"{QR}?login={name}")).status == 400
    assert count_requests(emulator, "check_qrcode") == 0


async def test_q07_login_under_a_removed_key_is_refused(
    victim: Browser, emulator: Emulator, store: MemoryStore
) -> None:
    address = await open_page(victim)
    Phone(emulator).confirm()
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store, qr=True, secret_key=OLD_SECRET_KEY)
    victim.app = TikTokAuthMiddleware(app, tiktok)

    assert (await victim.request(address)).status == 400


async def test_q08_flood_of_one_visitor_is_one_question_to_tiktok(
    victim: Browser, tiktok: TikTok, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = await open_page(victim)
    monkeypatch.setattr(qr_polls, "INTERVAL", 60)
    for _ in range(10):
        await asyncio.gather(ask(victim, address), victim.request(address))

    assert count_requests(emulator, "check_qrcode") == 1
    assert not tiktok._logins.running, "nobody asks for a visitor who has left"


async def test_q09_flood_of_new_logins_is_refused_before_tiktok_is_asked(
    site: ASGIApp, victim: Browser, attacker: Browser, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qr_polls, "MAX_LOGINS", 2)
    address = await open_page(victim)
    await open_page(attacker)
    refused = await attacker.request(QR)
    assert (refused.status, "Retry-After" in refused.headers) == (503, True)
    assert count_requests(emulator, "get_qrcode") == 2
    Phone(emulator, emulator._state.qr_logins.waiting()[-1]).confirm()
    assert (await victim.request(address)).status == 303

    monkeypatch.setattr(qr_polls, "FORGET_AFTER", -1)
    await open_page(attacker)


async def test_q10_tiktok_decides_when_it_is_asked_again(
    victim: Browser, emulator: Emulator, transport: FaultyTransport
) -> None:
    address = await open_page(victim)
    transport.path = CHECK
    transport.fault = responding(429, json={"error": "rate_limit_exceeded"}, headers={"retry-after": "9"})
    for _ in range(3):
        assert (await victim.request(address)).status == 200

    assert transport.calls == 1


async def test_q11_questions_wait_while_too_many_are_unanswered(
    site: ASGIApp, victim: Browser, emulator: Emulator, transport: FaultyTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qr_polls, "MAX_AT_ONCE", 0)
    refused = await victim.request(QR)

    assert refused.status == 503
    assert not emulator.exchanges


async def test_q12_visitor_who_leaves_at_the_end_finds_the_session_later(
    store: MemoryStore, emulator: Emulator
) -> None:
    held = HeldTransport(emulator)
    tiktok = new_tiktok(held, store=store, qr=True)
    victim = Browser(TikTokAuthMiddleware(app, tiktok), emulator)
    address = await open_page(victim)
    Phone(emulator).confirm()
    held.holding = True
    request = asyncio.create_task(victim.request(address))
    await held.responded.wait()
    request.cancel()
    await asyncio.wait({request})
    held.release.set()
    await tiktok._logins.aclose()

    assert (await victim.request(address)).status == 303
    assert await victim.display_name() == AMARA.display_name
    assert count_requests(emulator) == 1


async def test_q13_page_cannot_be_framed_stored_or_read_by_other_sites(victim: Browser) -> None:
    response = await victim.request(await open_page(victim))

    policy = response.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in response.headers


FAILURES: dict[str, Any] = {
    "refused": responding(200, json={"error": "invalid_request", "error_description": "token"}),
    "unreachable": raising(httpx2.ConnectError("refused")),
    "list": responding(200, json=[]),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_q14_logs_and_errors_contain_no_ticket_and_no_token(
    victim: Browser, emulator: Emulator, transport: FaultyTransport, canaries: Canaries, failure: Any
) -> None:
    address = await open_page(victim)
    phone = Phone(emulator)
    canaries.secrets |= {phone.ticket, phone.login.token}
    transport.path, transport.fault = CHECK, failure
    await victim.request(address)
    transport.fault = None
    phone.confirm()
    await victim.request(address)

    assert canaries.found == []


async def test_q15_link_that_connects_an_account_shows_no_code(
    attacker: Browser, emulator: Emulator, tiktok: TikTok
) -> None:
    """Otherwise a victim who scans the code would connect an account to the user of the attacker."""
    link = tiktok._login_links.write(LoginAttempt(user_id="mallory"), "")
    response = await attacker.request(link.replace(LOGIN, QR), page=str(attacker.home))

    assert (response.status, "This link no longer works" in response.text) == (403, True)
    assert not emulator.exchanges
    assert list(attacker.jar) == []
