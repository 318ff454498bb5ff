import hashlib
import re
from typing import Any

import httpx2
import pytest

from asgi_tiktok.emulator import CAST, DEFAULT_APP, App, Emulator
from asgi_tiktok.emulator.world.knobs import OlderTokens

from .wire import (
    ALL_SCOPES,
    DESKTOP,
    VERIFIER,
    WEB,
    Clock,
    authorization_url,
    browser_of,
    code_form,
    credentials,
    post_token,
    refresh,
    sign_in,
    user_info,
)

pytestmark = pytest.mark.anyio

FORM = "application/x-www-form-urlencoded"
MALFORMED = ("invalid_request", "The request parameters are malformed.")
MISSING = ("invalid_request", "The request is missing a required parameter.")
ONLY_FORM = (
    "invalid_request",
    "Only `application/x-www-form-urlencoded` is accepted as Content-Type.",
)
WRONG_REDIRECT = ("invalid_request", "Redirect_uri is not matched with the uri when requesting code.")
WRONG_PKCE = ("invalid_request", "Code verifier or code challenge is invalid.")
WRONG_CLIENT = ("invalid_client", "Client key or secret is incorrect.")
CODE_EXPIRED = ("invalid_grant", "Authorization code is expired.")
REFRESH_INVALID = ("invalid_grant", "Refresh token is invalid or expired.")


def refusal(answer: dict[str, Any]) -> tuple[str, str]:
    assert set(answer) == {"error", "error_description", "log_id"}
    return answer["error"], answer["error_description"]


async def test_code_is_exchanged_for_tokens(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    answer = await sign_in(browser, emulator, scope="user.info.basic,video.list")

    access_token, refresh_token = answer.pop("access_token"), answer.pop("refresh_token")
    assert re.fullmatch(r"act\.emulator\.[\w-]{48}!\d{4}", access_token)
    assert re.fullmatch(r"rft\.emulator\.[\w-]{48}!\d{4}", refresh_token)
    assert answer == {
        "expires_in": 7200,
        "open_id": CAST[0].open_id,
        "refresh_expires_in": 15552000,
        "scope": "video.list,user.info.basic",
        "token_type": "Bearer",
    }


async def test_responses_have_a_log_id_and_are_not_cached(browser: httpx2.AsyncClient) -> None:
    answer = await browser.post("/v2/oauth/token/", data={})

    assert answer.headers["x-tt-logid"] == answer.json()["log_id"]
    assert re.fullmatch(r"20270115080000[0-9A-F]{20}", answer.json()["log_id"])
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"client_key": None}, MALFORMED),
        ({"client_key": None, "client_id": DEFAULT_APP.client_key}, MALFORMED),
        ({"client_key": ""}, MALFORMED),
        ({"client_key": DEFAULT_APP.client_key + " "}, MALFORMED),
        ({"client_secret": DEFAULT_APP.client_secret + "\n"}, MALFORMED),
        ({"client_secret": None}, MISSING),
        ({"grant_type": None}, MISSING),
        ({"grant_type": "password"}, ("unsupported_grant_type", "The grant type is not supported.")),
        ({"code": None}, MISSING),
        ({"redirect_uri": None}, MISSING),
        ({"client_key": "awother"}, WRONG_CLIENT),
        ({"client_secret": "wrong"}, WRONG_CLIENT),
        ({"client_secret": "wröng"}, WRONG_CLIENT),
        ({"code": "fabricated*0!1234"}, CODE_EXPIRED),
        ({"code": "fabricated*0!1234", "client_secret": "wrong"}, WRONG_CLIENT),
        ({"code": "fabricated*0!1234", "redirect_uri": WEB}, CODE_EXPIRED),
        ({"redirect_uri": WEB}, WRONG_REDIRECT),
        ({"redirect_uri": DESKTOP + "/", "code_verifier": "x" * 43}, WRONG_REDIRECT),
        ({"code_verifier": "x" * 43}, WRONG_PKCE),
        ({"code_verifier": None}, WRONG_PKCE),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
async def test_invalid_exchange_gets_tiktoks_error(
    change: dict[str, str | None], refused: tuple[str, str], status: int
) -> None:
    emulator = Emulator(oauth_error_status=status)  # type: ignore[arg-type]
    form = code_form(emulator.consent(authorization_url()), **change)
    async with browser_of(emulator) as browser:
        answer = await browser.post("/v2/oauth/token/", data=form)

    assert answer.status_code == status
    assert refusal(answer.json()) == refused
    exchange = emulator.exchanges[-1]
    assert (exchange.endpoint, exchange.status, exchange.error) == ("token", status, refused[0])
    assert exchange.fix


