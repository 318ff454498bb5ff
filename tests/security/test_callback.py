"""Invalid callbacks are rejected without a request to TikTok, and change nothing (P-01 to P-10, P-13, P-14)."""

import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from asgi_tiktok.emulator import Emulator
from tests.support.browser import Browser
from tests.support.callbacks import callback_parts, send_callback
from tests.support.people import JUN
from tests.support.settings import SESSION_COOKIE
from tests.support.tiktok import count_requests

pytestmark = pytest.mark.anyio


def fill(query: str | bytes, values: dict[str, str]) -> bytes:
    """Replace each `{name}` in the query."""
    filled = query.encode() if isinstance(query, str) else query
    for name, value in values.items():
        filled = filled.replace(b"{%s}" % name.encode(), value.encode())
    return filled


REFUSED = {
    "P-01 nothing": "",
    "P-01 question mark": "?",
    "P-01 separators": "&&&&",
    "P-01 no name": "=x",
    "P-02 code alone": "code={code}",
    "P-02 state alone": "state={state}",
    "P-02 empty state": "code={code}&state=",
    "P-02 state without a value": "code={code}&state",
    "P-02 empty code": "code=&state={state}",
    "P-02 code without a value": "code&state={state}",
    "P-03 two codes": "code=a&code=b&state={state}",
    "P-03 the same code twice": "code={code}&code={code}&state={state}",
    "P-03 the same state twice": "code={code}&state={state}&state={state}",
    "P-03 two states": "code={code}&state={state}&state=T",
    "P-03 two states, the other first": "code={code}&state=T&state={state}",
    "P-03 a state twice, once encoded": "code={code}&state={state}&%73tate=T",
    "P-03 two errors": "error=access_denied&error=access_denied&state={state}",
    "P-03 code and error": "code={code}&error=access_denied&state={state}",
    "P-03 code and empty error": "code={code}&error=&state={state}",
    "P-04 PHP's array": "code={code}&state[]={state}",
    "P-04 PHP's index": "code={code}&state[0]={state}",
    "P-04 PHP's array of codes": "code[]={code}&state={state}",
    "P-04 capital": "code={code}&State={state}",
    "P-04 capitals": "code={code}&STATE={state}",
    "P-04 space before the name": "code={code}&+state={state}",
    "P-05 semicolon": "code={code};state={state}",
    "P-05 encoded ampersand": "code={code}%26state%3D{state}",
    "P-07 state cut": "code={code}&state={cut}",
    "P-07 state with one more letter": "code={code}&state={state}A",
    "P-07 state that is not base64url": "code={code}&state=" + "%2b" * 43,
    "P-07 state padded": "code={code}&state={state}=",
    "P-07 state with NUL": "code={code}&state={state}%00",
    "P-07 state with newline": "code={code}&state={state}%0a",
    "P-07 state with space": "code={code}&state={state}+",
    "P-07 state in the other case": "code={code}&state={swapped}",
    "P-07 state of look-alikes": "code={code}&state={lookalike}",
    "P-08 code with NUL": "code=a%00b&state={state}",
    "P-08 code with CR LF": "code=a%0d%0ab&state={state}",
    "P-08 code that is not UTF-8": "code=%ff&state={state}",
    "P-08 overlong slash": "code=%c0%af&state={state}",
    "P-08 IIS escape": "code=%u0041&state={state}",
    "P-08 lone percent": "code=a%&state={state}",
    "P-08 escape that is not hexadecimal": "code=%zz&state={state}",
    "P-08 surrogate": "code=%ed%a0%80&state={state}",
    "P-08 state that is not UTF-8": "code={code}&state=%ff",
    "P-08 state with a surrogate": "code={code}&state=%ed%a0%80",
    "P-09 raw bytes": b"code=\xff\xfe&state={state}",
    "P-09 raw UTF-8": b"code={code}\xc3\xa9&state={state}",
    "P-10 code too long": "code=" + "a" * 4097 + "&state={state}",
    "P-10 64 KB of state": "code={code}&state=" + "a" * 65536,
    "P-10 a megabyte of state": "code={code}&state=" + "a" * 1_000_000,
    "P-10 query too long": "code={code}&state={state}&x=" + "a" * 8192,
    "P-10 too many fields": "code={code}&state={state}" + "&x=1" * 100,
    "P-10 10,000 fields": "code={code}&state={state}" + "&x=1" * 10_000,
    "P-13 error without state": "error=invalid_client&errCode=10033&error_description=hidden",
    "P-13 error with an empty state": "error=invalid_scope&state=",
    "P-13 error with a foreign state": "error=access_denied&state=" + "A" * 43,
    "P-14 another issuer": "code={code}&state={state}&iss=https%3A%2F%2Fevil.test",
    "P-14 an empty issuer": "code={code}&state={state}&iss=",
    "P-14 a token instead of a code": "access_token=act.x&open_id=1&state={state}",
}


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED.keys())
async def test_invalid_callback_is_rejected_and_changes_nothing(
    victim: Browser, emulator: Emulator, caplog: pytest.LogCaptureFixture, query: str | bytes
) -> None:
    await victim.sign_in(JUN)
    callback_url = await victim.approve_login()
    parts = callback_parts(callback_url)
    caplog.clear()
    response = await send_callback(victim, fill(query, parts))

    assert response.status == 400
    assert count_requests(emulator) == 1, "a request went to TikTok"
    assert not response.set_cookie_lines
    assert await victim.display_name() == JUN.display_name, "the earlier session has ended"
    assert "TikTok" in response.text
    assert parts["state"] not in response.text
    (line,) = [record.getMessage() for record in caplog.records if record.name == "asgi_tiktok"]
    assert line.startswith("callback: ")
    assert len(line) < 1024
    assert (await victim.request(callback_url)).location == "/me", "the genuine callback no longer works"


