"""The token and revocation endpoints (User Access Token Management)."""

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
from asgi_tiktok.emulator.world.errors import APIError, Ineffective
from asgi_tiktok.emulator.world.grants import Code, Grants, TokenResponse
from asgi_tiktok.emulator.world.knobs import ChallengeEncoding, Knobs

__all__ = ["handle_revoke", "handle_token"]

GRANT_PARAMETERS: dict[str, tuple[str, ...]] = {
    "authorization_code": ("code", "redirect_uri"),
    "refresh_token": ("refresh_token",),
    "client_credentials": (),
}


def handle_token(apps: Mapping[str, App], grants: Grants, knobs: Knobs, form: Form) -> TokenResponse:
    """Return tokens for a code, for a refresh token, or for the app itself."""
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
    """Remove the grant of the access token, and return an empty object."""
    require_client_key(form)
    if not form.get("client_secret"):
        raise missing("client_secret")
    if not form.get("token"):
        raise malformed("Send the access token as token, not as access_token.")
    app = authenticate(apps, form)
    if grants.revoke(form["token"], app.client_key):
        return {}
    fix = explain_ineffective_revocation(grants, form["token"], app)
    if knobs.revoke_unknown == "error":
        raise malformed(fix)
    raise Ineffective(fix)


def explain_ineffective_revocation(grants: Grants, token: str, app: App) -> str:
    """Return why the revocation disconnects nobody, and what to send."""
    issued = grants.access_tokens.get(token) or grants.refresh_tokens.get(token)
    if issued is None or issued.grant.client_key != app.client_key:
        reason = "This token is unknown for this app. Send the access token of the user."
    elif issued.grant.removed is not None:
        reason = "The account is disconnected already."
    elif token in grants.refresh_tokens:
        reason = "This is a refresh token. Exchange it, and send the new access token."
    else:
        reason = "This access token has expired. Refresh it, and send the new access token."
    return f"This call disconnects no account. {reason}"


def validated_grant_type(form: Form) -> str:
    """Return the grant type. Raises APIError if a parameter is missing."""
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
    """Raise APIError if the redirect URI differs from that of the authorization request."""
    if form["redirect_uri"] != code.redirect_uri:
        raise invalid_request(
            "Redirect_uri is not matched with the uri when requesting code.",
            f"Send exactly the redirect_uri of the authorization request, {code.redirect_uri}.",
        )


def check_verifier(code: Code, form: Form, knobs: Knobs) -> None:
    """Raise APIError if the verifier does not match the challenge (RFC 7636 §4.6)."""
    if code.code_challenge is None:
        return
    verifier = form.get("code_verifier", "")
    digest = hashlib.sha256(verifier.encode()).digest()
    if knobs.min_verifier != "off" and 0 < len(verifier) < knobs.min_verifier:
        raise pkce_error(f"The code_verifier has {len(verifier)} characters; it must have 43 to 128.")
    if code.code_challenge != encode_challenge(digest, knobs.desktop_pkce_encoding):
        raise pkce_error(explain_pkce_error(digest, code.code_challenge, verifier, knobs.desktop_pkce_encoding))


def pkce_error(fix: str) -> APIError:
    return invalid_request("Code verifier or code challenge is invalid.", fix)


def encode_challenge(digest: bytes, encoding: ChallengeEncoding) -> str:
    if encoding == "hex":
        return digest.hex()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def explain_pkce_error(digest: bytes, challenge: str, verifier: str, encoding: ChallengeEncoding) -> str:
    if not verifier:
        return "Send code_verifier: the authorization request contained a code_challenge."
    if encoding == "base64url" and challenge == digest.hex():
        return "The code_challenge was hex; this emulator expects desktop_pkce_encoding='base64url'."
    if challenge == encode_challenge(digest, "base64url"):
        return "The code_challenge was base64url; TikTok requires the lower-case hex digits of the SHA-256."
    if challenge.lower() == digest.hex():
        return "The code_challenge was upper-case hex; TikTok requires lower case."
    return "The code_verifier does not match the code_challenge; keep one per login."
