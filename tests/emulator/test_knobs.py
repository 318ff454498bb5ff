import hashlib
from dataclasses import fields
from typing import Any, get_type_hints

import pytest

from asgi_tiktok.emulator import CAST, DEFAULT_CLIENT_SECRET, ConsentRefused, Emulator, Knobs, ProductionRefused
from asgi_tiktok.emulator.production import VARIABLES
from asgi_tiktok.emulator.world.clock import Clock
from asgi_tiktok.emulator.world.knobs import KnobChanges

from .wire import ALL_SCOPES, WEB, authorization_url, browser_of, code_form, credentials, query, sign_in, user_info

pytestmark = pytest.mark.anyio

AMARA, *_, NOOR, REX, IVY = CAST
FORM = "application/x-www-form-urlencoded"
SHORT = "short-verifier"


def test_every_knob_is_a_keyword_argument_of_the_emulator() -> None:
    assert get_type_hints(KnobChanges) == get_type_hints(Knobs)
    assert Emulator().knobs == Knobs()


@pytest.mark.parametrize(
    ("knob", "value", "expected"),
    [
        ("slashless", "404", "is not one of 404, 'accept'"),
        ("oauth_error_status", True, "is not one of 200, 400, 401"),
        ("scope_error", 401.0, "is not one of 401, 400"),
        ("state_on_error", "on", "is not one of True, False"),
        ("qr_ttl", 0, "is not a positive number of seconds"),
        ("code_ttl", 1.5, "is not a positive number of seconds"),
        ("callback_error", "code=1", "is not a query with an error"),
        ("partial_grant", "user.info.basic", "is not a list of scopes"),
        ("partial_grant", [1], "is not a list of scopes"),
    ],
)
def test_knob_of_a_wrong_type_is_refused(knob: str, value: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=f"{knob}=.*{expected}"):
        Knobs(**{knob: value})


@pytest.mark.parametrize("field", fields(Knobs), ids=lambda field: field.name)
def test_every_knob_refuses_an_unknown_value(field: Any) -> None:
    with pytest.raises(ValueError, match=f"{field.name}="):
        Knobs(**{field.name: -1})  # type: ignore[arg-type]


async def exchange(emulator: Emulator, url: str, **form: str | None) -> dict[str, Any]:
    async with browser_of(emulator) as browser:
        answer = await browser.post("/v2/oauth/token/", data=code_form(emulator.consent(url), **form))
    body: dict[str, Any] = answer.json()
    return body


async def test_min_verifier_knob_refuses_a_short_verifier() -> None:
    url = authorization_url(code_challenge=hashlib.sha256(SHORT.encode()).hexdigest())
    assert "access_token" in await exchange(Emulator(), url, code_verifier=SHORT)

    strict = Emulator(min_verifier=43)
    assert "access_token" not in await exchange(strict, url, code_verifier=SHORT)
    assert "has 14 characters; it must have 43 to 128" in (strict.exchanges[-1].fix or "")


async def test_desktop_pkce_encoding_knob_accepts_base64url() -> None:
    emulator = Emulator(desktop_pkce_encoding="base64url")
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    assert "access_token" in await exchange(emulator, authorization_url(code_challenge=challenge))
    assert "access_token" not in await exchange(emulator, authorization_url())
    assert "The code_challenge was hex" in (emulator.exchanges[-1].fix or "")


async def test_require_challenge_method_knob_refuses_a_missing_method() -> None:
    with pytest.raises(ConsentRefused, match="error_type=code_challenge_method"):
        Emulator(require_challenge_method=True).consent(authorization_url(code_challenge_method=None))


async def test_deny_errcode_knob_adds_errcode_to_a_denial() -> None:
    redirect = Emulator(deny_errcode=True, state_on_error=False).consent(authorization_url(), decision="deny")

    assert query(redirect) == {"error": "access_denied", "errCode": "-2", "error_description": "access_denied"}


async def test_sandbox_error_knob_redirects_the_error_to_the_app() -> None:
    emulator = Emulator(sandbox_error="callback")

    assert query(emulator.consent(authorization_url(state="s"), NOOR)) == {
        "error": "access_denied",
        "error_type": "non_sandbox_target",
        "state": "s",
    }
    with pytest.raises(ConsentRefused, match="user_banned"):
        emulator.consent(authorization_url(), REX)


