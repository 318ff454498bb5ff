import re
from urllib.parse import urlencode

import httpx2
import pytest

from asgi_tiktok.emulator import CAST, DEFAULT_APP, App, ConsentRefused, Emulator

from .wire import ALL_SCOPES, CHALLENGE, WEB, Clock, authorization, authorization_url, browser_of, query

pytestmark = pytest.mark.anyio

AMARA, _, ZIP, TOMAS, _, NOOR, REX, IVY = CAST

FAULTS: list[tuple[dict[str, str | None], dict[str, str]]] = [
    (
        {"client_key": None},
        {"error": "param_error", "errCode": "10003", "error_type": "client_key"},
    ),
    (
        {"client_key": "awunknown"},
        {"error": "unauthorized_client", "error_type": "client_key"},
    ),
    (
        {"redirect_uri": "http://localhost:8000/auth/tiktok/callback/"},
        {"error": "invalid_request", "error_type": "redirect_uri"},
    ),
    (
        {"redirect_uri": None},
        {"error": "invalid_request", "error_type": "redirect_uri"},
    ),
    (
        {"scope": "user.info.basic,message.list"},
        {"error": "invalid_scope", "error_type": "scope"},
    ),
    (
        {"scope": "user.info.basic video.list"},
        {"error": "invalid_scope", "error_type": "scope"},
    ),
    (
        {"scope": None},
        {"error": "invalid_scope", "error_type": "scope"},
    ),
    (
        {"response_type": "token"},
        {"error": "unsupported_response_type", "error_type": "response_type"},
    ),
    (
        {"code_challenge": None},
        {"error": "param_error", "errCode": "10007", "error_type": "code_challenge"},
    ),
    (
        {"code_challenge_method": "plain"},
        {"error": "param_error", "errCode": "10008", "error_type": "code_challenge_method"},
    ),
]


@pytest.mark.parametrize(("change", "expected"), FAULTS)
async def test_invalid_request_shows_tiktoks_error_page(
    browser: httpx2.AsyncClient, emulator: Emulator, change: dict[str, str | None], expected: dict[str, str]
) -> None:
    answer = await browser.get(authorization_url(**change), follow_redirects=True)

    assert answer.status_code == 200
    assert answer.url.host == "testserver"
    assert answer.url.path == "/v2/auth/authorize/"
    address = dict(answer.url.params)
    log_id = address["logid"]
    assert {name: address[name] for name in address if name.startswith("err")} == expected
    assert "Something went wrong" in answer.text
    assert f"<li><code>{expected['error_type']}</code></li>" in answer.text
    assert log_id in answer.text
    assert re.fullmatch(r"20270115080000[0-9A-F]{20}", log_id)
    [exchange] = emulator.exchanges
    assert (exchange.endpoint, exchange.error, exchange.log_id) == ("authorize", expected["error"], log_id)


@pytest.mark.parametrize(("change", "expected"), FAULTS)
async def test_invalid_request_raises_in_process(
    emulator: Emulator, change: dict[str, str | None], expected: dict[str, str]
) -> None:
    with pytest.raises(ConsentRefused, match=f"error_type={expected['error_type']}:") as caught:
        emulator.consent(authorization_url(**change))

    refused = caught.value
    err_code = {"errCode": str(refused.err_code)} if refused.err_code else {}
    assert {"error": refused.error, **err_code, "error_type": refused.error_type} == expected
    assert emulator.exchanges[-1].fix == refused.fix


@pytest.mark.parametrize(
    ("change", "fix"),
    [
        ({"client_key": None, "client_id": "key"}, "Rename client_id to client_key"),
        ({"client_key": "x"}, "knows sbemulatorclientkey"),
        ({"redirect_uri": None}, "An empty redirect_uri is not registered"),
        ({"redirect_uri": "https://evil.test/"}, "https://evil.test/ is not registered"),
        ({"scope": ""}, "at least one scope"),
        ({"scope": "user.info.basic video.list"}, "with commas"),
        ({"scope": "message.list"}, "Not enabled for this app: message.list; enabled: user.info.basic"),
        ({"response_type": None}, "response_type=code"),
        ({"code_challenge": ""}, "registered for Desktop, which requires PKCE"),
    ],
)
async def test_invalid_request_error_names_the_fix(
    emulator: Emulator, change: dict[str, str | None], fix: str
) -> None:
    with pytest.raises(ConsentRefused) as caught:
        emulator.consent(authorization_url(**change))

    assert fix in caught.value.fix


