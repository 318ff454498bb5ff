"""The client: the exact requests that it sends to TikTok, and how it reads the responses."""

import gzip
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import respx

from asgi_tiktok import (
    AccessDenied,
    APIError,
    ConfigurationError,
    InvalidCallback,
    InvalidResponse,
    LoginRefused,
    RateLimited,
    TikTokClient,
    TikTokError,
    TikTokUser,
    Token,
    TokenError,
    Unavailable,
    UpstreamTimeout,
)

TOKEN_URL = "https://open.tiktokapis.com/v2/oauth/token/"
REVOKE_URL = "https://open.tiktokapis.com/v2/oauth/revoke/"
USER_URL = "https://open.tiktokapis.com/v2/user/info/"
LOG_ID = "202611201009080101CA9F2B7C1D3E4F5A"
TOKEN_BODY = {
    "access_token": "act.wire!4567.va",
    "expires_in": 7200,
    "open_id": "-000wire",
    "refresh_expires_in": 15552000,
    "refresh_token": "rft.wire!4567.va",
    "scope": "user.info.profile,user.info.basic",
    "token_type": "Bearer",
}
USER_BODY = {
    "data": {"user": {"open_id": "-000wire", "display_name": "Ada"}},
    "error": {"code": "ok", "message": "", "log_id": LOG_ID},
}
TOKEN = Token(open_id="-000wire", scopes=("user.info.basic",), access_token="act.wire!1", expires_at=2_000_000_000)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncIterator[TikTokClient]:
    client = TikTokClient("awwirekey", "wire-secret", "https://app.example.com/auth/tiktok/callback")
    yield client
    await client.aclose()


async def test_code_exchange_sends_tiktoks_parameters(client: TikTokClient, httpx2_mock: respx.Router) -> None:
    route = httpx2_mock.post(TOKEN_URL).respond(json=TOKEN_BODY)
    token = await client.fetch_token("ab*1!2345.va", code_verifier="v" * 43)

    request = route.calls.last.request
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers
    assert request.headers["accept-encoding"] == "identity"
    assert request.content == (
        b"grant_type=authorization_code&redirect_uri=https%3A%2F%2Fapp.example.com%2Fauth%2Ftiktok%2Fcallback"
        b"&code=ab%2A1%212345.va&code_verifier=" + b"v" * 43 + b"&client_key=awwirekey&client_secret=wire-secret"
    )
    assert token.scopes == ("user.info.profile", "user.info.basic")
    assert token.open_id == "-000wire"
    assert 7195 <= token.expires_at - time.time() <= 7200
    assert token.refresh_expires_at is not None


async def test_refresh_authenticates_with_key_and_secret(client: TikTokClient, httpx2_mock: respx.Router) -> None:
    route = httpx2_mock.post(TOKEN_URL).respond(json=TOKEN_BODY)
    token = await client.refresh_token("rft.old!1")

    assert route.calls.last.request.content == (
        b"grant_type=refresh_token&refresh_token=rft.old%211&client_key=awwirekey&client_secret=wire-secret"
    )
    assert token.refresh_token == "rft.wire!4567.va"


async def test_client_token_is_requested_with_client_credentials(
    client: TikTokClient, httpx2_mock: respx.Router
) -> None:
    body = {"access_token": "clt.wire", "expires_in": 7200, "token_type": "Bearer"}
    route = httpx2_mock.post(TOKEN_URL).respond(json=body)
    token = await client.client_token()

    assert route.calls.last.request.content == (
        b"grant_type=client_credentials&client_key=awwirekey&client_secret=wire-secret"
    )
    assert token.access_token == "clt.wire"
    assert "clt.wire" not in repr(token)


@pytest.mark.parametrize("response", [{"json": {}}, {"content": b""}])
async def test_revocation_sends_only_the_token_and_the_credentials(
    client: TikTokClient, httpx2_mock: respx.Router, response: dict[str, Any]
) -> None:
    route = httpx2_mock.post(REVOKE_URL).respond(**response)
    await client.revoke_token("act.wire!1")

    request = route.calls.last.request
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.content == b"token=act.wire%211&client_key=awwirekey&client_secret=wire-secret"


