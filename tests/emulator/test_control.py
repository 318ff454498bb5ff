from dataclasses import replace
from typing import Any

import httpx2
import pytest

from asgi_tiktok.emulator import CAST, DEFAULT_APP, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator, Person
from asgi_tiktok.emulator.inspector.serialization import redact_value

from .wire import (
    ALL_SCOPES,
    VERIFIER,
    Clock,
    authorization_url,
    browser_of,
    code_form,
    credentials,
    post_token,
    sign_in,
    user_info,
)

pytestmark = pytest.mark.anyio

AMARA, *_ = CAST
API = "/_emulator/api"
HOOKED = replace(DEFAULT_APP, webhook_url="http://localhost:8000/hook")


async def read(browser: httpx2.AsyncClient, path: str) -> dict[str, Any]:
    answer = await browser.get(API + path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    body: dict[str, Any] = answer.json()
    return body


async def do(browser: httpx2.AsyncClient, path: str, expected: int = 200, **body: Any) -> dict[str, Any]:
    answer = await browser.post(API + path, json=body)
    assert answer.status_code == expected, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def test_a_test_in_any_language_signs_in(browser: httpx2.AsyncClient) -> None:
    url = authorization_url(scope=ALL_SCOPES)
    agreed = await do(browser, "/consent", authorization_url=url, person=AMARA.open_id, scopes=["video.list"])
    assert "access_token" in await post_token(browser, code_form(agreed["location"]))
    refused = await do(browser, "/consent", authorization_url=url, decision="deny")
    assert "error=access_denied" in refused["location"]

    fault = await do(browser, "/consent", 400, authorization_url=authorization_url(scope="x"))
    assert fault["refused"]["error_type"] == "scope"
    assert "Not enabled" in fault["error"]


async def test_everything_can_be_looked_at_and_no_secret_is_shown(
    browser: httpx2.AsyncClient, emulator: Emulator
) -> None:
    tokens = await sign_in(browser, emulator, scope=ALL_SCOPES)
    await user_info(browser, tokens["access_token"], "open_id")
    await user_info(browser, f"{tokens['access_token']}x", tokens["refresh_token"])

    overview = await read(browser, "/")
    assert overview["knobs"]["lifetimes"] == "new"
    assert "token" in overview["endpoints"]
    people = (await read(browser, "/people"))["people"]
    assert [person["open_id"] for person in people] == [person.open_id for person in CAST]
    [grant] = (await read(browser, "/grants"))["grants"]
    assert [token["kind"] for token in grant["tokens"]] == ["access", "refresh"]
    exchanges = (await read(browser, "/exchanges"))["exchanges"]
    assert [exchange["endpoint"] for exchange in exchanges] == ["consent", "token", "user_info", "user_info"]
    assert exchanges[3]["error"] == "access_token_invalid"
    later = (await read(browser, f"/exchanges?after={exchanges[1]['log_id']}"))["exchanges"]
    assert later == exchanges[2:]
    everything = [(await browser.get(path)).text for path in (f"{API}/grants", f"{API}/exchanges", "/_emulator/")]
    for secret in (tokens["access_token"], tokens["refresh_token"], DEFAULT_CLIENT_SECRET, VERIFIER):
        assert not any(secret in text for text in everything)


async def test_a_token_is_ended_by_id_by_value_or_by_person(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    tokens = [await sign_in(browser, emulator) for _ in range(3)]
    [grant] = (await read(browser, "/grants"))["grants"]

    async def alive() -> list[int]:
        return [(await user_info(browser, token["access_token"], "open_id")).status_code for token in tokens]

    assert await do(browser, "/expire", token=grant["tokens"][0]["id"]) == {"expired": 1}
    assert await alive() == [401, 200, 200]
    await do(browser, "/expire", token=tokens[1]["access_token"])
    assert await alive() == [401, 401, 200]
    assert await do(browser, "/expire", open_id=AMARA.open_id) == {"expired": 1}
    assert await alive() == [401, 401, 401]
    await do(browser, "/expire", token=tokens[0]["refresh_token"])
    assert "No such token is alive" in (await do(browser, "/expire", 400, token="x"))["error"]
    assert "No such token is alive" in (await do(browser, "/expire", 400, open_id="x"))["error"]


async def test_a_grant_is_revoked_and_the_app_is_told(clock: Clock) -> None:
    emulator = Emulator([HOOKED], clock=clock)
    async with browser_of(emulator) as browser:
        await sign_in(browser, emulator)
        [grant] = (await do(browser, "/revoke", open_id=AMARA.open_id, reason=2))["grants"]
        assert (grant["removed"], grant["tokens"]) == (2, [])
        assert "not any more" in (await do(browser, "/revoke", 400, open_id=AMARA.open_id))["error"]
        sent = await do(browser, "/webhook", event="video.publish.completed", content={"share_id": "v"})
        assert sent["delivered"] is False
        deliveries = (await read(browser, "/deliveries"))["deliveries"]
        assert [delivery["event"] for delivery in deliveries] == ["authorization.removed", "video.publish.completed"]


async def test_time_and_faults(browser: httpx2.AsyncClient, emulator: Emulator, clock: Clock) -> None:
    tokens = await sign_in(browser, emulator)
    assert await do(browser, "/clock", move=7200) == {"now": clock.now + 7200, "offset": 7200}
    assert (await user_info(browser, tokens["access_token"], "open_id")).status_code == 401

    added = await do(browser, "/faults", endpoint="token", kind="5xx", times=2, status=502)
    assert added == {"endpoint": "token", "kind": "5xx", "times": 2, "left": 2}
    assert (await browser.post("/v2/oauth/token/")).status_code == 502
    assert (await read(browser, "/faults"))["faults"][0]["left"] == 1
    assert (await browser.request("DELETE", f"{API}/faults")).json() == {"faults": []}

    assert (await do(browser, "/reset"))["offset"] == 0
    emulator.clock.move(1)
    emulator.reset()
    assert emulator.clock() == clock.now
    assert [await read(browser, path) for path in ("/grants", "/exchanges")] == [{"grants": []}, {"exchanges": []}]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/faults", {"endpoint": "token"}, "kind is missing; send endpoint and kind."),
        ("/faults", {"endpoint": "token", "kind": "5xx", "time": 1}, "time is not known here; did you mean times?"),
        ("/faults", {"endpoint": 1, "kind": "5xx"}, "endpoint=1 is not a text."),
        ("/clock", {}, "move is missing"),
        ("/clock", {"move": "1"}, "is not a number of seconds"),
        ("/clock", {"move": True}, "is not a number of seconds"),
        ("/clock", {"move": 1e300}, "would leave the calendar"),
        ("/revoke", {"open_id": "x", "reason": 9}, "5 (revoked by app)"),
        ("/revoke", {"open_id": "x", "client_key": "sbemulatorclientkez"}, "did you mean sbemulatorclientkey?"),
        ("/webhook", {"event": "authorization.removed"}, "has no webhook_url"),
        ("/webhook", {"event": "authorization.removed", "content": 1}, "is not a JSON object"),
        ("/consent", {"authorization_url": "http://localhost/login"}, "is not the path of TikTok's authorize page"),
        ("/consent", {"authorization_url": "http://[", "scopes": None}, "Invalid IPv6 URL"),
        ("/consent", {"authorization_url": "x", "scopes": "all"}, "is not a list of texts"),
        ("/expire", {}, "open_id is missing"),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(
    browser: httpx2.AsyncClient, path: str, body: dict[str, Any], says: str
) -> None:
    assert says in (await do(browser, path, 400, **body))["error"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"{}", 400),
        ({"Content-Type": "application/json"}, b"[]", 400),
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/json"}, b'{"open_id": "\\ud800"}', 400),
        ({"Content-Type": "application/json", "Origin": "https://evil.test"}, b"{}", 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, b"{}", 403),
        ({"Content-Type": "application/json", "Host": "evil.example.com"}, b"{}", 421),
        ({"Content-Type": "application/json", "Origin": "http://testserver"}, b"", 200),
    ],
)
@pytest.mark.parametrize("path", [f"{API}/reset"])
async def test_another_sites_page_moves_nothing(
    browser: httpx2.AsyncClient, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = await browser.post(path, headers=headers, content=body)

    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("action", ["fault", "clock", "revoke", "expire", "webhook", "reset"])
async def test_another_sites_form_moves_nothing(browser: httpx2.AsyncClient, action: str) -> None:
    answer = await browser.post(f"/_emulator/do/{action}", headers={"Origin": "null"}, data={"move": "1"})

    assert answer.status_code == 403


async def test_a_form_that_does_not_fit_shows_the_page_with_the_cure(browser: httpx2.AsyncClient) -> None:
    for action, form, says in [
        ("clock", {"move": "soon"}, "move=&#39;soon&#39; is not a number."),
        ("fault", {"endpoint": "token", "kind": "5xx", "times": ""}, ""),
        ("revoke", {"open_id": "<b>"}, "&lt;b&gt;"),
    ]:
        answer = await browser.post(f"/_emulator/do/{action}", data=form)
        assert answer.status_code == (400 if says else 303)
        assert says in answer.text
        assert "<b>" not in answer.text


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("client_secret", "emulator-client-secret", "emul…"),
        ("code", "short", "…"),
        ("refresh_token", "", ""),
        ("Authorization", "Bearer act.emulator.abcdefghijklmnop!1234.va", "Bearer act.emulator.abcd…"),
        ("state", "abc", "abc"),
        ("body", '{"t":"rft.emulator.abcdefghijklmnop!1234"}', '{"t":"rft.emulator.abcd…"}'),
        ("code_challenge", "e9" * 32, "e9" * 32),
    ],
)
def test_a_secret_is_shortened_wherever_it_stands(name: str, value: str, shown: str) -> None:
    assert redact_value(name, value) == shown


async def test_exchanges_of_strangers_are_shown_too() -> None:
    emulator = Emulator(people=[Person(open_id="a/b", display_name="A")])
    async with browser_of(emulator) as browser:
        await browser.post("/v2/oauth/token/", data=credentials(token="x"), headers={"Authorization": "Basic abc"})
        page = await browser.get("/_emulator/")
    assert DEFAULT_CLIENT_KEY in page.text
    assert "Basic …" in page.text
