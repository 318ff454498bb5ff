"""django-allauth signs in with the emulator. Only the host of its requests is changed."""

import pytest

from asgi_tiktok.emulator import CAST, Emulator

from .app import BASIC, Drive

pytestmark = pytest.mark.soak

ZOE = CAST[2]
DEFAULT_SCOPES = ("user.info.basic", "user.info.profile")
WEB = "https://testserver/accounts/tiktok/login/callback/"
DESKTOP = "http://localhost:8000/accounts/tiktok/login/callback/"


@pytest.mark.parametrize("pkce", [False, True])
@pytest.mark.parametrize("scopes", [DEFAULT_SCOPES, BASIC])
def test_allauth_signs_in(drive: Drive, emulator: Emulator, scopes: tuple[str, ...], pkce: bool) -> None:
    result = drive("allauth_driver", redirect_uri=WEB, scopes=scopes, pkce=pkce)

    assert result == {"name": ZOE.display_name, "id": ZOE.open_id}
    assert [exchange.endpoint for exchange in emulator.exchanges] == ["authorize", "consent", "token", "user_info"]


def test_desktop_requires_a_challenge(drive: Drive) -> None:
    result = drive("allauth_driver", redirect_uri=DESKTOP, pkce=False)

    assert result == {"failed": "param_error code_challenge"}


def test_base64url_challenge_is_refused_on_desktop(drive: Drive, emulator: Emulator) -> None:
    result = drive("allauth_driver", redirect_uri=DESKTOP, pkce=True)

    assert result == {"name": None, "id": None}
    assert emulator.exchanges[-1].error == "invalid_request"
    assert emulator.exchanges[-1].fix == (
        "The code_challenge was base64url; TikTok requires the lower-case hex digits of the SHA-256."
    )


def test_sign_in_fails_if_the_user_denies_a_scope(drive: Drive, emulator: Emulator) -> None:
    """allauth requests the fields of the requested scopes, not those of the granted scopes."""
    result = drive("allauth_driver", redirect_uri=WEB, scopes=DEFAULT_SCOPES, ticked=BASIC, pkce=False)

    assert result == {"name": None, "id": None}
    assert emulator.exchanges[-1].error == "scope_not_authorized"