async def count_calls(action: Callable[[], Awaitable[Any]]) -> int:
    """Count the function calls of an action. Unlike its time, their number does not depend on the machine."""
    calls = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        await action()
    finally:
        sys.setprofile(before)
    return calls


async def test_p10_huge_query_costs_less_than_twice_the_work_of_a_small_one(victim: Browser) -> None:
    state = "&state=" + "A" * 43
    plain = await count_calls(lambda: send_callback(victim, "code=c" + state))
    for huge in ("&x=1" * 10_000, "&" * 500_000, "&state=x" * 50_000, "&code=%41" * 50_000):
        assert await count_calls(lambda huge=huge: send_callback(victim, "code=c" + state + huge)) < 2 * plain  # type: ignore[misc]


@pytest.mark.legitimate
@pytest.mark.parametrize("safe", ["/", "*!", ""], ids=["P-06 quoted", "P-06 raw", "P-06 all quoted"])
async def test_percent_encoded_code_is_accepted(victim: Browser, safe: str) -> None:
    callback_url = await victim.approve_login()
    code = parse_qs(urlsplit(callback_url).query)["code"][0]

    assert {"*", "!"} <= set(code)
    assert (
        await send_callback(victim, f"code={quote(code, safe=safe)}&state={callback_parts(callback_url)['state']}")
    ).status == 303


CODES = {
    "P-06 plus": ("a+b", "a b"),
    "P-06 encoded space": ("a%20b", "a b"),
    "P-06 encoded plus": ("a%2Bb", "a+b"),
    "P-06 encoded twice": ("a%2525b", "a%25b"),
}


@pytest.mark.parametrize(("sent", "decoded"), CODES.values(), ids=CODES.keys())
async def test_code_is_decoded_exactly_once(victim: Browser, emulator: Emulator, sent: str, decoded: str) -> None:
    state = parse_qs(urlsplit(await victim.start_login()).query)["state"][0]

    assert (await send_callback(victim, f"code={sent}&state={state}")).status == 400
    assert emulator.exchanges[-1].request["code"] == decoded
    assert SESSION_COOKIE not in victim.jar


@pytest.mark.legitimate
async def test_p07_percent_encoded_state_is_accepted(victim: Browser) -> None:
    parts = callback_parts(await victim.approve_login())

    assert (await send_callback(victim, f"code={parts['code']}&state={parts['encoded']}")).status == 303
