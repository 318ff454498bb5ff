"""The wire client alone signs a user in at the emulator, and disconnects the account again."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, cast

import httpx2
import pytest

from asgi_tiktok import (
    AccessDenied,
    ConfigurationError,
    InvalidCallback,
    LoginRefused,
    TikTokClient,
    TikTokError,
    Token,
    TokenError,
    Unavailable,
    generate_code_verifier,
    generate_state,
)
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.testing import EmulatedTikTok
from tests.support.faults import FaultyTransport, raising, responding
from tests.support.people import AMARA
from tests.support.tiktok import count_requests

pytestmark = pytest.mark.anyio

VERIFIER = generate_code_verifier()


def new_client(tiktok: EmulatedTikTok, **changes: Any) -> TikTokClient:
    names = ("client_key", "client_secret", "redirect_uri", "base_url", "transport")
    return TikTokClient(**{**{name: tiktok.settings[name] for name in names}, **changes})


@pytest.fixture
async def client(tiktok_emulator: EmulatedTikTok) -> AsyncIterator[TikTokClient]:
    client = new_client(tiktok_emulator)
    yield client
    await client.aclose()


@pytest.fixture
def emulator(tiktok_emulator: EmulatedTikTok) -> Emulator:
    return tiktok_emulator.emulator


async def sign_in(client: TikTokClient, emulator: Emulator) -> Token:
    url = client.authorization_url(state=generate_state(), code_verifier=VERIFIER)
    return await client.fetch_token(emulator.consent(url, AMARA), code_verifier=VERIFIER)


def is_connected(client: TikTokClient, emulator: Emulator) -> bool:
    return (client.client_key, AMARA.open_id) in emulator.grants.grants


@pytest.mark.parametrize("generate", [generate_state, generate_code_verifier])
async def test_generated_values_are_random_and_of_the_length_that_pkce_requires(
    generate: Callable[[], str],
) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43,128}", generate())
    assert generate() != generate()


async def test_whole_callback_url_is_exchanged_in_one_call(client: TikTokClient, emulator: Emulator) -> None:
    token = await sign_in(client, emulator)

    assert token.open_id == AMARA.open_id
    assert (await client.fetch_user(token)).display_name == AMARA.display_name


async def test_code_that_was_issued_for_another_address_is_exchanged_with_it(
    client: TikTokClient, tiktok_emulator: EmulatedTikTok
) -> None:
    address = "http://localhost:8123/auth/tiktok/callback"
    elsewhere = new_client(tiktok_emulator, redirect_uri=address)
    url = tiktok_emulator.consent(elsewhere.authorization_url(state="s", code_verifier=VERIFIER))

    assert await client.fetch_token(url, code_verifier=VERIFIER, redirect_uri=address)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("error=access_denied", AccessDenied),
        ("error=invalid_scope", LoginRefused),
        ("", InvalidCallback),
        ("state=s", InvalidCallback),
        ("code=a&code=b", InvalidCallback),
    ],
)
async def test_callback_url_without_a_code_is_the_error_that_it_reports(
    client: TikTokClient, emulator: Emulator, query: str, error: type[TikTokError]
) -> None:
    with pytest.raises(error):
        await client.fetch_token(f"https://testserver/auth/tiktok/callback?{query}", code_verifier=VERIFIER)

    assert count_requests(emulator) == 0


@pytest.mark.parametrize("nothing", ["", None])
async def test_missing_code_is_named(client: TikTokClient, nothing: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"code_or_url .* Pass the code"):
        await client.fetch_token(nothing)


async def test_without_pkce_no_verifier_is_needed(tiktok_emulator: EmulatedTikTok) -> None:
    client = new_client(tiktok_emulator, pkce="off")
    url = client.authorization_url(state=generate_state())
    assert "code_challenge" not in url

    assert (await client.fetch_token(tiktok_emulator.consent(url))).access_token


@pytest.mark.parametrize("arguments", [{"state": "s"}, {"state": "", "code_verifier": VERIFIER}])
async def test_missing_random_value_is_named_with_its_function(client: TikTokClient, arguments: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"(code_verifier is missing|state is empty).* Make one with generate_"
    ):
        client.authorization_url(**arguments)


async def test_flag_is_true_or_false(client: TikTokClient) -> None:
    with pytest.raises(ConfigurationError, match="disable_auto_auth must be True or False, not 'no'"):
        client.authorization_url(state="s", code_verifier=VERIFIER, disable_auto_auth=cast(Any, "no"))


FORMS: dict[str, Callable[[Token], Token | str]] = {
    "token": lambda token: token,
    "access token": lambda token: token.access_token,
    "refresh token": lambda token: token.refresh_token or "",
    "expired token": lambda token: replace(token, expires_at=1),
}


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_a_token_disconnects_the_account(
    client: TikTokClient, emulator: Emulator, form: str
) -> None:
    token = await sign_in(client, emulator)
    if form == "expired token":
        emulator.grants.expire(token.access_token)
    await client.revoke_token(FORMS[form](token))

    assert not is_connected(client, emulator)
    assert emulator.exchanges[-1].fix is None


async def test_expired_token_without_a_refresh_token_cannot_disconnect(
    client: TikTokClient, emulator: Emulator
) -> None:
    token = await sign_in(client, emulator)
    with pytest.raises(TokenError, match="expired, and there is no refresh token") as caught:
        await client.revoke_token(replace(token, expires_at=1, refresh_token=None))

    assert (caught.value.stage, caught.value.code) == ("revoke", "invalid_grant")
    assert count_requests(emulator, "revoke") == 0


@pytest.mark.parametrize("nothing", ["", None])
async def test_missing_token_is_named(client: TikTokClient, nothing: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"token .* Pass a Token"):
        await client.revoke_token(nothing)


async def test_refused_revocation_names_the_setting_in_the_portal(
    tiktok_emulator: EmulatedTikTok, emulator: Emulator
) -> None:
    faulty = FaultyTransport(emulator)
    client = new_client(tiktok_emulator, transport=faulty)
    token = await sign_in(client, emulator)
    faulty.path, faulty.fault = "/v2/oauth/revoke/", responding(200, json={"error": "unauthorized_client"})
    with pytest.raises(TokenError) as caught:
        await client.revoke_token(token)

    assert "revocation must be enabled" in (caught.value.hint or "")


SECRET = "client_secret=hunter2"
NETWORK_ERRORS: dict[str, tuple[Exception, str | None]] = {
    "refused": (
        httpx2.ConnectError("[Errno 111] Connection refused"),
        "ConnectError: [Errno 111] Connection refused",
    ),
    "slow": (httpx2.ReadTimeout("slow"), "ReadTimeout: slow"),
    "certificate": (
        httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer certificate"),
        "ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer certificate",
    ),
    "no text": (httpx2.ReadError(""), "ReadError"),
    "header": (
        httpx2.LocalProtocolError("Illegal header value b'Bearer hunter2'"),
        "LocalProtocolError: Illegal header value [hidden]",
    ),
    "form": (httpx2.WriteError(f"while sending code=hunter2&{SECRET}"), "WriteError: while sending [hidden]"),
    "proxy": (httpx2.ProxyError("https://me:hunter2@proxy.test"), "ProxyError: https://[hidden]proxy.test"),
    "address": (httpx2.UnsupportedProtocol("at /token?hunter2"), "UnsupportedProtocol: at /token[hidden]"),
    "token": (httpx2.ReadError("after act.hunter2"), "ReadError: after [hidden]"),
    "bytes": (httpx2.RemoteProtocolError(f'illegal status line: bytearray(b"{SECRET}")'), None),
    "long": (httpx2.RemoteProtocolError("a" * 200_000), f"RemoteProtocolError: {'a' * 200}"),
    "other": (RuntimeError("Bearer hunter2\r\nrft.hunter2"), None),
}


@pytest.mark.parametrize("name", NETWORK_ERRORS)
async def test_cause_is_the_type_and_text_of_the_network_error_without_secrets(
    tiktok_emulator: EmulatedTikTok, emulator: Emulator, name: str
) -> None:
    error, cause = NETWORK_ERRORS[name]
    faulty = FaultyTransport(emulator)
    client = new_client(tiktok_emulator, transport=faulty)
    faulty.path, faulty.fault = "/v2/oauth/token/", raising(error)
    with pytest.raises(Unavailable) as caught:
        await client.fetch_token("code", code_verifier=VERIFIER)

    assert (caught.value.cause or "").startswith(type(error).__name__)
    assert cause in (None, caught.value.cause)
    assert "hunter2" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


async def test_error_that_tiktok_reports_has_no_cause(client: TikTokClient, emulator: Emulator) -> None:
    emulator.faults.add("token", "5xx")
    with pytest.raises(Unavailable) as caught:
        await client.fetch_token("code", code_verifier=VERIFIER)

    assert caught.value.cause is None


async def test_callback_may_be_the_root_of_an_address_where_no_app_listens() -> None:
    assert TikTokClient("key", "secret", "https://localhost/").redirect_uri == "https://localhost/"
