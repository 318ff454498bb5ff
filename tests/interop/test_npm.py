"""Clients from npm sign in with the emulator. Only the host of their requests is changed."""

from typing import Any

import pytest

from asgi_tiktok.emulator import CAST, Emulator, Exchange

from .app import APP, BASIC, DESKTOP, Drive

pytestmark = pytest.mark.soak

ZOE = CAST[2]
EVERYTHING = ("user.info.basic", "user.info.profile", "user.info.stats")
AUTHJS_WEB = "https://testserver/auth/callback/tiktok"
AUTHJS_DESKTOP = "http://localhost:8000/auth/callback/tiktok"
BASE64URL = "The code_challenge was base64url; TikTok requires the lower-case hex digits of the SHA-256."


def endpoints(emulator: Emulator) -> list[str]:
    return [exchange.endpoint for exchange in emulator.exchanges]


def refused(emulator: Emulator) -> Exchange:
    """Return the last exchange, after a check that no other exchange was refused."""
    [found] = [exchange for exchange in emulator.exchanges if exchange.error]
    assert found is emulator.exchanges[-1]
    return found


def test_arctic_signs_in_refreshes_and_revokes(drive: Drive, emulator: Emulator) -> None:
    result = drive("arctic.mjs")

    assert result == {"name": ZOE.display_name, "again": ZOE.display_name, "after_revocation": "access_token_invalid"}
    assert endpoints(emulator) == [
        "authorize",
        "consent",
        "token",
        "user_info",
        "token",
        "user_info",
        "revoke",
        "user_info",
    ]
    assert len(emulator.exchanges[0].request["code_challenge"]) == 43


def test_arctic_challenge_is_refused_on_desktop(drive: Drive, emulator: Emulator) -> None:
    """TikTok answers 200 with an error in the body, which arctic reports as a missing field."""
    result = drive("arctic.mjs", redirect_uri=DESKTOP)

    assert result == {"failed": "Error: Missing or invalid 'access_token' field"}
    assert (refused(emulator).endpoint, refused(emulator).error) == ("token", "invalid_request")
    assert refused(emulator).fix == BASE64URL


class TestPassport:
    # It always requests avatar_url_200 too, a field of API v1.
    def sign_in(self, drive: Drive, **more: Any) -> dict[str, Any]:
        task = {"scopes": EVERYTHING, "pkce": False, **more}
        return drive("passport.mjs", **task)

    def test_passport_signs_in(self, drive: Drive, emulator: Emulator) -> None:
        result = self.sign_in(drive)

        assert result == {"id": ZOE.open_id, "name": ZOE.display_name, "followers": ZOE.follower_count}
        assert endpoints(emulator) == ["authorize", "consent", "token", "user_info"]

    def test_default_scope_is_too_small_for_the_fields(self, drive: Drive, emulator: Emulator) -> None:
        """TikTok refuses the whole request if one field is not granted."""
        result = self.sign_in(drive, scopes=BASIC)

        assert '"code":"scope_not_authorized"' in result["failed"]
        assert (refused(emulator).fix or "").startswith("Not granted: username, follower_count, ")

    def test_desktop_requires_a_challenge(self, drive: Drive, emulator: Emulator) -> None:
        assert self.sign_in(drive, redirect_uri=DESKTOP) == {"failed": "Refused: param_error code_challenge"}
        assert endpoints(emulator) == ["authorize"]

    def test_base64url_challenge_is_refused_on_desktop(self, drive: Drive, emulator: Emulator) -> None:
        result = self.sign_in(drive, redirect_uri=DESKTOP, pkce=True)

        assert result == {"failed": "Error: Failed to obtain access token"}
        assert refused(emulator).fix == BASE64URL


@pytest.mark.parametrize("checks", [None, ["state"], ["pkce", "state"]])
def test_authjs_signs_in(drive: Drive, emulator: Emulator, checks: list[str] | None) -> None:
    result = drive("authjs.mjs", redirect_uri=AUTHJS_WEB, checks=checks)

    assert result == {"name": ZOE.display_name, "redirect": "https://testserver", "errors": []}
    assert endpoints(emulator) == ["authorize", "consent", "token", "user_info"]
    # It also sends client_id, which TikTok ignores.
    assert emulator.exchanges[2].request["client_id"] == APP.client_key


def test_authjs_challenge_is_refused_on_desktop(drive: Drive, emulator: Emulator) -> None:
    result = drive("authjs.mjs", redirect_uri=AUTHJS_DESKTOP)

    assert result["errors"] == ['"response" body "access_token" property must be a string']
    assert result["redirect"] == "http://localhost:8000/auth/error?error=Configuration"
    assert refused(emulator).fix == BASE64URL


@pytest.mark.parametrize("web_pkce", ["verify-hex"])
@pytest.mark.parametrize("driver", ["arctic.mjs", "authjs.mjs"])
def test_clients_fail_if_the_web_platform_requires_hex(
    drive: Drive, emulator: Emulator, driver: str, web_pkce: str
) -> None:
    """It is not known whether TikTok verifies the challenge on the Web platform. If it does, these clients fail."""
    result = drive(driver, redirect_uri=AUTHJS_WEB)

    assert ZOE.display_name not in str(result)
    assert refused(emulator).fix == BASE64URL
