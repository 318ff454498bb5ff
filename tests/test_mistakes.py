"""Frequent mistakes in an app's code: each gets a sentence that says what was meant."""

import logging
from inspect import signature
from typing import Any

import pytest
from starlette.testclient import TestClient

from asgi_tiktok import AnonymousUser, ConfigurationError, TikTok, TikTokAuthMiddleware, TikTokUser
from asgi_tiktok.mistakes.arguments import OF_MIDDLEWARE
from asgi_tiktok.testing import login_as
from tests.support.app import app
from tests.support.canaries import SECRET_KEY
from tests.support.settings import LOGOUT, ORIGIN, REDIRECT_URI
from tests.support.tiktok import new_tiktok

ENVIRON = {
    "TIKTOK_CLIENT_KEY": "aw1",
    "TIKTOK_CLIENT_SECRET": "s1",
    "TIKTOK_REDIRECT_URI": REDIRECT_URI,
    "TIKTOK_SECRET_KEY": SECRET_KEY,
    "TIKTOK_STORE": "memory://",
}
USER = TikTokUser(open_id="ada", display_name="Ada")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {},
            "needs client_key, client_secret, redirect_uri, secret_key. Pass them, or write TikTok.from_env()",
        ),
        ({"scope": "video.list"}, "TikTok has no argument 'scope'. Did you mean scopes?"),
        ({"protect": ("/",)}, "It belongs to TikTokAuthMiddleware(app, tiktok, ...)."),
        ({"protected": ("/",)}, "Did you mean protect of TikTokAuthMiddleware(app, tiktok, ...)?"),
        ({"zzz": 1}, "Its arguments are client_key, client_secret,"),
    ],
)
def test_argument_that_tiktok_does_not_have(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TypeError) as refused:
        TikTok(**arguments)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"protected": ("/",)}, "TikTokAuthMiddleware has no argument 'protected'. Did you mean protect?"),
        ({"scopes": ()}, "It belongs to TikTok(...)."),
    ],
)
def test_argument_that_the_middleware_does_not_have(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TypeError) as refused:
        TikTokAuthMiddleware(app, new_tiktok(), **arguments)
    assert sentence in str(refused.value)


def test_arguments_of_the_middleware_are_known_to_tiktok() -> None:
    assert list(signature(TikTokAuthMiddleware).parameters)[2:] == [*OF_MIDDLEWARE]


@pytest.mark.parametrize(
    ("user", "name", "sentence"),
    [
        (USER, "email", "TikTok gives apps no e-mail address. Use open_id to recognize a user"),
        (USER, "name", "TikTokUser has no attribute 'name'. Did you mean display_name?"),
        (USER, "follower_counts", "Did you mean follower_count?"),
        (AnonymousUser(), "id", "AnonymousUser has no attribute 'id'. Did you mean open_id?"),
        (AnonymousUser(), "zzz", "AnonymousUser has no attribute 'zzz'."),
    ],
)
def test_attribute_that_no_user_has(user: Any, name: str, sentence: str) -> None:
    with pytest.raises(AttributeError) as refused:
        getattr(user, name)
    assert sentence in str(refused.value)


def test_user_is_not_a_dict() -> None:
    user: Any = USER
    with pytest.raises(TypeError, match=r"^TikTokUser is not a dict\. Write user\.display_name\."):
        user["display_name"]


@pytest.mark.anyio
async def test_client_of_the_api_needs_async_with() -> None:
    api: Any = new_tiktok().api("ada")
    with pytest.raises(TypeError, match=r"This client is asynchronous\. Write async with instead of with\."), api:
        raise AssertionError


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {"TIKTOK_SCOPES": "user.info.basic video.list"},
            "separates the scopes with white space. Write TIKTOK_SCOPES=user.info.basic,video.list",
        ),
        ({"TIKTOK_CLIENT_KEY": '"aw1"'}, "TIKTOK_CLIENT_KEY has quotes around its value. Set it without the quotes."),
        (
            {"TIKTOK_CLIENT_KEY": "", "TIKTOK_CLIENT_ID": "aw1"},
            "TIKTOK_CLIENT_KEY is not set. TIKTOK_CLIENT_ID is set; write TIKTOK_CLIENT_KEY instead.",
        ),
    ],
)
def test_variable_that_cannot_work(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        TikTok.from_env({**ENVIRON, **environ})
    assert sentence in str(refused.value)


def test_misspelt_variable_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    TikTok.from_env({**ENVIRON, "TIKTOK_SCOPE": "video.list", "TIKTOK_PIXEL_ID": "7"})
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.getMessage() == "unknown environment variable: TIKTOK_SCOPE, did you mean TIKTOK_SCOPES?"


def test_sign_out_in_a_test_needs_an_origin(caplog: pytest.LogCaptureFixture) -> None:
    client = TestClient(TikTokAuthMiddleware(app, new_tiktok()), base_url=ORIGIN)
    login_as(client)
    refused = client.post(LOGOUT)
    assert refused.status_code == 403
    assert f'Send the header Origin. In a test: client.post(..., headers={{"Origin": "{ORIGIN}"}}).' in caplog.text
    assert client.post(LOGOUT, headers={"Origin": ORIGIN}, follow_redirects=False).status_code == 303


def test_api_after_login_as_without_a_token_names_the_argument() -> None:
    client = TestClient(TikTokAuthMiddleware(app, new_tiktok()), base_url=ORIGIN)
    login_as(client)
    refused = client.get("/token")
    assert refused.status_code == 401
    assert "login_as(client, token=True)" in refused.json()["hint"]
    login_as(client, token=True)
    assert client.get("/token").json()["scopes"] == ["user.info.basic"]