async def test_client_id_next_to_client_key_is_ignored(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    form = code_form(emulator.consent(authorization_url()), client_id="anything")

    assert "access_token" in await post_token(browser, form)


@pytest.mark.parametrize(
    ("content_types", "body", "refused"),
    [
        (["application/json"], b"{}", ONLY_FORM),
        (["application/json; charset=utf-8"], b"{}", ONLY_FORM),
        ([], b"client_key=x", ONLY_FORM),
        ([FORM, FORM], b"client_key=x", ONLY_FORM),
        ([f"{FORM};charset=UTF-8"], b"client_key=x", MALFORMED),
        ([f"{FORM}; charset=utf-8"], b"client_key=x", MALFORMED),
        ([FORM], b"client_key=x&client_key=x", MALFORMED),
        ([FORM], b"client_key=%FF", MALFORMED),
        ([FORM], b"client_key=\xff", MALFORMED),
        ([FORM.upper()], b"client_key=x", MISSING),
    ],
)
@pytest.mark.parametrize("path", ["/v2/oauth/token/", "/v2/oauth/revoke/"])
async def test_only_forms_are_accepted(
    browser: httpx2.AsyncClient, content_types: list[str], body: bytes, refused: tuple[str, str], path: str
) -> None:
    headers = [("Content-Type", content_type) for content_type in content_types]
    answer = await browser.post(path, content=body, headers=headers)

    assert answer.status_code == 200
    assert refusal(answer.json()) == refused


async def test_basic_authentication_is_ignored(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    form = {"grant_type": "client_credentials"}
    auth = (DEFAULT_APP.client_key, DEFAULT_APP.client_secret)
    answer = await browser.post("/v2/oauth/token/", data=form, auth=auth)

    assert refusal(answer.json()) == MALFORMED
    assert "ignores the Authorization header" in (emulator.exchanges[-1].fix or "")


async def test_code_works_once(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    form = code_form(emulator.consent(authorization_url()))

    assert "access_token" in await post_token(browser, form)
    assert refusal(await post_token(browser, form)) == CODE_EXPIRED
    assert "already exchanged" in (emulator.exchanges[-1].fix or "")


async def test_refused_exchange_uses_up_the_code(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    redirect = emulator.consent(authorization_url())

    assert refusal(await post_token(browser, code_form(redirect, code_verifier="x" * 43))) == WRONG_PKCE
    assert refusal(await post_token(browser, code_form(redirect))) == CODE_EXPIRED


async def test_code_expires_and_ends_with_its_grant(clock: Clock) -> None:
    emulator = Emulator(clock=clock, code_ttl=60)
    async with browser_of(emulator) as browser:
        in_time, late, disconnected = (code_form(emulator.consent(authorization_url())) for _ in range(3))
        clock.forward(59.9)
        assert "access_token" in await post_token(browser, in_time)
        emulator.grants.remove(DEFAULT_APP.client_key, CAST[0].open_id)
        assert refusal(await post_token(browser, disconnected)) == CODE_EXPIRED
        clock.forward(0.1)
        assert refusal(await post_token(browser, late)) == CODE_EXPIRED


async def test_codes_and_tokens_are_bound_to_one_app() -> None:
    other = App("awother", "other-secret", DEFAULT_APP.redirect_uris)
    emulator = Emulator(apps=(DEFAULT_APP, other))
    theirs = {"client_key": other.client_key, "client_secret": other.client_secret}
    async with browser_of(emulator) as browser:
        form = code_form(emulator.consent(authorization_url()))
        assert refusal(await post_token(browser, {**form, **theirs})) == CODE_EXPIRED
        tokens = await post_token(browser, form)
        stolen = {**theirs, "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert refusal(await post_token(browser, stolen)) == REFRESH_INVALID
        revoked = await browser.post("/v2/oauth/revoke/", data={**theirs, "token": tokens["access_token"]})
        assert revoked.json() == {}
        assert "access_token" in await refresh(browser, tokens["refresh_token"])


@pytest.mark.parametrize(
    ("verifier", "hexadecimal", "base64url"),
    [
        (
            "gaeCq5mVvbhA8Ce6w5O9XBVIKMkySgv-_9A-rnhm9Ns",
            "e6a178b120743d08509508f269652b0bdf91e29332921bc9e9744fd3dd41bfef",
            "5qF4sSB0PQhQlQjyaWUrC9-R4pMykhvJ6XRP091Bv-8",
        ),
        (
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
    ],
)
async def test_desktop_challenge_must_be_lower_case_hex(
    browser: httpx2.AsyncClient, emulator: Emulator, verifier: str, hexadecimal: str, base64url: str
) -> None:
    async def exchange(challenge: str) -> dict[str, Any]:
        redirect = emulator.consent(authorization_url(code_challenge=challenge))
        return await post_token(browser, code_form(redirect, code_verifier=verifier))

    assert "access_token" in await exchange(hexadecimal)
    for challenge, fix in [
        (base64url, "was base64url"),
        (hexadecimal.upper(), "was upper-case hex"),
        (hashlib.sha256(b"other").hexdigest(), "keep one per login"),
    ]:
        assert refusal(await exchange(challenge)) == WRONG_PKCE
        assert fix in (emulator.exchanges[-1].fix or "")


@pytest.mark.parametrize(
    ("web_pkce", "verifier", "accepted"),
    [
        ("ignore", "x" * 43, True),
        ("ignore", None, True),
        ("verify-hex", VERIFIER, True),
        ("verify-hex", "x" * 43, False),
        ("require", None, False),
    ],
)
async def test_web_pkce_knob_controls_the_exchange(web_pkce: str, verifier: str | None, accepted: bool) -> None:
    emulator = Emulator(web_pkce=web_pkce)  # type: ignore[arg-type]
    redirect = emulator.consent(authorization_url(redirect_uri=WEB))
    async with browser_of(emulator) as browser:
        answer = await post_token(browser, code_form(redirect, redirect_uri=WEB, code_verifier=verifier))

    assert ("access_token" in answer) is accepted


async def test_refresh_rotates_and_does_not_extend_the_refresh_period(
    browser: httpx2.AsyncClient, emulator: Emulator, clock: Clock
) -> None:
    first = await sign_in(browser, emulator, scope=ALL_SCOPES)
    clock.forward(3600)
    second = await refresh(browser, first["refresh_token"])

    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert second["expires_in"] == 7200
    assert second["refresh_expires_in"] == 15552000 - 3600
    assert second["scope"] == first["scope"]
    assert second["open_id"] == first["open_id"]
    assert refusal(await refresh(browser, first["refresh_token"])) == REFRESH_INVALID
    assert (await user_info(browser, first["access_token"], "open_id")).status_code == 200
    assert (await user_info(browser, second["access_token"], "open_id")).status_code == 200


async def test_refresh_token_expires(browser: httpx2.AsyncClient, emulator: Emulator, clock: Clock) -> None:
    tokens = await sign_in(browser, emulator)
    clock.forward(15552000)

    assert refusal(await refresh(browser, tokens["refresh_token"])) == REFRESH_INVALID
    assert "has expired" in (emulator.exchanges[-1].fix or "")


@pytest.mark.parametrize("token", [None, "", "rft.emulator.invented"])
async def test_refresh_requires_a_valid_refresh_token(browser: httpx2.AsyncClient, token: str | None) -> None:
    form = credentials(grant_type="refresh_token", refresh_token=token)

    assert refusal(await post_token(browser, form)) == (REFRESH_INVALID if token else MALFORMED)


async def test_legacy_knobs_extend_lifetimes_and_keep_the_refresh_token(clock: Clock) -> None:
    emulator = Emulator(lifetimes="legacy", rotate="legacy", clock=clock)
    async with browser_of(emulator) as browser:
        first = await sign_in(browser, emulator)
        second = await refresh(browser, first["refresh_token"])

    assert (first["expires_in"], first["refresh_expires_in"]) == (86400, 31536000)
    assert second["refresh_token"] == first["refresh_token"]
    assert second["access_token"] != first["access_token"]


async def test_client_credentials_return_an_app_token(browser: httpx2.AsyncClient) -> None:
    answer = await post_token(browser, credentials(grant_type="client_credentials"))

    assert re.fullmatch(r"clt\.emulator\.[\w-]{48}!\d{4}", answer.pop("access_token"))
    assert answer == {"expires_in": 7200, "token_type": "Bearer"}
    without_secret = credentials(grant_type="client_credentials", client_secret=None)
    assert refusal(await post_token(browser, without_secret)) == (
        "invalid_request",
        "Client secret is missed in request.",
    )


async def test_revocation_removes_the_whole_grant(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    first = await sign_in(browser, emulator)
    second = await sign_in(browser, emulator)
    someone_else = await sign_in(browser, emulator, CAST[1].open_id)
    answer = await browser.post("/v2/oauth/revoke/", data=credentials(token=first["access_token"]))

    assert (answer.status_code, answer.json()) == (200, {})
    for tokens in (first, second):
        assert (await user_info(browser, tokens["access_token"], "open_id")).status_code == 401
        assert refusal(await refresh(browser, tokens["refresh_token"])) == REFRESH_INVALID
    assert "was revoked" in (emulator.exchanges[-1].fix or "")
    assert (await user_info(browser, someone_else["access_token"], "open_id")).status_code == 200
    again = await sign_in(browser, emulator)
    assert (await user_info(browser, again["access_token"], "open_id")).status_code == 200


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({}, None),
        ({"token": None}, MALFORMED),
        ({"token": None, "access_token": "act.emulator.x"}, MALFORMED),
        ({"client_key": None}, MALFORMED),
        ({"client_secret": None}, MISSING),
        ({"client_secret": "wrong"}, WRONG_CLIENT),
    ],
)
async def test_revocation_checks_the_client_and_accepts_an_unknown_token(
    browser: httpx2.AsyncClient, change: dict[str, str | None], answer: tuple[str, str] | None
) -> None:
    form = credentials(**{"token": "act.emulator.x", **change})
    body = (await browser.post("/v2/oauth/revoke/", data=form)).json()

    assert (refusal(body) if answer else body) == (answer or {})


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("refresh token", "This is a refresh token."),
        ("expired", "This access token has expired."),
        ("revoked", "disconnected already."),
        ("unknown", "unknown for this app."),
    ],
)
async def test_inspector_says_that_a_revocation_disconnects_no_account(
    browser: httpx2.AsyncClient, emulator: Emulator, kind: str, reason: str
) -> None:
    tokens = await sign_in(browser, emulator)
    token = {"refresh token": tokens["refresh_token"], "unknown": "act.unknown"}.get(kind, tokens["access_token"])
    if kind == "expired":
        emulator.grants.expire(token)
    if kind == "revoked":
        await browser.post("/v2/oauth/revoke/", data=credentials(token=token))
    answer = await browser.post("/v2/oauth/revoke/", data=credentials(token=token))

    assert (answer.status_code, answer.json()) == (200, {})
    fix = emulator.exchanges[-1].fix or ""
    assert fix.startswith("This call disconnects no account.")
    assert reason in fix
    assert fix in (await browser.get("/_emulator/")).text
    assert len(emulator.grants.grants) == (kind != "revoked")


async def test_repr_of_exchanges_contains_no_secrets(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    tokens = await sign_in(browser, emulator)
    await user_info(browser, tokens["access_token"], "open_id")

    consent, token, info = emulator.exchanges
    assert [consent.endpoint, token.endpoint, info.endpoint] == ["consent", "token", "user_info"]
    assert token.request["client_secret"] == DEFAULT_APP.client_secret
    assert token.request["grant_type"] == "authorization_code"
    assert info.authorization == f"Bearer {tokens['access_token']}"
    for secret in (DEFAULT_APP.client_secret, VERIFIER, token.request["code"], tokens["access_token"]):
        assert secret not in repr(emulator.exchanges)


@pytest.mark.parametrize(("older_tokens", "accepted"), [("stay", True), ("end", False)])
async def test_new_login_may_end_the_tokens_of_earlier_ones(older_tokens: OlderTokens, accepted: bool) -> None:
    emulator = Emulator(older_tokens=older_tokens)
    async with browser_of(emulator) as browser:
        first = await sign_in(browser, emulator)
        second = await sign_in(browser, emulator)
        response = await user_info(browser, first["access_token"], "open_id")

        assert (response.status_code == 200) is accepted
        assert ("access_token" in await refresh(browser, first["refresh_token"])) is accepted
        assert (await user_info(browser, second["access_token"], "open_id")).status_code == 200
