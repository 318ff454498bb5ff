from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from asgi_tiktok.emulator import CAST, DEFAULT_APP, DEFAULT_CLIENT_KEY, App, Emulator

from .wire import WEB, Clock, browser_of, code_form, credentials, post_token, query

pytestmark = pytest.mark.anyio

AMARA, *_, NOOR, REX, IVY = CAST
PHONE = "/_emulator/phone"
OTHER = App("awother", "other-secret", ("http://localhost:*/cb",))


async def get_qrcode(browser: httpx2.AsyncClient, **form: str) -> dict[str, Any]:
    fields = {"client_key": DEFAULT_CLIENT_KEY, "scope": "user.info.basic,video.list", "state": "s t"}
    answer: dict[str, Any] = (await browser.post("/v2/oauth/get_qrcode/", data={**fields, **form})).json()
    return answer


async def check(browser: httpx2.AsyncClient, token: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await browser.post("/v2/oauth/check_qrcode/", data=credentials(token=token))).json()
    return answer


async def scan(browser: httpx2.AsyncClient, qr: dict[str, Any]) -> httpx2.Response:
    form = {"token": qr["token"], "client_ticket": "my-ticket", "decision": "scan"}
    return await browser.post(PHONE, data=form)


async def decide(browser: httpx2.AsyncClient, qr: dict[str, Any], **form: Any) -> httpx2.Response:
    fields = {"token": qr["token"], "person": AMARA.open_id, "scopes": "video.list", "decision": "approve"}
    return await browser.post(PHONE, data={**fields, **form})


async def test_get_qrcode_returns_a_link_for_the_phone(browser: httpx2.AsyncClient) -> None:
    answer = await get_qrcode(browser)

    assert set(answer) == {"scan_qrcode_url", "token"}
    assert len(answer["token"]) == 32
    url = urlsplit(answer["scan_qrcode_url"])
    assert (url.scheme, url.netloc) == ("aweme", "authorize")
    assert parse_qs(url.query)["client_ticket"] == ["tobefilled"]


async def test_qr_code_login(browser: httpx2.AsyncClient) -> None:
    qr = await get_qrcode(browser)
    assert await check(browser, qr["token"]) == {"client_ticket": "", "status": "new"}

    await scan(browser, qr)
    assert await check(browser, qr["token"]) == {"client_ticket": "my-ticket", "status": "scanned"}

    assert "put the phone away" in (await decide(browser, qr)).text
    confirmed = await check(browser, qr["token"])
    assert (confirmed["status"], confirmed["client_ticket"], confirmed["state"]) == ("confirmed", "my-ticket", "s t")
    assert query(confirmed["redirect_uri"])["scopes"] == "user.info.basic,video.list"

    assert await check(browser, qr["token"]) == {"client_ticket": "my-ticket", "status": "utilised"}
    tokens = await post_token(browser, code_form(confirmed["redirect_uri"], redirect_uri=WEB, code_verifier=None))
    assert tokens["open_id"] == AMARA.open_id


async def test_qr_confirmed_knob_returns_only_the_code() -> None:
    emulator = Emulator([OTHER], qr_confirmed="code")
    async with browser_of(emulator) as browser:
        answer = await browser.post(
            "/v2/oauth/get_qrcode/", data={"client_key": "awother", "scope": "user.info.basic"}
        )
        qr = answer.json()
        await scan(browser, qr)
        await decide(browser, qr, scopes="user.info.basic")
        form = {"client_key": "awother", "client_secret": "other-secret"}
        confirmed = (await browser.post("/v2/oauth/check_qrcode/", data={**form, "token": qr["token"]})).json()
        exchange = {"grant_type": "authorization_code", "redirect_uri": "http://localhost:8000/cb"}
        tokens = await post_token(browser, {**form, **exchange, "code": confirmed["code"]})

    assert confirmed.keys() == {"client_ticket", "status", "code"}
    assert tokens["open_id"] == AMARA.open_id