async def test_refused_revocation_is_an_error(client: TikTokClient, httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(REVOKE_URL).respond(
        json={"error": "invalid_request", "error_description": "x", "log_id": LOG_ID}
    )
    with pytest.raises(TokenError) as caught:
        await client.revoke_token("act.wire!1")

    assert caught.value.stage == "revoke"
    assert caught.value.log_id == LOG_ID


async def test_user_info_requests_the_fields_of_the_granted_scopes(
    client: TikTokClient, httpx2_mock: respx.Router
) -> None:
    route = httpx2_mock.get(USER_URL).respond(json=USER_BODY)
    user = await client.fetch_user(TOKEN)

    request = route.calls.last.request
    assert request.headers["authorization"] == "Bearer act.wire!1"
    assert parse_qs(request.url.query.decode()) == {
        "fields": ["open_id,union_id,avatar_url,avatar_url_100,avatar_large_url,display_name"]
    }
    assert user == TikTokUser(open_id="-000wire", display_name="Ada")


async def test_user_info_is_not_requested_without_a_user_scope(
    client: TikTokClient, httpx2_mock: respx.Router
) -> None:
    token = Token(open_id="o", scopes=("video.list",), access_token="act.x", expires_at=1)

    assert await client.fetch_user(token) == TikTokUser(open_id="o")


async def test_open_id_is_not_requested_without_the_basic_scope(
    client: TikTokClient, httpx2_mock: respx.Router
) -> None:
    route = httpx2_mock.get(USER_URL).respond(json={"data": {"user": {"likes_count": 3}}, "error": {"code": "ok"}})
    token = Token(open_id="o", scopes=("user.info.stats",), access_token="act.x", expires_at=1)

    assert await client.fetch_user(token) == TikTokUser(open_id="o", likes_count=3)
    assert "open_id" not in str(route.calls.last.request.url)


async def test_redirect_is_not_followed(client: TikTokClient, httpx2_mock: respx.Router) -> None:
    route = httpx2_mock.post(TOKEN_URL).respond(307, headers={"location": TOKEN_URL})
    with pytest.raises(InvalidResponse, match="redirected"):
        await client.fetch_token("c")

    assert route.call_count == 1


BROKEN_TOKENS = {
    "nothing": {},
    "null token": {**TOKEN_BODY, "access_token": None},
    "empty token": {**TOKEN_BODY, "access_token": ""},
    "number for a token": {**TOKEN_BODY, "access_token": 7},
    "list for a token": {**TOKEN_BODY, "access_token": ["act"]},
    "token with CR LF": {**TOKEN_BODY, "access_token": "act\r\nx: y"},
    "token of 100 KB": {**TOKEN_BODY, "access_token": "a" * 5000},
    "no open_id": {name: value for name, value in TOKEN_BODY.items() if name != "open_id"},
    "empty open_id": {**TOKEN_BODY, "open_id": ""},
    "number for an open_id": {**TOKEN_BODY, "open_id": 7},
    "no expires_in": {name: value for name, value in TOKEN_BODY.items() if name != "expires_in"},
    "null expires_in": {**TOKEN_BODY, "expires_in": None},
    "string for expires_in": {**TOKEN_BODY, "expires_in": "86400"},
    "word for expires_in": {**TOKEN_BODY, "expires_in": "soon"},
    "true for expires_in": {**TOKEN_BODY, "expires_in": True},
    "list for expires_in": {**TOKEN_BODY, "expires_in": [1]},
    "fraction for expires_in": {**TOKEN_BODY, "expires_in": 7200.5},
    "endless expires_in": {**TOKEN_BODY, "expires_in": 10**9},
    "word for refresh_expires_in": {**TOKEN_BODY, "refresh_expires_in": "later"},
    "number for a refresh_token": {**TOKEN_BODY, "refresh_token": 7},
    "MAC token": {**TOKEN_BODY, "token_type": "mac"},
    "number for a token_type": {**TOKEN_BODY, "token_type": 1},
    "list for a scope": {**TOKEN_BODY, "scope": ["user.info.basic"]},
    "number for an error": {"error": 7},
    "empty error": {"error": ""},
}


@pytest.mark.parametrize("body", BROKEN_TOKENS.values(), ids=BROKEN_TOKENS.keys())
async def test_invalid_token_response_is_rejected(
    client: TikTokClient, httpx2_mock: respx.Router, body: dict[str, object]
) -> None:
    httpx2_mock.post(TOKEN_URL).respond(json=body)
    with pytest.raises(InvalidResponse) as caught:
        await client.fetch_token("c")

    assert caught.value.stage == "token"
    assert caught.value.retryable


async def test_token_of_an_emulator_is_rejected(client: TikTokClient, httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(TOKEN_URL).respond(json={**TOKEN_BODY, "access_token": "act.emulator.x!1234"})
    with pytest.raises(InvalidResponse, match="comes from an emulator"):
        await client.fetch_token("c")


@pytest.mark.parametrize("expires_in", [0, -5, -(10**12)])
async def test_lifetime_of_zero_or_less_means_expired(
    client: TikTokClient, httpx2_mock: respx.Router, expires_in: int
) -> None:
    httpx2_mock.post(TOKEN_URL).respond(json={**TOKEN_BODY, "expires_in": expires_in})

    assert (await client.fetch_token("c")).expires_at <= time.time()


async def test_optional_fields_of_a_token_may_be_missing(client: TikTokClient, httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(TOKEN_URL).respond(json={"access_token": "act.x", "open_id": "o", "expires_in": 1})
    token = await client.fetch_token("c")

    assert token.refresh_token is None
    assert token.refresh_expires_at is None
    assert token.scopes == client.scopes


async def test_empty_scope_means_no_scopes(client: TikTokClient, httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(TOKEN_URL).respond(json={**TOKEN_BODY, "scope": ""})

    assert (await client.fetch_token("c")).scopes == ()


async def test_response_of_the_retired_v1_api_is_recognized(client: TikTokClient, httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(TOKEN_URL).respond(
        json={"data": {"access_token": "act.x", "error_code": 0, "open_id": "o"}, "message": "success"}
    )
    with pytest.raises(InvalidResponse, match="v1"):
        await client.fetch_token("c")


@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize(
    ("error", "description", "hint"),
    [
        ("invalid_client", "Client key or secret is incorrect.", "Credentials"),
        ("invalid_grant", "Authorization code is expired.", "once"),
        ("invalid_request", "Redirect_uri is not matched with the uri when requesting code.", "redirect_uri"),
        ("invalid_request", "Code verifier or code challenge is invalid.", "pkce"),
        ("invalid_request", "The request parameters are malformed.", "white space"),
        ("unauthorized_client", "", "Login Kit"),
    ],
)
async def test_error_in_the_body_is_raised_with_any_status(
    client: TikTokClient, httpx2_mock: respx.Router, status: int, error: str, description: str, hint: str
) -> None:
    body = {"error": error, "error_description": description, "log_id": LOG_ID}
    httpx2_mock.post(TOKEN_URL).respond(status, json=body)
    with pytest.raises(TokenError) as caught:
        await client.fetch_token("c")

    assert (caught.value.code, caught.value.description) == (error, description)
    assert caught.value.log_id == LOG_ID
    assert hint in (caught.value.hint or "")
    assert caught.value.retryable is (error == "invalid_grant")
    assert LOG_ID in str(caught.value)


@pytest.mark.parametrize("code", ["server_error", "temporarily_unavailable", "rate_limit_exceeded"])
async def test_temporary_error_of_tiktok_is_unavailable(
    client: TikTokClient, httpx2_mock: respx.Router, code: str
) -> None:
    httpx2_mock.post(TOKEN_URL).respond(json={"error": code, "error_description": "later"})
    with pytest.raises(Unavailable) as caught:
        await client.fetch_token("c")

    assert caught.value.code == code
    assert caught.value.retryable


MALFORMED = {
    "HTML": {"html": "<h1>Bad gateway</h1>"},
    "truncated": {"content": json.dumps(TOKEN_BODY)[:60]},
    "null": {"content": "null"},
    "list": {"content": "[]"},
    "string": {"content": '"act.x"'},
    "bad UTF-8": {"content": b"\xff\xfe{"},
    "UTF-16": {"content": json.dumps(TOKEN_BODY).encode("utf-16")},
    "byte order mark": {"content": b"\xef\xbb\xbf" + json.dumps(TOKEN_BODY).encode()},
    "deep": {"content": "[" * 30_000},
    "number of 5000 digits": {"content": '{"expires_in": ' + "9" * 5000 + "}"},
    "no content": {"status_code": 204},
    "Janus": {"status_code": 404, "text": "Unsupported path(Janus)"},
    "error without a name": {"status_code": 403, "json": {}},
    "too large": {"content": b" " * 70_000},
    "compressed": {
        "content": gzip.compress(json.dumps(TOKEN_BODY).encode()),
        "headers": {"content-encoding": "gzip"},
    },
}


@pytest.mark.parametrize("response", MALFORMED.values(), ids=MALFORMED.keys())
async def test_malformed_response_is_rejected(
    client: TikTokClient, httpx2_mock: respx.Router, response: dict[str, Any]
) -> None:
    httpx2_mock.post(TOKEN_URL).respond(**response)
    httpx2_mock.get(USER_URL).respond(**response)
    with pytest.raises(InvalidResponse) as caught:
        await client.fetch_token("c")
    assert caught.value.status_code == 502
    with pytest.raises(InvalidResponse):
        await client.fetch_user(TOKEN)


async def test_invalid_numbers_are_rejected(client: TikTokClient, httpx2_mock: respx.Router) -> None:
    for number in ("NaN", "Infinity", "1e300"):
        body = json.dumps(TOKEN_BODY).replace("7200", number)
        httpx2_mock.post(TOKEN_URL).respond(content=body)
        with pytest.raises(InvalidResponse):
            await client.fetch_token("c")


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_server_error_is_unavailable(client: TikTokClient, httpx2_mock: respx.Router, status: int) -> None:
    httpx2_mock.post(TOKEN_URL).respond(status, html="<h1>oops</h1>", headers={"x-tt-logid": LOG_ID})
    with pytest.raises(Unavailable) as caught:
        await client.fetch_token("c")

    assert caught.value.status_code == 503
    assert caught.value.log_id == LOG_ID


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        {"error": "invalid_client", "error_description": "Later.", "log_id": LOG_ID},
        {"error": {"code": "invalid_client", "message": "Later.", "log_id": LOG_ID}},
    ],
    ids=["OAuth", "API"],
)
async def test_outage_keeps_the_code_and_log_id_of_the_body(
    client: TikTokClient, httpx2_mock: respx.Router, status: int, body: dict[str, Any]
) -> None:
    httpx2_mock.post(TOKEN_URL).respond(status, json=body)
    with pytest.raises(Unavailable) as caught:
        await client.fetch_token("c")

    error = caught.value
    assert isinstance(error, RateLimited) is (status == 429)
    assert (error.code, error.log_id, error.description) == ("invalid_client", LOG_ID, "Later.")


@pytest.mark.parametrize("body", ["null", "[1]", '{"error": 7}', '{"error": {"code": ""}}', "[" * 9000])
async def test_outage_with_an_unusual_body_is_unavailable(
    client: TikTokClient, httpx2_mock: respx.Router, body: str
) -> None:
    httpx2_mock.post(TOKEN_URL).respond(500, content=body)
    with pytest.raises(Unavailable) as caught:
        await client.fetch_token("c")

    assert (caught.value.code, caught.value.description) == ("unavailable", "HTTP 500")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 1), ("99999", 600), ("-1", 5), ("soon", 5), ("9" * 19, 600)]
    + [("Fri, 20 Nov 2020 10:00:00 GMT", 1), ("Fri, 20 Nov 2099 10:00:00 GMT", 600)],
)
async def test_retry_after_is_at_most_ten_minutes(
    client: TikTokClient, httpx2_mock: respx.Router, header: str, seconds: int
) -> None:
    httpx2_mock.post(TOKEN_URL).respond(429, headers={"retry-after": header})
    with pytest.raises(RateLimited) as caught:
        await client.fetch_token("c")

    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (httpx2.ConnectError("refused"), Unavailable),
        (httpx2.ReadError("reset"), Unavailable),
        (httpx2.RemoteProtocolError("gone"), Unavailable),
        (httpx2.ConnectTimeout("slow"), UpstreamTimeout),
        (httpx2.ReadTimeout("slow"), UpstreamTimeout),
        (httpx2.PoolTimeout("busy"), UpstreamTimeout),
    ],
)
async def test_network_error_becomes_our_own_error(
    client: TikTokClient, httpx2_mock: respx.Router, fault: Exception, error: type[TikTokError]
) -> None:
    httpx2_mock.post(TOKEN_URL).mock(side_effect=fault)
    with pytest.raises(error) as caught:
        await client.fetch_token("c")

    assert caught.value.stage == "token"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "access_token_invalid", APIError),
        (401, "scope_not_authorized", APIError),
        (400, "scope_permission_missed", APIError),
        (400, "invalid_params", APIError),
        (200, "access_token_invalid", APIError),
        (200, "rate_limit_exceeded", RateLimited),
        (400, "internal_error", Unavailable),
    ],
)
async def test_error_of_the_api_is_raised(
    client: TikTokClient, httpx2_mock: respx.Router, status: int, code: str, error: type[TikTokError]
) -> None:
    body = {"data": {}, "error": {"code": code, "message": "No.", "log_id": LOG_ID}}
    httpx2_mock.get(USER_URL).respond(status, json=body)
    with pytest.raises(error) as caught:
        await client.fetch_user(TOKEN)

    assert (caught.value.stage, caught.value.code, caught.value.log_id) == ("user_info", code, LOG_ID)


