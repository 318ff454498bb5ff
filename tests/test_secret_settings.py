"""Keys and secrets may be given as Starlette's Secret, and no repr shows them."""

from collections.abc import Sequence

import pytest
from starlette.datastructures import Secret

from asgi_tiktok import TikTok, TikTokClient
from tests.support.canaries import OLD_SECRET_KEY, SECRET_KEY
from tests.support.settings import REDIRECT_URI
from tests.support.tiktok import new_tiktok

CLIENT_KEY, CLIENT_SECRET = "awsecretkey", "a-client-secret-from-the-portal"


def assert_hides(value: object, *secrets: str) -> None:
    shown = f"{value!r} {value} {vars(value)!r}"
    assert not any(secret in shown for secret in secrets), shown


def test_client_accepts_secrets_and_hides_them() -> None:
    client = TikTokClient(Secret(CLIENT_KEY), Secret(CLIENT_SECRET), REDIRECT_URI)

    assert (client.client_key, client._client_secret.reveal()) == (CLIENT_KEY, CLIENT_SECRET)
    assert type(client.client_key) is str
    assert_hides(client, CLIENT_SECRET)


@pytest.mark.parametrize(
    "secret_key",
    [
        Secret(SECRET_KEY),
        [Secret(SECRET_KEY)],
        [Secret(SECRET_KEY), OLD_SECRET_KEY],
        (SECRET_KEY, Secret(OLD_SECRET_KEY)),
    ],
)
def test_tiktok_accepts_secrets_and_hides_them(secret_key: Secret | Sequence[str | Secret]) -> None:
    tiktok = new_tiktok(client_key=Secret(CLIENT_KEY), client_secret=Secret(CLIENT_SECRET), secret_key=secret_key)
    plain = new_tiktok(client_key=CLIENT_KEY, client_secret=CLIENT_SECRET, secret_key=[SECRET_KEY, OLD_SECRET_KEY])

    assert tiktok._client.client_key == CLIENT_KEY
    assert tiktok._client._client_secret.reveal() == CLIENT_SECRET
    assert tiktok._keys.newest.digest("test", b"x") == plain._keys.newest.digest("test", b"x")
    for part in (tiktok, tiktok._client, tiktok._keys, tiktok._keys.newest, tiktok._tokens, tiktok._sessions):
        assert_hides(part, CLIENT_SECRET, SECRET_KEY, OLD_SECRET_KEY)


def test_every_secret_of_the_list_works_for_rotation() -> None:
    rotated = new_tiktok(secret_key=[Secret(OLD_SECRET_KEY), Secret(SECRET_KEY)])
    old = TikTok("k", "s", REDIRECT_URI, Secret(SECRET_KEY), store="memory://")

    assert [key.digest("test", b"x") for key in rotated._keys][1] == old._keys.newest.digest("test", b"x")
