"""Clients of other people's, from npm, sign in at the emulator; only the host is changed."""

from typing import Any

import pytest

from asgi_tiktok.emulator import CAST, Emulator, Exchange

from .app import APP, BASIC, DESKTOP, Drive

ZOE = CAST[2]
EVERYTHING = ("user.info.basic", "user.info.profile", "user.info.stats")
AUTHJS_WEB = "https://testserver/auth/callback/tiktok"
AUTHJS_DESKTOP = "http://localhost:8000/auth/callback/tiktok"
BASE64URL = "The code_challenge was base64url; TikTok wants the lower-case hex digits of the SHA-256."


def endpoints(emulator: Emulator) -> list[str]:
    return [exchange.endpoint for exchange in emulator.exchanges]


def refused(emulator: Emulator) -> Exchange:
    """The last exchange, which is the only one that was refused."""
    [found] = [exchange for exchange in emulator.exchanges if exchange.error]
    assert found is emulator.exchanges[-1]
    return found


def test_arctic_signs_in_refreshes_and_revokes(drive: Drive, emulator: Emulator) -> None:
    said = drive("arctic.mjs")

    assert said == {"name": ZOE.display_name, "again": ZOE.display_name, "afterwards": "access_token_invalid"}
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


def test_arctic_s_challenge_is_refused_on_desktop(drive: Drive, emulator: Emulator) -> None:
    """TikTok's 200 with an error in it reaches arctic's users as a missing field."""
    said = drive("arctic.mjs", redirect_uri=DESKTOP)

    assert said == {"failed": "Error: Missing or invalid 'access_token' field"}
    assert (refused(emulator).endpoint, refused(emulator).error) == ("token", "invalid_request")
    assert refused(emulator).cure == BASE64URL


class TestPassport:
    # It always asks for avatar_url_200, too, which API v1 had.
    def sign_in(self, drive: Drive, **more: Any) -> dict[str, Any]:
        task = {"scopes": EVERYTHING, "pkce": False, **more}
        return drive("passport.mjs", **task)

    def test_it_signs_in(self, drive: Drive, emulator: Emulator) -> None:
        said = self.sign_in(drive)

        assert said == {"id": ZOE.open_id, "name": ZOE.display_name, "followers": ZOE.follower_count}
        assert endpoints(emulator) == ["authorize", "consent", "token", "user_info"]

    def test_its_own_default_scope_is_too_small_for_its_fields(self, drive: Drive, emulator: Emulator) -> None:
        """One field that was not granted costs the whole answer."""
        said = self.sign_in(drive, scopes=BASIC)

        assert '"code":"scope_not_authorized"' in said["failed"]
        assert (refused(emulator).cure or "").startswith("Not granted: username, follower_count, ")

    def test_desktop_needs_a_challenge(self, drive: Drive, emulator: Emulator) -> None:
        assert self.sign_in(drive, redirect_uri=DESKTOP) == {"failed": "Refused: param_error code_challenge"}
        assert endpoints(emulator) == ["authorize"]

    def test_its_challenge_is_refused_on_desktop(self, drive: Drive, emulator: Emulator) -> None:
        said = self.sign_in(drive, redirect_uri=DESKTOP, pkce=True)

        assert said == {"failed": "Error: Failed to obtain access token"}
        assert refused(emulator).cure == BASE64URL


@pytest.mark.parametrize("checks", [None, ["state"], ["pkce", "state"]])
def test_authjs_signs_in(drive: Drive, emulator: Emulator, checks: list[str] | None) -> None:
    said = drive("authjs.mjs", redirect_uri=AUTHJS_WEB, checks=checks)

    assert said == {"name": ZOE.display_name, "led": "https://testserver", "complaints": []}
    assert endpoints(emulator) == ["authorize", "consent", "token", "user_info"]
    # It sends client_id as well, which TikTok leaves unread.
    assert emulator.exchanges[2].request["client_id"] == APP.client_key


def test_authjs_s_challenge_is_refused_on_desktop(drive: Drive, emulator: Emulator) -> None:
    said = drive("authjs.mjs", redirect_uri=AUTHJS_DESKTOP)

    assert said["complaints"] == ['"response" body "access_token" property must be a string']
    assert said["led"] == "http://localhost:8000/auth/error?error=Configuration"
    assert refused(emulator).cure == BASE64URL


@pytest.mark.parametrize("web_pkce", ["verify-hex"])
@pytest.mark.parametrize("driver", ["arctic.mjs", "authjs.mjs"])
def test_an_app_that_is_held_to_hex_on_the_web(drive: Drive, emulator: Emulator, driver: str, web_pkce: str) -> None:
    """Whether TikTok verifies on the Web platform is not certain; where it would, these fail."""
    said = drive(driver, redirect_uri=AUTHJS_WEB)

    assert ZOE.display_name not in str(said)
    assert refused(emulator).cure == BASE64URL
