"""Strict parsing of the query string with which a browser returns from TikTok.

Anyone can write this query string, so nothing in it is trusted until the state matches the browser's cookie, and none
of it is ever shown.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from asgi_tiktok.client.callback_error import read_error
from asgi_tiktok.errors import AccessDenied, InvalidCallback, LoginRefused
from asgi_tiktok.models import split_scopes

MAX_QUERY = 8 * 1024  # bytes
MAX_PARAMETERS = 50
MAX_CODE = 4096  # bytes
FREE_TEXT = frozenset({"error_description", "error_string", "logid"})
KNOWN_PARAMETERS = frozenset(
    {"code", "state", "scopes", "iss", "error", "error_type", "error_code", "errCode"} | FREE_TEXT
)
CONTROL_CHARACTER = re.compile("[\\x00-\\x1f\\x7f]")
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Callback:
    """The result of a login at TikTok: a code or an error (RFC 6749 §4.1.2; TikTok: Login Kit for Web).

    Attributes:
        code (str | None): The authorization code, for `TikTokClient.fetch_token`. Its `repr` does not show it.
        state (str | None): The state. Compare it with the state that this browser was given.
        scopes (tuple[str, ...]): The scopes that the user granted.
        error (AccessDenied | LoginRefused | None): The error, if there is no code.
        issuer (str | None): The origin of TikTok's authorization endpoint, if TikTok sent it (RFC 9207 §2).
    """

    code: str | None = field(default=None, repr=False)
    state: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    error: AccessDenied | LoginRefused | None = None
    issuer: str | None = None


def read_callback(query: bytes) -> Callback:
    """Return the callback in a raw query string (RFC 6749 §4.1.2; TikTok: Login Kit for Web).

    Raises InvalidCallback for a query string that TikTok never sends.
    """
    parameters = read_parameters(query)
    state, code = parameters.get("state") or None, parameters.get("code") or None
    error = read_error(parameters)
    if code is not None and (error is not None or "error" in parameters):
        raise InvalidCallback("The callback contains both code and error.")
    if error is None and code is None:
        raise InvalidCallback("The callback contains neither code nor error.")
    if code is not None and len(code.encode()) > MAX_CODE:
        raise InvalidCallback(f"code is longer than {MAX_CODE} bytes.")
    scopes = split_scopes(parameters.get("scopes", ""))
    return Callback(code=code, state=state, scopes=scopes, error=error, issuer=parameters.get("iss"))


def read_parameters(query: bytes) -> dict[str, str]:
    if len(query) > MAX_QUERY or query.count(b"&") >= MAX_PARAMETERS:
        raise InvalidCallback(f"The query has more than {MAX_QUERY} bytes or {MAX_PARAMETERS} parameters.")
    if not query.isascii() or BAD_ESCAPE.search(query):
        raise InvalidCallback("The query is not percent-encoded.")
    parameters: dict[str, str] = {}
    for pair in query.split(b"&"):
        raw_name, _, value = pair.partition(b"=")
        name = decode(raw_name)
        if name not in KNOWN_PARAMETERS:
            continue
        if name in parameters:
            raise InvalidCallback(f"The parameter {name} appears twice.")
        # TikTok's words for people are only read by `read_error`, and must not cost the error its code.
        parameters[name] = unescape(value).decode(errors="replace") if name in FREE_TEXT else decode(value)
    return parameters


def decode(text: bytes) -> str:
    try:
        decoded = unescape(text).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidCallback("The query is not UTF-8.") from None
    if CONTROL_CHARACTER.search(decoded):
        raise InvalidCallback("The query contains control characters.")
    return decoded


def unescape(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))
