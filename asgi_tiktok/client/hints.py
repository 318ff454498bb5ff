"""What to do about each error of TikTok, by its word or number.

Sources: TikTok, OAuth Error Handling, and Handling Errors of the mobile SDKs. A number can have several meanings,
because TikTok's pages, SDKs and older API share the numbers.
"""

from collections.abc import Mapping

CREDENTIALS = (
    "Copy client_key and client_secret again from Credentials in the TikTok developer portal, without white space "
    "and both from the same place, because a sandbox and the production app have different credentials."
)
LOGIN_KIT = "Add Login Kit to the products of the app."
REDIRECT_URI = "Set redirect_uri to exactly the address that is registered in the portal under Login Kit."
PKCE = 'Leave pkce at "hex", because TikTok expects the hexadecimal SHA-256 of the verifier.'
SCOPES = "Add every scope under Scopes in the portal, and wait for TikTok's approval."
PLATFORM = "Register the platform (Web, Desktop, Android or iOS) in the portal, with this app's address or signature."
PARAMETER = "A parameter is missing or misspelled. Remove white space from client_key and client_secret."
REVOCATION = "Token revocation must be enabled in the app's settings in the TikTok developer portal."
SIGN_IN_AGAIN = "The user must sign in again."
TRY_LATER = "TikTok has a problem. The user can try again in a moment."
ACCOUNT = "TikTok does not let this account sign in to the app. The app cannot change that."
DEVICE = "This happened in TikTok's app or SDK on the user's device. The user can try again, or in another browser."
CANCELLED = "The user decided not to sign in. Nothing is wrong with the app."
UNKNOWN = "Look up this code in TikTok's documentation of OAuth errors."

WORDS: Mapping[str, str] = {
    "access_denied": CANCELLED,
    "invalid_client": CREDENTIALS,
    "unauthorized_client": f"{CREDENTIALS} {LOGIN_KIT}",
    "invalid_grant": f"A code or refresh token works once, and for a limited time. {SIGN_IN_AGAIN}",
    "invalid_request": PARAMETER,
    "param_error": PARAMETER,
    "invalid_scope": SCOPES,
    "unsupported_grant_type": PARAMETER,
    "unsupported_response_type": PARAMETER,
    "server_error": TRY_LATER,
    "temporarily_unavailable": TRY_LATER,
    "scope_not_authorized": "Ask the user for this scope with login_url(scopes=...).",
    "access_token_invalid": "The token has expired or was revoked. Refresh it, or ask the user to sign in again.",
}

NUMBERS: Mapping[str, str] = {
    "10002": PARAMETER,
    "10003": f"{CREDENTIALS} {LOGIN_KIT}",
    "10004": f"{LOGIN_KIT} {SCOPES}",
    "10005": PARAMETER,
    "10006": REDIRECT_URI,
    "10007": f"The code has expired, or TikTok got no code_challenge. {PKCE}",
    "10008": f"The credentials or the code_challenge_method are wrong. {CREDENTIALS} {PKCE}",
    "10009": PARAMETER,
    "10010": f"The refresh token has expired. {SIGN_IN_AGAIN}",
    "10011": PLATFORM,
    "10012": "TikTok is reviewing the app. Use the credentials of a sandbox until the app is approved.",
    "10013": CREDENTIALS,
    "10014": CREDENTIALS,
    "10015": PLATFORM,
    "10017": PLATFORM,
    "10033": PLATFORM,
    "100000": DEVICE,
    "2100004": TRY_LATER,
    "2100005": PARAMETER,
    "2100007": f"{LOGIN_KIT} {SCOPES}",
    "2100009": ACCOUNT,
    "2190001": "The app has used up its quota at TikTok. Ask TikTok's support for a larger one.",
    "2190002": SIGN_IN_AGAIN,
    "2190003": "Ask the user for this scope with login_url(scopes=...).",
    "2190004": SCOPES,
    "2190008": SIGN_IN_AGAIN,
    "2190015": SIGN_IN_AGAIN,
    "6007061": "TikTok's app on the user's device is too old. The user must update it.",
    "6007062": ACCOUNT,
    "6007063": ACCOUNT,
    "-2": CANCELLED,
    "-3": CANCELLED,
    "-5": f"{DEVICE} An update of TikTok's app may be needed.",
    **{str(number): DEVICE for number in (-1, -4, -8, *range(-30, -11))},
}

ERROR_TYPES: Mapping[str, str] = {
    "client_key": f"{CREDENTIALS} {LOGIN_KIT}",
    "redirect_uri": REDIRECT_URI,
    "scope": SCOPES,
    "code_challenge": PKCE,
    "code_challenge_method": PKCE,
    "non_sandbox_target": (
        "Add the account in the portal under Sandbox settings > Target users. This can take up to an hour."
    ),
}

PHRASES: Mapping[str, str] = {"redirect_uri": REDIRECT_URI, "code verifier": PKCE, "malformed": PARAMETER}


def hint_for_description(code: str, description: str, stage: str) -> str:
    """Return the hint for an error of an OAuth endpoint. Its description can be more precise than its code."""
    found = [hint for phrase, hint in PHRASES.items() if phrase in description.lower()]
    hint = found[-1] if found else WORDS.get(code, UNKNOWN)
    return f"{REVOCATION} {hint}" if stage == "revoke" else hint
