"""What may come back to the callback, and what never signs anybody in."""

import time
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from starlette.testclient import TestClient

from asgi_tiktok.emulator import CAST, Emulator
from tests.visits import (
    CALLBACK,
    LOGIN_COOKIE,
    NAVIGATION,
    SESSION_COOKIE,
    asked,
    begin,
    come_back,
    cookies_set,
    name,
    raw_get,
    sign_in,
)

# C and S stand for a code and the state of a login that this browser did begin.
REFUSED = {
    "P-01 nothing": "",
    "P-01 separators": "&&&&",
    "P-01 no name": "=x",
    "P-02 code alone": "code=C",
    "P-02 state alone": "state=S",
    "P-02 empty state": "code=C&state=",
    "P-02 empty code": "code=&state=S",
    "P-02 bare code": "code&state=S",
    "P-03 two codes": "code=a&code=b&state=S",
    "P-03 the same state twice": "code=C&state=S&state=S",
    "P-03 two states": "code=C&state=S&state=T",
    "P-03 two errors": "error=access_denied&error=access_denied&state=S",
    "P-03 code and error": "code=C&error=access_denied&state=S",
    "P-03 code and empty error": "code=C&error=&state=S",
    "P-04 PHP's array": "code=C&state[]=S",
    "P-04 PHP's index": "code=C&state[0]=S",
    "P-04 capital": "code=C&State=S",
    "P-04 capitals": "code=C&STATE=S",
    "P-05 semicolon": "code=C;state=S",
    "P-05 encoded ampersand": "code=C%26state%3DS",
    "P-07 state cut": "code=C&state=S-1",
    "P-07 state grown": "code=C&state=SA",
    "P-07 state padded": "code=C&state=S=",
    "P-07 state with NUL": "code=C&state=S%00",
    "P-07 state with newline": "code=C&state=S%0a",
    "P-08 code with NUL": "code=a%00b&state=S",
    "P-08 code with CR LF": "code=a%0d%0ab&state=S",
    "P-08 code no UTF-8": "code=%ff&state=S",
    "P-08 overlong slash": "code=%c0%af&state=S",
    "P-08 IIS escape": "code=%u0041&state=S",
    "P-08 lone percent": "code=a%&state=S",
    "P-08 no hexadecimal": "code=%zz&state=S",
    "P-08 surrogate": "code=%ed%a0%80&state=S",
    "P-10 code too long": "code=" + "a" * 4097 + "&state=S",
    "P-10 query too long": "code=C&state=S&x=" + "a" * 8192,
    "P-10 too many fields": "code=C&state=S" + "&x=1" * 100,
    "P-13 error without state": "error=access_denied",
    "P-13 error with a foreign state": "error=access_denied&state=" + "A" * 43,
    "P-14 another issuer": "code=C&state=S&iss=https%3A%2F%2Fevil.test",
    "P-16 SDK's cancel": "error_code=-2&error_string=cancelled&state=",
}


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED.keys())
def test_a_callback_that_tiktok_never_sends_changes_nothing(
    browser: TestClient, emulator: Emulator, query: str
) -> None:
    sign_in(browser, emulator, person=CAST[1])
    back = come_back(browser, emulator)
    real = parse_qs(urlsplit(back).query)
    state = real["state"][0]
    query = query.replace("S-1", state[:-1]).replace("=S", f"={state}").replace("=C", f"={quote(real['code'][0])}")
    answer = browser.get(f"{CALLBACK}?{query}", headers=NAVIGATION)

    assert answer.status_code == 400
    assert asked(emulator) == 1, "TikTok was asked"
    assert SESSION_COOKIE not in cookies_set(answer)
    assert name(browser) == "Jun", "the earlier login is gone"
    assert "TikTok" in answer.text
    assert state not in answer.text
    assert browser.get(back).headers["location"] == "/me", "the real callback works no more"


@pytest.mark.parametrize(
    "query",
    [
        b"code=\xff\xfe&state=x",
        b"code=c&state=" + b"a" * 65536,
        b"code=c&" + b"&".join(b"f%d=1" % number for number in range(10_000)),
    ],
    ids=["P-09 raw bytes", "P-10 64 KB of state", "P-10 10,000 fields"],
)
def test_what_no_browser_sends_is_refused_at_once(browser: TestClient, query: bytes) -> None:
    raw_get(browser, CALLBACK, query)
    began = time.perf_counter()

    assert raw_get(browser, CALLBACK, query) == 400
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("encode", [quote, lambda code: code, lambda code: quote(code, safe="")])
def test_the_code_is_decoded_exactly_once(
    browser: TestClient, emulator: Emulator, encode: Callable[[str], str]
) -> None:
    real = parse_qs(urlsplit(come_back(browser, emulator)).query)
    code, state = real["code"][0], real["state"][0]
    answer = browser.get(f"{CALLBACK}?code={encode(code)}&state={state}")

    assert answer.status_code == 303
    assert "*" in code
    assert "!" in code


@pytest.mark.parametrize(
    ("written", "meant"), [("a+b", "a b"), ("a%20b", "a b"), ("a%2Bb", "a+b"), ("a%2525b", "a%25b")]
)
def test_tiktok_gets_the_code_that_the_browser_brought(
    browser: TestClient, emulator: Emulator, written: str, meant: str
) -> None:
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    answer = browser.get(f"{CALLBACK}?code={written}&state={state}")

    assert answer.status_code == 400
    assert emulator.exchanges[-1].request["code"] == meant


