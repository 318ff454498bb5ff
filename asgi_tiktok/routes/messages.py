"""The messages for visitors: which one an error has, and which button leads on."""

from typing import NamedTuple

from asgi_tiktok.errors import LoginRefused, TikTokError, Unavailable
from asgi_tiktok.texts.translation import Translation

INCOMPLETE = "invalid_callback"
TIKTOK_UNAVAILABLE = "unavailable"
MISCONFIGURED = "misconfigured"

BUTTONS = {
    **dict.fromkeys(
        (
            "access_denied",
            "already_used",
            "busy",
            "expired",
            INCOMPLETE,
            "key_gone",
            MISCONFIGURED,
            "never_begun",
            "no_cookie",
            "no_profile",
            "non_sandbox_target",
            "other_address",
            "other_browser",
            "store_unavailable",
            "too_many",
            TIKTOK_UNAVAILABLE,
        ),
        "start_again",
    ),
    "login_required": "continue_with_tiktok",
    "scope_required": "continue_with_tiktok",
    "undeclared_scope": "sign_in_without",
    "connect_access_denied": "connect",
    "connect_expired": "connect",
    "connect_invalid_callback": "connect",
    "connect_non_sandbox_target": "connect",
    "connect_not_allowed": "",
    "qr_access_denied": "qr_again",
    "qr_already_used": "qr_again",
    "qr_busy": "qr_again",
    "qr_expired": "qr_again",
    "qr_no_cookie": "qr_again",
    "qr_ticket": "qr_again",
    "already_connected": "",
    "connect_link": "",
    "foreign_origin": "",
    "login_denied": "",
    "method_not_allowed": "",
    "not_allowed": "",
    "other_user": "",
    "unsafe_mount": "",
}
"""The button of each message. Without one, the page has no link to the login."""

SAME_MESSAGE = {
    "invalid_grant": "expired",
    "unclear_path": "login_required",
    "no_picture": "method_not_allowed",
    "server_error": TIKTOK_UNAVAILABLE,
    "temporarily_unavailable": TIKTOK_UNAVAILABLE,
    "2100004": TIKTOK_UNAVAILABLE,
    "2100009": "not_allowed",
    "6007062": "not_allowed",
    "access_token_invalid": "no_profile",
    "scope_not_authorized": "no_profile",
    "invalid_code": INCOMPLETE,
    "native_request": INCOMPLETE,
    "not_native": "method_not_allowed",
    "too_many_attempts": "busy",
}
"""The codes of errors that have the message of another one."""


class Message(NamedTuple):
    """The text of one page. Without `button`, the page has no link to the login."""

    title: str
    text: str
    button: str


def code_of(error: TikTokError, *, flow: str = "") -> str:
    """Return the code of the message for an error of a sign-in.

    `flow` is "connect" for an attempt to connect an account, and "qr" for a sign-in with a QR code. Some errors have
    another message there.
    """
    code = code_of_sign_in(error)
    return f"{flow}_{code}" if f"{flow}_{code}" in BUTTONS else code


def code_of_sign_in(error: TikTokError) -> str:
    # Any word of TikTok can be the code of an outage.
    if isinstance(error, Unavailable):
        return TIKTOK_UNAVAILABLE
    code = SAME_MESSAGE.get(error.code, error.code)
    if code in BUTTONS:
        return code
    if isinstance(error, LoginRefused):
        return INCOMPLETE
    return TIKTOK_UNAVAILABLE if error.status_code in (502, 503, 504) else MISCONFIGURED


def message_of(code: str, texts: Translation) -> Message:
    """Return the message in the language of the texts."""
    button = BUTTONS[code]
    return Message(texts[f"{code}.title"], texts[f"{code}.text"], texts[button] if button else "")
