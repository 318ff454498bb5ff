"""The error with which TikTok ends a login (TikTok: Login Kit for Web, OAuth Error Handling)."""

import re
from collections.abc import Mapping

from asgi_tiktok.client import hints
from asgi_tiktok.client.printable import printable, printable_description
from asgi_tiktok.errors import AccessDenied, LoginRefused

WORD = re.compile(r"[a-z][a-z_]{0,39}")
NUMBER = re.compile(r"-?[0-9]{1,9}")
CANCELLED = ("-2", "-3")  # in TikTok's apps


def read_error(parameters: Mapping[str, str]) -> AccessDenied | LoginRefused | None:
    """Return the error in the parameters of a callback, or None for a success.

    TikTok's apps send `error_code=0` with a success, and may send a number without `error` for a failure.
    """
    word = parameters.get("error") or ""
    number = parameters.get("error_code") or parameters.get("errCode") or "0"
    if number == "0" and NUMBER.fullmatch(word):
        word, number = "", word
    if not word and number == "0":
        return None
    error_type = parameters.get("error_type") or ""
    details, log_id = describe(parameters, word, number, error_type), printable(parameters.get("logid", "")) or None
    if word == "access_denied" and error_type == "non_sandbox_target":
        return LoginRefused(
            f"This account is not a target user of the sandbox{details}.",
            code=error_type,
            log_id=log_id,
            hint=hints.ERROR_TYPES[error_type],
        )
    if word == "access_denied" or (not word and number in CANCELLED):
        return AccessDenied(f"The user cancelled the login at TikTok{details}.", log_id=log_id, hint=hints.CANCELLED)
    code = word or number
    return LoginRefused(
        f"TikTok ended the login with an error{details}.",
        code=code if code in hints.WORDS or code in hints.NUMBERS else "login_refused",
        log_id=log_id,
        hint=hints.ERROR_TYPES.get(error_type) or hints.NUMBERS.get(number) or hints.WORDS.get(word, hints.UNKNOWN),
    )


def describe(parameters: Mapping[str, str], word: str, number: str, error_type: str) -> str:
    """Return TikTok's error as text for the log. It is empty if the name of the error cannot be TikTok's."""
    if (word and not WORD.fullmatch(word)) or not NUMBER.fullmatch(number):
        return ""
    said = [word, number if number != "0" else "", error_type if WORD.fullmatch(error_type) else ""]
    said.append(printable_description(parameters.get("error_description") or parameters.get("error_string") or ""))
    return ": " + ", ".join(filter(None, said))