async def test_denial_and_time_expire_a_qr_code(browser: httpx2.AsyncClient, clock: Clock) -> None:
    refused, old, unfetched = [await get_qrcode(browser) for _ in range(3)]
    await scan(browser, refused)
    assert "has expired" in (await decide(browser, refused, decision="deny")).text
    await scan(browser, unfetched)
    await decide(browser, unfetched)
    clock.forward(300)

    for qr in (refused, old, unfetched):
        assert await check(browser, qr["token"]) == {"client_ticket": "", "status": "expired"}
    assert "QR code is expired" in (await scan(browser, old)).text
    assert "has expired" in (await browser.get(PHONE, params={"token": old["token"]})).text


@pytest.mark.parametrize(
    ("path", "form", "error"),
    [
        ("get_qrcode", {}, "invalid_request"),
        ("get_qrcode", {"client_key": "awnobody", "scope": "user.info.basic"}, "invalid_client"),
        ("get_qrcode", {"client_key": DEFAULT_CLIENT_KEY}, "invalid_request"),
        ("get_qrcode", {"client_key": DEFAULT_CLIENT_KEY, "scope": "message.list"}, "invalid_scope"),
        ("check_qrcode", {}, "invalid_request"),
        ("check_qrcode", {"client_key": DEFAULT_CLIENT_KEY}, "invalid_request"),
        ("check_qrcode", credentials(), "invalid_request"),
        ("check_qrcode", credentials(token="X"), "invalid_request"),
        ("check_qrcode", credentials(token="X", client_secret="wrong"), "invalid_client"),
    ],
)
async def test_invalid_qr_code_request_is_refused(
    browser: httpx2.AsyncClient, emulator: Emulator, path: str, form: dict[str, str], error: str
) -> None:
    answer = (await browser.post(f"/v2/oauth/{path}/", data=form)).json()

    assert answer["error"] == error
    assert emulator.exchanges[-1].endpoint == path
    assert emulator.exchanges[-1].fix


async def test_camera_accepts_the_text_of_a_qr_code(browser: httpx2.AsyncClient) -> None:
    qr = await get_qrcode(browser)
    filled = qr["scan_qrcode_url"].replace("tobefilled", "my-ticket")

    assert f"{PHONE}?token={qr['token']}" in (await browser.get(PHONE)).text
    assert 'value="my-ticket"' in (await browser.get(PHONE, params={"code": filled})).text
    assert 'value="tobefilled"' in (await browser.get(PHONE, params={"code": qr["token"]})).text
    for code in ("https://example.com/", "http://[", "aweme://authorize", ""):
        page = await browser.get(PHONE, params={"code": code})
        assert "This QR code is unknown" in page.text


async def test_phone_shows_errors(browser: httpx2.AsyncClient) -> None:
    qr = await get_qrcode(browser)
    assert "QR code is new, not scanned" in (await decide(browser, qr)).text
    await scan(browser, qr)
    assert "is banned from TikTok" in (await decide(browser, qr, person=REX.open_id)).text
    assert "target users" in (await decide(browser, qr, person=NOOR.open_id)).text
    for form, expected in [
        ({"person": "nobody"}, "is not the open_id of a known person"),
        ({"decision": "maybe"}, "'maybe' is not one of"),
        ({"token": "X"}, "No login has this token"),
    ]:
        answer = await decide(browser, qr, **form)
        assert (answer.status_code, expected in answer.text) == (400, True)
    foreign = await browser.post(PHONE, data={"token": qr["token"]}, headers={"Origin": "https://evil.test"})
    assert foreign.status_code == 403
    assert (await check(browser, qr["token"]))["status"] == "scanned"


async def test_oldest_qr_codes_are_removed(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    first = await get_qrcode(browser)
    form = {"client_key": DEFAULT_CLIENT_KEY, "scope": "user.info.basic"}
    for _ in range(1000):
        emulator._state.qr_logins.handle_get_qrcode(form)

    assert (await check(browser, first["token"]))["error"] == "invalid_request"
    assert DEFAULT_APP.client_key in emulator.apps
