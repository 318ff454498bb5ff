"""django-allauth signs in at the emulator; only the host is changed."""

import pytest

from asgi_tiktok.emulator import CAST, Emulator

from .app import BASIC, Drive

ZOE = CAST[2]
DEFAULT_SCOPES = ("user.info.basic", "user.info.profile")
WEB = "https://testserver/accounts/tiktok/login/callback/"
DESKTOP = "http://localhost:8000/accounts/tiktok/login/callback/"


@pytest.mark.parametrize("pkce", [False, True])
@pytest.mark.parametrize("scopes", [DEFAULT_SCOPES, BASIC])
def test_it_signs_in(drive: Drive, emulator: Emulator, scopes: tuple[str, ...], pkce: bool) -> None:
    said = drive("allauth_driver", redirect_uri=WEB, scopes=scopes, pkce=pkce)

    assert said == {"name": ZOE.display_name, "id": ZOE.open_id}
    assert [exchange.endpoint for exchange in emulator.exchanges] == ["authorize", "consent", "token", "user_info"]


def test_desktop_needs_a_challenge(drive: Drive) -> None:
    said = drive("allauth_driver", redirect_uri=DESKTOP, pkce=False)

    assert said == {"failed": "param_error code_challenge"}


def test_its_challenge_is_refused_on_desktop(drive: Drive, emulator: Emulator) -> None:
    said = drive("allauth_driver", redirect_uri=DESKTOP, pkce=True)

    assert said == {"name": None, "id": None}
    assert emulator.exchanges[-1].error == "invalid_request"
    assert emulator.exchanges[-1].cure == (
        "The code_challenge was base64url; TikTok wants the lower-case hex digits of the SHA-256."
    )


def test_a_person_who_unticks_a_scope_cannot_sign_in(drive: Drive, emulator: Emulator) -> None:
    """It asks for the fields of the scopes that it asked for, and not of those that were granted."""
    said = drive("allauth_driver", redirect_uri=WEB, scopes=DEFAULT_SCOPES, ticked=BASIC, pkce=False)

    assert said == {"name": None, "id": None}
    assert emulator.exchanges[-1].error == "scope_not_authorized"