def test_a_state_in_encoded_letters_is_the_same_state(browser: TestClient, emulator: Emulator) -> None:
    real = parse_qs(urlsplit(come_back(browser, emulator)).query)
    spelt = "".join(f"%{ord(char):02x}" for char in real["state"][0])

    assert browser.get(f"{CALLBACK}?code={quote(real['code'][0])}&state={spelt}").status_code == 303


@pytest.mark.parametrize(
    "error",
    [
        "error=access_denied",
        "error=access_denied&errCode=-2",
        "error_code=-2&error_string=cancelled",
    ],
)
def test_a_denial_is_told_from_a_fault(browser: TestClient, emulator: Emulator, error: str) -> None:
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    answer = browser.get(f"{CALLBACK}?{error}&state={state}")

    assert answer.status_code == 403
    assert "You cancelled the sign-in" in answer.text
    assert asked(emulator) == 0
    assert not any(cookie.startswith(LOGIN_COOKIE) for cookie in browser.cookies)


@pytest.mark.parametrize(
    ("error", "title"),
    [
        ("error=temporarily_unavailable", "TikTok is busy"),
        ("error=server_error&error_description=oops", "TikTok is busy"),
        ("error=something_new", "TikTok did not let this sign-in through"),
        ("errCode=10004", "TikTok did not let this sign-in through"),
        ("error=access_denied&error_type=non_sandbox_target", "This account cannot sign in yet"),
    ],
)
def test_tiktoks_own_errors_end_the_login_in_words(
    browser: TestClient, emulator: Emulator, error: str, title: str
) -> None:
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    answer = browser.get(f"{CALLBACK}?{error}&state={state}")

    assert answer.status_code == 502
    assert title in answer.text
    assert asked(emulator) == 0


@pytest.mark.parametrize(
    "hostile",
    ["<script>alert(1)</script>", "\x1b[31mred", "GO TO evil.test", "\u202eevil", "x" * 6000],
    ids=["script", "terminal", "spoof", "right to left", "long"],
)
@pytest.mark.parametrize("with_state", [True, False])
def test_nothing_that_came_back_is_ever_shown_or_logged(
    browser: TestClient, caplog: pytest.LogCaptureFixture, hostile: str, with_state: bool
) -> None:
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0] if with_state else "A" * 43
    caplog.clear()
    answer = browser.get(
        CALLBACK,
        params={"error": hostile, "error_description": hostile, "error_uri": "javascript:alert(1)", "state": state},
    )

    lines = [record.getMessage() for record in caplog.records if record.name == "asgi_tiktok"]
    assert answer.status_code in (400, 502)
    assert hostile[:20] not in answer.text
    assert "javascript" not in answer.text
    assert hostile[:20] not in "".join(lines)
    assert all(len(line) < 1024 for line in lines)


def test_a_success_from_tiktoks_app_carries_an_error_code_of_zero(browser: TestClient, emulator: Emulator) -> None:
    assert browser.get(come_back(browser, emulator) + "&error_code=0").status_code == 303


def test_unknown_parameters_are_ignored(browser: TestClient, emulator: Emulator) -> None:
    extra = "&next=//evil.test&redirect_uri=https://evil.test&log_id=1&log_id=2&access_token=act.x"
    answer = browser.get(come_back(browser, emulator, "next=/me") + extra)

    assert answer.headers["location"] == "/me"


def test_granted_scopes_are_those_of_the_token(browser: TestClient, emulator: Emulator) -> None:
    back = come_back(browser, emulator)
    assert "scopes=user.info.basic" in back
    browser.get(back.replace("scopes=user.info.basic", "scopes=video.list,video.publish"))

    assert browser.get("/me").json()["scopes"] == ["authenticated", "user.info.basic"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "FOO", "HEAD"])
def test_only_get_finishes_a_login(browser: TestClient, emulator: Emulator, method: str) -> None:
    back = come_back(browser, emulator)
    answer = browser.request(method, back, headers={"x-http-method-override": "GET"})

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert asked(emulator) == 0
    assert browser.get(back).status_code == 303


def test_options_tells_the_method(browser: TestClient) -> None:
    answer = browser.options(CALLBACK)

    assert answer.status_code == 204
    assert answer.headers["allow"] == "GET"


def test_a_prefetched_callback_consumes_nothing(browser: TestClient, emulator: Emulator) -> None:
    back = come_back(browser, emulator)

    assert browser.get(back, headers={"sec-purpose": "prefetch"}).status_code == 204
    assert asked(emulator) == 0
    assert browser.get(back).status_code == 303


def test_a_token_in_the_address_is_no_login(browser: TestClient) -> None:
    answer = browser.get(f"{CALLBACK}?access_token=act.x&open_id=1", headers={"authorization": "Bearer act.x"})

    assert answer.status_code == 400
    assert name(browser) == ""


def test_of_many_identical_callbacks_one_asks_tiktok(browser: TestClient, emulator: Emulator) -> None:
    import anyio
    import httpx2

    back = come_back(browser, emulator)
    statuses: list[int] = []

    async def storm() -> None:
        transport = httpx2.ASGITransport(browser.app)
        cookie = "; ".join(f"{cookie}={value}" for cookie, value in browser.cookies.items())

        async def knock() -> None:
            async with httpx2.AsyncClient(transport=transport, headers={"cookie": cookie}) as client:
                statuses.append((await client.get(back)).status_code)

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(knock)

    anyio.run(storm)
    assert asked(emulator) == 1
    assert statuses.count(303) == 1
    assert statuses.count(400) == 99