@pytest.mark.parametrize(
    "data",
    [{}, {"user": None}, {"user": []}, {"user": {}}, {"user": {"open_id": 7}}, {"user": {"open_id": "somebody"}}],
)
async def test_user_info_of_another_user_is_rejected(
    client: TikTokClient, httpx2_mock: respx.Router, data: dict[str, object]
) -> None:
    httpx2_mock.get(USER_URL).respond(json={"data": data, "error": {"code": "ok"}})
    with pytest.raises(InvalidResponse):
        await client.fetch_user(TOKEN)


@pytest.mark.parametrize("error", [None, "boom", [], "", 7])
async def test_data_without_an_ok_is_rejected(client: TikTokClient, httpx2_mock: respx.Router, error: object) -> None:
    httpx2_mock.get(USER_URL).respond(json={**USER_BODY, "error": error})
    with pytest.raises(InvalidResponse):
        await client.fetch_user(TOKEN)


async def test_errors_contain_no_secret(client: TikTokClient, httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(TOKEN_URL).respond(content="{ act.wire!secret")
    with pytest.raises(InvalidResponse) as caught:
        await client.fetch_token("the-code", code_verifier="the-verifier" * 4)

    shown = f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {vars(caught.value)}"
    for secret in ("act.wire", "the-code", "the-verifier", "wire-secret"):
        assert secret not in shown


async def test_proxy_of_the_environment_is_not_used(
    client: TikTokClient, httpx2_mock: respx.Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    httpx2_mock.post(TOKEN_URL).respond(json=TOKEN_BODY)

    assert (await client.fetch_token("c")).open_id == "-000wire"


async def test_connections_are_reused_until_the_client_is_closed(
    client: TikTokClient, httpx2_mock: respx.Router
) -> None:
    httpx2_mock.post(TOKEN_URL).respond(json=TOKEN_BODY)
    await client.fetch_token("c")
    first = client._pools.transport()
    await client.fetch_token("c")
    assert client._pools.transport() is first
    await client.aclose()
    await client.fetch_token("c")
    assert client._pools.transport() is not first


class TestAuthorizationURL:
    VERIFIER = "gaeCq5mVvbhA8Ce6w5O9XBVIKMkySgv-_9A-rnhm9Ns"
    HEX = "e6a178b120743d08509508f269652b0bdf91e29332921bc9e9744fd3dd41bfef"
    BASE64URL = "5qF4sSB0PQhQlQjyaWUrC9-R4pMykhvJ6XRP091Bv-8"

    @pytest.mark.parametrize(("pkce", "challenge"), [("hex", HEX), ("base64url", BASE64URL), ("off", None)])
    async def test_code_challenge_has_the_chosen_form(self, pkce: Any, challenge: str | None) -> None:
        client = TikTokClient("k", "s", "https://app.example.com/cb", pkce=pkce)
        query = parse_qs(urlsplit(client.authorization_url(state="S", code_verifier=self.VERIFIER)).query)

        assert query.get("code_challenge", [None]) == [challenge]

    async def test_url_contains_every_parameter_of_tiktok(self) -> None:
        client = TikTokClient("k", "s", "https://app.example.com/cb", scopes=["user.info.basic", "video.list"])
        url = client.authorization_url(state="S", code_verifier=self.VERIFIER, disable_auto_auth=True)

        assert url.startswith("https://www.tiktok.com/v2/auth/authorize/?client_key=k&response_type=code&")
        assert "scope=user.info.basic%2Cvideo.list&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&state=S&" in url
        assert url.endswith("&disable_auto_auth=1")

    @pytest.mark.parametrize("verifier", ["", "short", "ü" * 43, "v" * 129, "v" * 42 + " "])
    async def test_invalid_verifier_is_rejected(self, verifier: str) -> None:
        client = TikTokClient("k", "s", "https://app.example.com/cb")
        with pytest.raises(ConfigurationError, match="43 to 128"):
            client.authorization_url(state="S", code_verifier=verifier)

    async def test_verifier_is_not_sent_with_pkce_off(self, httpx2_mock: respx.Router) -> None:
        route = httpx2_mock.post(TOKEN_URL).respond(json=TOKEN_BODY)
        client = TikTokClient("k", "s", "https://app.example.com/cb", pkce="off")
        await client.fetch_token("c", code_verifier=self.VERIFIER)
        await client.aclose()

        assert b"code_verifier" not in route.calls.last.request.content


class TestParseCallback:
    async def test_success_returns_code_state_and_scopes(self, client: TikTokClient) -> None:
        callback = client.parse_callback("https://x/cb?code=a%2A1%21b&scopes=user.info.basic%2Cvideo.list&state=S")

        assert (callback.code, callback.state) == ("a*1!b", "S")
        assert callback.scopes == ("user.info.basic", "video.list")
        assert "a*1!b" not in repr(callback)

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ("error=access_denied&state=S", AccessDenied),
            ("error=server_error", LoginRefused),
            ("state=S", InvalidCallback),
            ("code=a&code=b", InvalidCallback),
        ],
    )
    async def test_error_or_invalid_query_is_raised(
        self, client: TikTokClient, query: str, error: type[TikTokError]
    ) -> None:
        with pytest.raises(error):
            client.parse_callback(f"https://x/cb?{query}")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"client_key": ""}, "client_key is empty"),
        ({"client_secret": ""}, "client_secret is empty"),
        ({"client_secret": "secret "}, "white space"),
        ({"client_key": "schlüssel"}, "ASCII"),
        ({"redirect_uri": "app.example.com/cb"}, "complete address"),
        ({"redirect_uri": "http://app.example.com/cb"}, "https://"),
        ({"redirect_uri": "http://localhost/cb"}, "port"),
        ({"redirect_uri": "https://localhost:0/cb"}, "port"),
        ({"redirect_uri": "https://app.example.com/cb?x=1"}, "no query"),
        ({"redirect_uri": "https://app.example.com/cb#x"}, "fragment"),
        ({"redirect_uri": "https://me:pw@app.example.com/cb"}, "user name"),
        ({"redirect_uri": "https://app.example.com"}, "path"),
        ({"redirect_uri": "https://app.example.com/c b"}, "white space"),
        ({"redirect_uri": "https://app.example.com/" + "c" * 500}, "512"),
        ({"redirect_uri": "https://app.example.com:x/cb"}, "not a URL"),
        ({"redirect_uri": "myapp://cb"}, "complete address"),
        ({"scopes": "user.info.basic,video.list"}, "tuple"),
        ({"scopes": ["user.info.basic video.list"]}, "user.info.basic"),
        ({"scopes": ["video_list"]}, "Write 'video.list'"),
        ({"scopes": ["everything"]}, "Write a scope like"),
        ({"pkce": "plain"}, '"hex"'),
        ({"base_url": "http://app.example.com"}, "must have https"),
        ({"base_url": "https://tiktok.test/v2"}, "origin"),
        ({"base_url": "http://127.0.0.1:abc"}, "not a URL"),
        ({"base_url": "http://[::1"}, "not a URL"),
        ({"base_url": "http://me:pw@127.0.0.1:1"}, "origin"),
        ({"base_url": ""}, "base_url is empty"),
        ({"scopes": ()}, "scopes is empty"),
        ({"scopes": None}, "scopes must be a tuple"),
        ({"scopes": [7]}, "scopes contains a value that must be a string, not int"),
        ({"redirect_uri": None}, "redirect_uri must be a string"),
        ({"redirect_uri": "https://app.example.com/a/../cb"}, "plain path"),
        ({"redirect_uri": "http://localhost:0/cb"}, "port"),
        ({"client_key": 5}, "client_key must be a string"),
        ({"client_secret": b"x"}, "client_secret must be a string"),
        ({"transport": lambda scope: None}, "ASGITransport"),
        ({"transport": httpx2.HTTPTransport()}, "async transport"),
    ],
)
async def test_invalid_setting_is_rejected_with_the_reason(settings: dict[str, Any], reason: str) -> None:
    defaults = {"client_key": "k", "client_secret": "s", "redirect_uri": "https://app.example.com/cb"}
    with pytest.raises(ConfigurationError, match=reason.replace(".", r"\.")) as caught:
        TikTokClient(**{**defaults, **settings})

    assert isinstance(caught.value, ValueError)
    assert "pw@" not in str(caught.value)
