"""The query string that a browser brings back from TikTok, read strictly.

It comes through the visitor's browser, so anybody can write it: nothing in it is believed before the
state agrees with the browser's cookie, and nothing of it is ever shown.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from asgi_tiktok.errors import AccessDenied, InvalidCallback, LoginRefused
from asgi_tiktok.models import split_scopes

LONGEST_QUERY = 8 * 1024  # bytes
MOST_FIELDS = 50
LONGEST_CODE = 4096  # bytes
READ_FIELDS = frozenset(
    {"code", "state", "scopes", "error", "error_description", "error_type", "error_code", "errCode", "iss"}
)
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
FAILED = {
    "server_error": "temporarily_unavailable",
    "temporarily_unavailable": "temporarily_unavailable",
}


@dataclass(frozen=True, slots=True)
class Callback:
    """What came back: a code, or the error that took its place."""

    code: str | None = field(default=None, repr=False)
    state: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    error: AccessDenied | LoginRefused | None = None
    issuer: str | None = None


def read_callback(query: bytes) -> Callback:
    """The callback in a raw query string (RFC 6749 §4.1.2; TikTok: Login Kit for Web).

    Raises InvalidCallback for one that TikTok cannot have sent.
    """
    fields = read_fields(query)
    state, code = fields.get("state") or None, fields.get("code") or None
    error = read_error(fields)
    if code is not None and (error is not None or "error" in fields):
        raise InvalidCallback("Both code and error came back.")
    if error is None and code is None:
        raise InvalidCallback("Neither code nor error came back.")
    if code is not None and len(code.encode()) > LONGEST_CODE:
        raise InvalidCallback("code is too long.")
    scopes = split_scopes(fields.get("scopes", ""))
    return Callback(code=code, state=state, scopes=scopes, error=error, issuer=fields.get("iss"))


def read_error(fields: dict[str, str]) -> AccessDenied | LoginRefused | None:
    # TikTok's apps send error_code=0 with a success, and may send a number without a word for a failure.
    number = fields.get("error_code") or fields.get("errCode") or "0"
    word = fields.get("error") or ""
    if word == "access_denied" and fields.get("error_type") == "non_sandbox_target":
        return LoginRefused(
            "This account is not one of the sandbox's target users.",
            code="non_sandbox_target",
            hint="Add the account under Sandbox settings, Target users, in the portal; it can take an hour.",
        )
    if word == "access_denied" or (not word and number == "-2"):
        return AccessDenied("The person did not agree.")
    if word or number != "0":
        return LoginRefused("TikTok ended the login.", code=FAILED.get(word, "login_refused"))
    return None


def read_fields(query: bytes) -> dict[str, str]:
    if len(query) > LONGEST_QUERY or query.count(b"&") >= MOST_FIELDS:
        raise InvalidCallback("The query is too long.")
    if not query.isascii() or BAD_ESCAPE.search(query):
        raise InvalidCallback("The query is not percent-encoded.")
    fields: dict[str, str] = {}
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        known = decode(name)
        if known not in READ_FIELDS:
            continue
        if known in fields:
            raise InvalidCallback(f"{known} came twice.")
        fields[known] = decode(value)
    return fields


def decode(text: bytes) -> str:
    try:
        decoded = unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidCallback("The query is not UTF-8.") from None
    if any(char < " " or char == "\x7f" for char in decoded):
        raise InvalidCallback("The query holds control characters.")
    return decoded