async def test_callback_error_knob_redirects_the_error_to_the_app() -> None:
    emulator = Emulator(callback_error="error=invalid_client&errCode=10033")

    assert query(emulator.consent(authorization_url(state="s"))) == {
        "error": "invalid_client",
        "errCode": "10033",
        "state": "s",
    }


async def test_revoke_unknown_knob_refuses_an_unknown_token() -> None:
    emulator = Emulator(revoke_unknown="error")
    async with browser_of(emulator) as browser:
        tokens = await sign_in(browser, emulator)
        form = credentials(token=tokens["access_token"])
        assert (await browser.post("/v2/oauth/revoke/", data=form)).json() == {}
        assert (await browser.post("/v2/oauth/revoke/", data=form)).json()["error"] == "invalid_request"


@pytest.mark.parametrize(("status", "code"), [(401, "scope_not_authorized"), (400, "scope_permission_missed")])
async def test_scope_error_knob_selects_status_and_error_code(status: Any, code: str) -> None:
    emulator = Emulator(scope_error=status)
    async with browser_of(emulator) as browser:
        tokens = await sign_in(browser, emulator)
        info = await user_info(browser, tokens["access_token"], "username")
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        videos = await browser.post("/v2/video/list/", params={"fields": "id"}, headers=headers, json={})

    for answer in (info, videos):
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_charset_suffix_and_slashless_knobs_accept_both() -> None:
    emulator = Emulator(charset_suffix="accept", slashless="accept")
    async with browser_of(emulator) as browser:
        answer = await browser.post(
            "/v2/oauth/token",
            content=f"grant_type=client_credentials&client_key=sbemulatorclientkey&client_secret={DEFAULT_CLIENT_SECRET}",
            headers={"Content-Type": f"{FORM}; charset=UTF-8"},
        )
        assert answer.json()["expires_in"] == 7200
        assert (await browser.post("/v2/oauth/token", json={})).json()["error"] == "invalid_request"


async def test_partial_grant_knob_limits_the_granted_scopes() -> None:
    emulator = Emulator(partial_grant=["video.list"])

    redirect = emulator.consent(authorization_url(scope=ALL_SCOPES))
    assert query(redirect)["scopes"] == "user.info.basic,video.list"


async def test_id_suffix_knob_is_appended_to_codes_and_tokens() -> None:
    emulator = Emulator(id_suffix=".u1")
    redirect = emulator.consent(authorization_url(redirect_uri=WEB))
    async with browser_of(emulator) as browser:
        answer = (await browser.post("/v2/oauth/token/", data=code_form(redirect, redirect_uri=WEB))).json()

    assert query(redirect)["code"].endswith(".u1")
    assert answer["access_token"].endswith(".u1")
    assert answer["refresh_token"].endswith(".u1")


async def test_person_who_disconnects_is_readable_once() -> None:
    emulator = Emulator()
    async with browser_of(emulator) as browser:
        tokens = await sign_in(browser, emulator, IVY.open_id)
        assert (await user_info(browser, tokens["access_token"], "display_name")).status_code == 200
        assert (await user_info(browser, tokens["access_token"], "display_name")).status_code == 401

    [grant] = emulator.grants.ended
    assert (grant.open_id, grant.removed) == (IVY.open_id, 1)


async def test_banned_person_is_not_redirected_automatically() -> None:
    emulator = Emulator()
    emulator.grants.consent("sbemulatorclientkey", REX.open_id, requested=(), scopes=("user.info.basic",))
    async with browser_of(emulator) as browser:
        browser.cookies.set("tiktok_emulator_person", REX.open_id)
        assert (await browser.get(authorization_url())).status_code == 200


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("value", ["production", "PROD", " prod "])
def test_emulator_refuses_to_run_in_production(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(ProductionRefused, match=f"{variable}=.*does not run in production"):
        Emulator()


def test_emulator_runs_in_development(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "development")

    assert Emulator().people


def test_clock_moves_both_ways_within_its_limits() -> None:
    clock = Clock(lambda: 1000.0)

    assert (clock.move(500), clock.move(-200), clock()) == (1500, 1300, 1300)
    for seconds in (-1301, 1e12, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="outside the years 1970 to 9892"):
            clock.move(seconds)
    clock.reset()
    assert clock() == 1000
