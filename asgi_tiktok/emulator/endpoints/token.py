"""The token and the revocation endpoint (User Access Token Management)."""

import base64
import hashlib
from collections.abc import Mapping

from asgi_tiktok.emulator.endpoints.oauth import (
    Form,
    authenticate,
    invalid_request,
    malformed,
    missing,
    require_client_key,
)
from asgi_tiktok.emulator.world.apps import App
from asgi_tiktok.emulator.world.errors import APIError
from asgi_tiktok.emulator.world.grants import Code, Grants, TokenResponse
from asgi_tiktok.emulator.world.knobs import ChallengeEncoding, Knobs

__all__ = ["handle_revoke", "handle_token"]

GRANT_PARAMETERS: dict[str, tuple[str, ...]] = {
    "authorization_code": ("code", "redirect_uri"),
    "refresh_token": ("refresh_token",),
    "client_credentials": (),
}


def handle_token(apps: Mapping[str, App], grants: Grants, knobs: Knobs, form: Form) -> TokenResponse:
    """Tokens for a code, for a refresh token, or for the app itself."""
    grant_type = validated_grant_type(form)
    app = authenticate(apps, form)
    if grant_type == "client_credentials":
        return grants.client_token()
    if grant_type == "refresh_token":
        return grants.refresh(form["refresh_token"], app.client_key)
    code = grants.redeem(form["code"], app.client_key)
    check_redirect_uri(code, form)
    check_verifier(code, form, knobs)
    return grants.issue(code)


def handle_revoke(apps: Mapping[str, App], grants: Grants, knobs: Knobs, form: Form) -> TokenResponse:
    """Nothing, once the whole grant behind the token is gone."""
    require_client_key(form)
    if not form.get("client_secret"):
        raise missing("client_secret")
    if not form.get("token"):
        raise malformed("Send the access token as token; access_token is not the name.")
    app = authenticate(apps, form)
    if not grants.revoke(form["token"], app.client_key) and knobs.revoke_unknown == "error":
        raise malformed("No such access token is known for this app; a token that was revoked is not known either.")
    return {}


def validated_grant_type(form: Form) -> str:
    """The grant type of a form in which nothing it needs is missing."""
    require_client_key(form)
    grant_type = form.get("grant_type", "")
    if not grant_type:
        raise missing("grant_type")
    if grant_type not in GRANT_PARAMETERS:
        raise APIError(
            "unsupported_grant_type",
            "The grant type is not supported.",
            f"Send grant_type as one of {', '.join(GRANT_PARAMETERS)}.",
        )
    if not form.get("client_secret"):
        if grant_type == "client_credentials":
            raise invalid_request("Client secret is missed in request.", "Send client_secret in the form.")
        raise missing("client_secret")
    for name in GRANT_PARAMETERS[grant_type]:
        if not form.get(name):
            raise malformed("Send refresh_token in the form.") if name == "refresh_token" else missing(name)
    return grant_type


def check_redirect_uri(code: Code, form: Form) -> None:
    """Refuse a code that comes with another redirect URI than it was given for."""
    if form["redirect_uri"] != code.redirect_uri:
        raise invalid_request(
            "Redirect_uri is not matched with the uri when requesting code.",
            f"Send the redirect_uri of the authorization request, {code.redirect_uri}, letter for letter.",
        )


def check_verifier(code: Code, form: Form, knobs: Knobs) -> None:
    """Refuse a code that comes with another verifier than its challenge was made of (RFC 7636 §4.6)."""
    if code.code_challenge is None:
        return
    verifier = form.get("code_verifier", "")
    digest = hashlib.sha256(verifier.encode()).digest()
    if knobs.min_verifier != "off" and 0 < len(verifier) < knobs.min_verifier:
        raise pkce_error(f"The code_verifier has {len(verifier)} characters; make one of 43 to 128.")
    if code.code_challenge != encode_challenge(digest, knobs.desktop_pkce_encoding):
        raise pkce_error(explain_pkce_error(digest, code.code_challenge, verifier, knobs.desktop_pkce_encoding))


def pkce_error(cure: str) -> APIError:
    return invalid_request("Code verifier or code challenge is invalid.", cure)


def encode_challenge(digest: bytes, encoding: ChallengeEncoding) -> str:
    if encoding == "hex":
        return digest.hex()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def explain_pkce_error(digest: bytes, challenge: str, verifier: str, encoding: ChallengeEncoding) -> str:
    if not verifier:
        return "Send code_verifier: the authorization request carried a code_challenge."
    if encoding == "base64url" and challenge == digest.hex():
        return "The code_challenge was hex; this emulator was told desktop_pkce_encoding='base64url'."
    if challenge == encode_challenge(digest, "base64url"):
        return "The code_challenge was base64url; TikTok wants the lower-case hex digits of the SHA-256."
    if challenge.lower() == digest.hex():
        return "The code_challenge was upper-case hex; TikTok wants lower case."
    return "The code_verifier is not the one whose SHA-256 was the code_challenge; keep one per login."