async def test_parameters_are_checked_in_tiktoks_order(emulator: Emulator) -> None:
    wrong: dict[str, str | None] = {
        "client_key": "x",
        "redirect_uri": "https://evil.test/",
        "scope": "message.list",
        "response_type": "token",
        "code_challenge": None,
    }
    found = []
    while wrong:
        with pytest.raises(ConsentRefused) as caught:
            emulator.consent(authorization_url(**wrong))
        found.append(caught.value.error_type)
        del wrong[caught.value.error_type]

    assert found == ["client_key", "redirect_uri", "scope", "response_type", "code_challenge"]


async def test_repeated_parameter_is_refused(emulator: Emulator) -> None:
    with pytest.raises(ConsentRefused, match="error_type=state: Send state once, not 2 times"):
        emulator.consent(f"{authorization_url()}&state=other")


@pytest.mark.parametrize(
    "change",
    [
        {"state": None},
        {"code_challenge_method": None},
        {"lang": "de"},
        {"client_id": "key"},
        {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
    ],
)
async def test_requests_that_tiktok_accepts_are_accepted(emulator: Emulator, change: dict[str, str | None]) -> None:
    assert "code" in query(emulator.consent(authorization_url(**change)))


@pytest.mark.parametrize(
    ("web_pkce", "challenge", "method", "error_type"),
    [
        ("ignore", None, None, None),
        ("ignore", CHALLENGE, "plain", None),
        ("verify-hex", None, None, None),
        ("verify-hex", CHALLENGE, "S256", None),
        ("verify-hex", CHALLENGE, "plain", "code_challenge_method"),
        ("require", None, None, "code_challenge"),
        ("require", CHALLENGE, None, None),
    ],
)
async def test_web_pkce_knob_controls_the_authorization_request(
    web_pkce: str, challenge: str | None, method: str | None, error_type: str | None
) -> None:
    emulator = Emulator(web_pkce=web_pkce)  # type: ignore[arg-type]
    url = authorization_url(redirect_uri=WEB, code_challenge=challenge, code_challenge_method=method)
    if error_type is None:
        assert emulator.consent(url).startswith(f"{WEB}?code=")
        return
    with pytest.raises(ConsentRefused) as caught:
        emulator.consent(url)
    assert caught.value.error_type == error_type


async def test_redirect_url_is_encoded_like_tiktoks(emulator: Emulator) -> None:
    redirect = emulator.consent(authorization_url(scope="user.info.basic,video.list", redirect_uri=WEB))

    assert re.fullmatch(
        re.escape(WEB) + r"\?code=[\w-]{80}%2A\d%21\d{4}&scopes=user\.info\.basic%2Cvideo\.list&state=st%20ate%2A1",
        redirect,
    )


async def test_path_without_trailing_slash_works(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get(authorization_url().replace("authorize/", "authorize"))

    assert answer.status_code == 200
    assert "Continue to" in answer.text


async def test_consent_page_contains_people_scopes_and_request_parameters(browser: httpx2.AsyncClient) -> None:
    page = (await browser.get(authorization_url(scope="user.info.basic,video.list", state='"><b>'))).text

    assert "Nothing here reaches TikTok" in page
    assert f'name="person" value="{AMARA.open_id}" checked' in page
    assert page.count('type="radio"') == len(CAST)
    assert "Zoë &#34;Zip&#34; &lt;b&gt;Quill&lt;/b&gt; &amp; Co" in page
    assert '<input type="hidden" name="scopes" value="user.info.basic">' in page
    assert '<input type="checkbox" class="switch" name="scopes" value="video.list" checked>' in page
    assert "See your public videos" in page
    assert 'name="state" value="&#34;&gt;&lt;b&gt;"' in page
    assert f'name="code_challenge" value="{CHALLENGE}"' in page
    assert "<script" not in page


async def test_pages_have_security_headers(browser: httpx2.AsyncClient) -> None:
    headers = (await browser.get(authorization_url())).headers

    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


async def decide(browser: httpx2.AsyncClient, **form: object) -> httpx2.Response:
    fields: dict[str, object] = {
        **authorization(scope=ALL_SCOPES),
        "person": TOMAS.open_id,
        "decision": "approve",
        **form,
    }
    return await browser.post("/v2/auth/authorize/", content=urlencode(fields, doseq=True))


async def test_person_grants_some_of_the_scopes(browser: httpx2.AsyncClient) -> None:
    answer = await decide(browser, scopes=["video.list"])

    assert answer.status_code == 302
    assert query(answer.headers["location"])["scopes"] == "user.info.basic,video.list"


@pytest.mark.parametrize("person", [TOMAS.open_id, ""])
async def test_cancelling_redirects_with_access_denied(browser: httpx2.AsyncClient, person: str) -> None:
    answer = await decide(browser, decision="deny", person=person)

    assert answer.headers["location"] == (
        "http://localhost:8000/auth/tiktok/callback"
        "?error=access_denied&error_description=access_denied&state=st%20ate%2A1"
    )


async def test_state_on_error_knob_removes_state_from_a_denial() -> None:
    redirect = Emulator(state_on_error=False).consent(authorization_url(), decision="deny")

    assert query(redirect) == {"error": "access_denied", "error_description": "access_denied"}


async def test_sandbox_app_refuses_a_person_who_is_not_a_target_user(browser: httpx2.AsyncClient) -> None:
    answer = await decide(browser, person=NOOR.open_id)
    page = await browser.get(answer.headers["location"])

    address = query(answer.headers["location"])
    assert answer.headers["location"].startswith("/v2/auth/authorize/?")
    assert (address["error"], address["error_type"]) == ("access_denied", "non_sandbox_target")
    assert "Add Noor Vale to the sandbox&#39;s target users" in page.text


async def test_production_app_accepts_every_person() -> None:
    app = App("awproductionkey", "secret", DEFAULT_APP.redirect_uris)
    emulator = Emulator(apps=(app,))

    redirect = emulator.consent(authorization_url(client_key="awproductionkey"), NOOR)
    assert "code" in query(redirect)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"person": "nobody"}, "person='nobody' is not the open_id of a known person"),
        ({"scopes": ["video.upload"]}, "['video.upload'] were not requested"),
        ({"decision": "maybe"}, "decision='maybe' is not one of 'approve', 'deny'"),
        ({"decision": ""}, "decision='' is not one of"),
    ],
)
async def test_form_with_values_not_on_the_page_is_refused(
    browser: httpx2.AsyncClient, form: dict[str, object], expected: str
) -> None:
    answer = await decide(browser, **form)

    assert answer.status_code == 400
    assert expected in answer.text


