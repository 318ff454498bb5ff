import json
import logging
import time
from typing import Any

import httpx2
import pytest

from asgi_tiktok.emulator import ConnectionReset, Emulator, run_emulator

from .wire import authorization_url, browser_of, code_form, credentials, post_token, sign_in, user_info

pytestmark = pytest.mark.anyio

APP_TOKEN = credentials(grant_type="client_credentials")


async def ask(browser: httpx2.AsyncClient) -> httpx2.Response:
    return await browser.post("/v2/oauth/token/", data=APP_TOKEN)


@pytest.mark.parametrize(
    ("kind", "options", "status", "error"),
    [
        ("429", {"retry_after": 7}, 429, "temporarily_unavailable"),
        ("5xx", {"retry_after": 7}, 503, "server_error"),
        ("5xx", {"retry_after": 7, "status": 500}, 500, "server_error"),
    ],
)
async def test_error_faults_refuse_the_next_requests(
    browser: httpx2.AsyncClient, emulator: Emulator, kind: Any, options: dict[str, int], status: int, error: str
) -> None:
    emulator.faults.add("token", kind, 2, **options)

    for _ in range(2):
        answer = await ask(browser)
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["x-tt-logid"] == answer.json()["log_id"]
    assert (await ask(browser)).status_code == 200
    refused, _, passed = emulator.exchanges
    assert (refused.endpoint, refused.status, refused.fault, passed.fault) == ("token", status, kind, None)
    assert refused.request["grant_type"] == "client_credentials"


async def test_error_fault_of_a_resource_uses_its_error_format(
    browser: httpx2.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.add("user_info", "429")
    emulator.faults.add("user_info", "5xx")

    first, second = [(await user_info(browser, "x", "open_id")).json()["error"]["code"] for _ in range(2)]
    assert (first, second) == ("rate_limit_exceeded", "internal_error")


async def test_fault_applies_only_to_its_endpoint(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    emulator.faults.add("revoke", "5xx")

    assert (await ask(browser)).status_code == 200
    assert [fault.left for fault in emulator.faults] == [1]
    emulator.faults.clear()
    assert [*emulator.faults] == []


async def test_html_fault_returns_a_gateway_page(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    emulator.faults.add("token", "html")
    emulator.faults.add("token", "html", status=502)
    emulator.faults.add("authorize", "5xx")

    answers = [await ask(browser), await ask(browser), await browser.get(authorization_url())]
    assert [answer.status_code for answer in answers] == [200, 502, 503]
    assert all(answer.headers["content-type"].startswith("text/html") for answer in answers)


async def test_truncated_response_still_uses_up_the_code(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    emulator.faults.add("token", "truncated")
    form = code_form(emulator.consent(authorization_url()))

    answer = await browser.post("/v2/oauth/token/", data=form)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert emulator.exchanges[-1].fault == "truncated"
    assert (await post_token(browser, form))["error"] == "invalid_grant"


async def test_huge_response_is_valid_json(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    emulator.faults.add("token", "huge", size=3_000_000)

    answer = await ask(browser)
    assert len(answer.content) == 3_000_000
    assert answer.json()["expires_in"] == 7200


async def test_wrong_types_response_keeps_the_keys(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    tokens = await sign_in(browser, emulator, scope="user.info.basic,video.list")
    emulator.faults.add("token", "wrong-types")
    emulator.faults.add("video_list", "wrong-types")
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    videos = await browser.post("/v2/video/list/", params={"fields": "id"}, headers=headers, json={"max_count": 1})

    answer = (await ask(browser)).json()
    assert answer.keys() == {"access_token", "expires_in", "token_type"}
    assert (type(answer["access_token"]), answer["expires_in"]) == (list, "7200")
    assert list(videos.json()["data"]["videos"]) == ["0"]


async def test_slow_response_is_the_real_response(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    emulator.faults.add("token", "slow", seconds=0.1)
    emulator.faults.add("authorize", "slow", seconds=0)
    emulator.faults.add("consent", "slow", seconds=0)
    before = time.monotonic()

    assert (await ask(browser)).status_code == 200
    assert time.monotonic() - before >= 0.1
    assert (await browser.get(authorization_url().replace("authorize/", "authorize"))).status_code == 200
    await browser.post("/v2/auth/authorize/", data={})
    assert [exchange.fault for exchange in emulator.exchanges] == ["slow"] * 3


async def test_reset_in_process_raises_the_clients_error(emulator: Emulator) -> None:
    emulator.faults.add("token", "reset")
    async with browser_of(emulator) as browser:
        with pytest.raises(httpx2.ReadError) as caught:
            await ask(browser)
    assert isinstance(caught.value, ConnectionReset)
    assert isinstance(caught.value, ConnectionResetError)


def test_reset_over_a_socket_closes_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    with run_emulator() as running, httpx2.Client(base_url=running.url) as client:
        running.emulator.faults.add("token", "reset")
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            client.post("/v2/oauth/token/", data=APP_TOKEN)
        assert client.post("/v2/oauth/token/", data=APP_TOKEN).status_code == 200
        assert [exchange.status for exchange in running.emulator.exchanges] == [0, 200]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        (("tokens", "5xx"), {}, "endpoint='tokens' is not one of authorize, consent, token"),
        (("token", "fire"), {}, "kind='fire' is not one of 'slow', 'reset'"),
        (("authorize", "wrong-types"), {}, "endpoint='authorize' returns no JSON"),
        (("token", "5xx", 0), {}, "times=0 is not a whole number from 1"),
        (("token", "5xx"), {"status": 404}, "status=404 is not a whole number from 500 to 599"),
        (("token", "429"), {"retry_after": -1}, "retry_after=-1 is not a whole number"),
        (("token", "huge"), {"size": 2**40}, "is not a whole number from 1 to 268435456"),
        (("token", "slow"), {"seconds": "3"}, "seconds='3' is not a number from 0 to 3600"),
        (("token", "slow"), {"seconds": True}, "seconds=True is not a number"),
        (("token", "slow"), {"second": 3}, "second is not an option of a fault; did you mean seconds?"),
    ],
)
def test_invalid_fault_is_refused(arguments: Any, options: dict[str, Any], expected: str) -> None:
    emulator = Emulator()
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        emulator.faults.add(*arguments, **options)
    assert expected in str(caught.value)
    assert [*emulator.faults] == []
