"""TikTok's login by QR code, version 2: a code that a phone scans, and polls for the result.

Source: TikTok, Login Kit for QR Code Authorization. TikTok documents two forms of the result: `code`, whose example
is a URL, and `redirect_uri`, the URL with the code. Both are understood.
"""

from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, Literal, TypeGuard, get_args
from urllib.parse import urlencode, urlsplit

import httpx2

from asgi_tiktok.client.callback import Callback, read_callback
from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.client.oauth_client import FORM_HEADERS
from asgi_tiktok.client.responses import read_oauth
from asgi_tiktok.client.transport import CONNECT_TIMEOUT, BoundedTransport
from asgi_tiktok.crypto.redaction import Secret, strip_tracebacks
from asgi_tiktok.errors import InvalidCallback, InvalidResponse, LoginError

STAGE = "qr"
Status = Literal["new", "scanned", "confirmed", "utilised", "expired"]
WITHOUT_TICKET = ("new", "expired")
PLACEHOLDER = "client_ticket=tobefilled"
MAX_TEXT = 600  # bytes of the text of a code, which the cookie of the login must hold
MAX_TOKEN = 128  # bytes


@dataclass(frozen=True, slots=True)
class QRCode:
    """The text of the code for the phone, and the token with which TikTok is asked for the result."""

    text: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class QRResult:
    """The progress of a login.

    If it is confirmed, there is a callback with the code or an error, and perhaps the `redirect_uri` that the code is
    bound to. TikTok returns this once, and afterwards that the code was `utilised`.
    """

    status: Status
    callback: Callback | None = None
    redirect_uri: str | None = None


class QRClient:
    """One TikTok app as a client of TikTok's QR code endpoints.

    The methods raise TokenError if TikTok refuses, and Unavailable if TikTok cannot be reached or its response is
    invalid.
    """

    def __init__(self, client: TikTokClient) -> None:
        self.client = client

    @strip_tracebacks
    async def begin(self, *, scopes: tuple[str, ...], ticket: str) -> QRCode:
        """Return a new code. `ticket` proves that a result belongs to it."""
        hidden = Secret(ticket)
        del ticket  # as in `TikTokClient.fetch_token`
        body = await self._post("get_qrcode", Secret({"scope": ",".join(scopes), "state": hidden.reveal()}))
        text, token = body.get("scan_qrcode_url"), body.get("token")
        if not (is_short(text, MAX_TEXT) and is_short(token, MAX_TOKEN) and text.count(PLACEHOLDER) == 1):
            raise InvalidResponse("TikTok's response contains no QR code.", stage=STAGE)
        return QRCode(text.replace(PLACEHOLDER, urlencode({"client_ticket": hidden.reveal()})), token)

    @strip_tracebacks
    async def check(self, token: str, *, ticket: str) -> QRResult:
        """Return the progress of the login with this token.

        Raises LoginError if the phone has scanned a code with another ticket, which ends the login.
        """
        hidden = Secret((token, ticket))
        del token, ticket  # as in `TikTokClient.fetch_token`
        secret = self.client._client_secret.reveal()
        form = Secret({"client_secret": secret, "token": hidden.reveal()[0]})
        del secret
        body = await self._post("check_qrcode", form)
        status: Any = body.get("status")
        if status not in get_args(Status):
            raise InvalidResponse("TikTok's response contains no known status.", stage=STAGE)
        if status not in WITHOUT_TICKET and not is_same(body.get("client_ticket"), hidden):
            raise LoginError(
                "TikTok returned another client_ticket than that of the QR code.",
                stage=STAGE,
                code="qr_ticket",
                hint="Scan the code of the page. One that was copied without its ticket belongs to no page.",
            )
        return read_confirmed(body, hidden) if status == "confirmed" else QRResult(status)

    async def _post(self, endpoint: str, form: Secret[dict[str, str]]) -> dict[str, Any]:
        request = httpx2.Request(
            "POST",
            f"{self.client._endpoints.api}/v2/oauth/{endpoint}/",
            headers=FORM_HEADERS,
            content=urlencode({"client_key": self.client.client_key, **form.reveal()}).encode("ascii"),
            extensions={"timeout": CONNECT_TIMEOUT.as_dict()},
        )
        response = await self.client._upstream(STAGE, BoundedTransport(self.client._pools).fetch(request))
        return read_oauth(response, STAGE)


def read_confirmed(body: dict[str, Any], hidden: Secret[tuple[str, str]]) -> QRResult:
    """Return the result in the response: a URL, which can have an error instead of the code, or the code alone."""
    found = body.get("redirect_uri") or body.get("code")
    if not isinstance(found, str):
        raise InvalidResponse("TikTok has confirmed the login without a code.", stage=STAGE)
    try:
        url = urlsplit(found)
        callback = read_callback(url.query.encode()) if url.scheme and url.netloc else Callback(code=found)
    except (InvalidCallback, ValueError):
        raise InvalidResponse("TikTok has confirmed the login with an invalid URL.", stage=STAGE) from None
    if any(state is not None and not is_same(state, hidden) for state in (callback.state, body.get("state"))):
        raise LoginError("TikTok returned the state of another login.", stage=STAGE, code="qr_ticket")
    return QRResult("confirmed", callback, f"{url.scheme}://{url.netloc}{url.path}" if url.netloc else None)


def is_same(ticket: object, hidden: Secret[tuple[str, str]]) -> bool:
    """Compare a string with our ticket, in constant time."""
    return isinstance(ticket, str) and compare_digest(ticket.encode("utf-8", "replace"), hidden.reveal()[1].encode())


def is_short(text: object, limit: int) -> TypeGuard[str]:
    """Return whether this is a string of printable ASCII characters, not empty and not too long."""
    return isinstance(text, str) and text.isascii() and text.isprintable() and 0 < len(text) <= limit