async def test_form_parameters_are_checked_like_the_request(browser: httpx2.AsyncClient) -> None:
    answer = await decide(browser, redirect_uri="https://evil.test/")

    assert query(answer.headers["location"])["error_type"] == "redirect_uri"


async def test_consent_form_from_another_origin_is_refused(browser: httpx2.AsyncClient) -> None:
    form = {**authorization(), "person": TOMAS.open_id, "decision": "approve"}

    async def status(origin: str) -> int:
        answer = await browser.post("/v2/auth/authorize/", data=form, headers={"Origin": origin})
        return answer.status_code

    for origin in ("https://evil.test", "null", "http://[", "https://testserver"):
        assert await status(origin) == 403
    assert await status("http://testserver") == 302


async def test_person_who_has_consented_is_redirected_without_the_page(
    browser: httpx2.AsyncClient, emulator: Emulator
) -> None:
    await decide(browser, scopes=["video.list"])

    again = await browser.get(authorization_url(scope="user.info.basic"))
    assert again.status_code == 302
    assert query(again.headers["location"])["scopes"] == "user.info.basic"
    assert (await browser.get(authorization_url(disable_auto_auth="0"))).status_code == 302

    more = await browser.get(authorization_url(scope="user.info.basic,user.info.stats"))
    assert more.status_code == 200
    assert f'value="{TOMAS.open_id}" checked' in more.text
    assert (await browser.get(authorization_url(disable_auto_auth="1"))).status_code == 200

    emulator.grants.remove(DEFAULT_APP.client_key, TOMAS.open_id)
    assert (await browser.get(authorization_url())).status_code == 200


async def test_another_browser_sees_the_consent_page(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    await decide(browser)

    async with browser_of(emulator) as other:
        assert (await other.get(authorization_url())).status_code == 200


async def test_refusing_a_granted_scope_revokes_it(browser: httpx2.AsyncClient) -> None:
    await decide(browser, scopes=["video.list"])
    await decide(browser, scopes=["user.info.stats"])

    assert (await browser.get(authorization_url(scope="video.list"))).status_code == 200
    assert (await browser.get(authorization_url(scope="user.info.stats"))).status_code == 302


async def test_auto_auth_knob_disables_automatic_redirects(clock: Clock) -> None:
    async with browser_of(Emulator(auto_auth=False, clock=clock)) as browser:
        await decide(browser)
        assert (await browser.get(authorization_url())).status_code == 200


async def test_consent_in_process_accepts_person_scopes_and_decision(emulator: Emulator) -> None:
    url = f"http://localhost:8700{authorization_url(scope=ALL_SCOPES)}"

    assert query(emulator.consent(url))["scopes"] == ALL_SCOPES
    assert query(emulator.consent(url, ZIP, scopes=()))["scopes"] == "user.info.basic"
    assert query(emulator.consent(url, ZIP.open_id, decision="deny"))["error"] == "access_denied"
    assert [exchange.endpoint for exchange in emulator.exchanges] == ["consent"] * 3
    with pytest.raises(ValueError, match="'/login' is not the path"):
        emulator.consent("http://localhost:8000/login")
