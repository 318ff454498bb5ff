"""Callbacks that TikTok sends. Forged callbacks are in tests/security/test_callback.py."""

from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import LoginRefused, TikTokAuthMiddleware, TikTokClient
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator
from tests.support.app import app
from tests.support.login import approve_login, new_browser, start_login
from tests.support.settings import CALLBACK, REDIRECT_URI
from tests.support.tiktok import count_requests, new_tiktok

CERTIFICATE = "error=invalid_client&errCode=10033&error_description=App certificate does not match configurations."


@pytest.fixture
def client() -> TikTokClient:
    return TikTokClient(DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, REDIRECT_URI, base_url="http://127.0.0.1:8700")


@pytest.mark.parametrize(
    ("error", "title"),
    [
        ("error=temporarily_unavailable", "TikTok cannot be reached"),
        ("error=server_error&error_description=oops", "TikTok cannot be reached"),
        ("error=something_new", "The sign-in did not work"),
        ("errCode=10004", "The sign-in did not work"),
        ("errCode=2100004", "TikTok cannot be reached"),
        ("errCode=6007062", "TikTok did not let you sign in"),
        ("error=access_denied&error_type=non_sandbox_target", "This account cannot sign in yet"),
    ],
)
def test_error_from_tiktok_shows_its_page(browser: TestClient, emulator: Emulator, error: str, title: str) -> None:
    state = parse_qs(urlsplit(start_login(browser)).query)["state"][0]
    response = browser.get(f"{CALLBACK}?{error}&state={state}")

    assert response.status_code == 502
    assert title in response.text
    assert count_requests(emulator) == 0


CONFIGURATION = ["unauthorized_client", "invalid_client", "invalid_request", "invalid_scope", "param_error"]
OTHER_WORDS = ["invalid_grant", "unsupported_grant_type", "unsupported_response_type", "server_error"]
NUMBERS = [*range(10002, 10016), 10017, 10033, 100000, 2100004, 2100005, 2100007, 2100009, 2190001, 2190002, 2190003]
NUMBERS += [2190004, 2190008, 2190015, 6007061, 6007062, 6007063, -1, -4, -5, -8, *range(-30, -11)]
QUERIES = [(word, f"error={word}") for word in CONFIGURATION + OTHER_WORDS]
QUERIES += [(str(number), f"errCode={number}") for number in NUMBERS] + [("-5", "error_code=-5")]


@pytest.mark.parametrize(("code", "query"), QUERIES)
def test_each_error_of_tiktok_keeps_its_code_and_has_a_hint(client: TikTokClient, code: str, query: str) -> None:
    with pytest.raises(LoginRefused) as caught:
        client.parse_callback(f"{REDIRECT_URI}?{query}&error_description=In+TikTok%27s+words.&logid=20261127ABC")

    assert caught.value.code == code
    assert caught.value.hint
    assert "In TikTok's words." in caught.value.description
    assert caught.value.log_id == "20261127ABC"


@pytest.mark.parametrize(
    ("query", "code", "hint"),
    [
        ("error=param_error&errCode=10003&error_type=client_key", "param_error", "Login Kit"),
        ("error=invalid_client&errCode=10033", "invalid_client", "Register the platform"),
        ("error=server_error&errCode=10004", "server_error", "Login Kit"),
        ("error=10033", "10033", "Register the platform"),
        ("error=invalid_request&error_type=redirect_uri", "invalid_request", "redirect_uri"),
        ("error=param_error&errCode=10007&error_type=code_challenge", "param_error", "pkce"),
    ],
)
def test_hint_depends_on_the_most_precise_part(client: TikTokClient, query: str, code: str, hint: str) -> None:
    with pytest.raises(LoginRefused) as caught:
        client.parse_callback(f"{REDIRECT_URI}?{query}")

    assert caught.value.code == code
    assert hint in (caught.value.hint or "")


def test_error_of_tiktok_is_logged_in_its_words_but_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    emulator = Emulator(callback_error=CERTIFICATE)
    browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator))))
    response = browser.get(approve_login(browser, emulator))

    assert response.status_code == 502
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "invalid_client, 10033, App certificate does not match configurations." in line
    assert "App certificate" not in response.text


SECRET = "act.Xy12345678901234567890!4567.u1"


@pytest.mark.parametrize(
    "description", [SECRET, f"token={SECRET}", f"The\n token\x1b[31m {SECRET} is bad", "x" * 5000]
)
def test_description_is_logged_without_secrets_in_one_short_line(
    browser: TestClient, caplog: pytest.LogCaptureFixture, description: str
) -> None:
    state = parse_qs(urlsplit(start_login(browser)).query)["state"][0]
    words = quote(f"{description} {state}")
    assert browser.get(f"{CALLBACK}?error=invalid_scope&error_description={words}&state={state}").status_code == 502

    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "invalid_scope" in line
    assert line.isprintable()
    assert len(line) < 600
    assert "1234567890" not in line
    assert state not in line


@pytest.mark.parametrize("cancel", ["error=access_denied", "error_code=-2&error_string=stop", "errCode=-3&state="])
def test_cancel_without_state_changes_nothing_and_shows_nothing_of_the_query(
    browser: TestClient, emulator: Emulator, cancel: str
) -> None:
    back = approve_login(browser, emulator)
    response = browser.get(f"{CALLBACK}?{cancel}&error_description=Call+us+now")

    assert response.status_code == 403
    assert "You cancelled the sign-in" in response.text
    assert "Call us" not in response.text
    assert "set-cookie" not in response.headers
    assert browser.get(back).status_code == 303, "the login can no longer be completed"


def test_error_code_of_zero_is_a_success(browser: TestClient, emulator: Emulator) -> None:
    assert browser.get(approve_login(browser, emulator) + "&error_code=0").status_code == 303


def test_options_returns_the_allowed_method(browser: TestClient) -> None:
    response = browser.options(CALLBACK)

    assert response.status_code == 204
    assert response.headers["allow"] == "GET"
