"""QR code login, version 2: the app shows a code, a phone scans it, and the app polls for the result."""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, urlencode, urlsplit

from asgi_tiktok.emulator.endpoints.authorize import Authorization, AuthorizationRequest, enabled_scopes
from asgi_tiktok.emulator.endpoints.oauth import Form, authenticate, malformed, missing, require_client_key
from asgi_tiktok.emulator.world.apps import App
from asgi_tiktok.emulator.world.errors import APIError, ConsentRefused
from asgi_tiktok.emulator.world.grants import TokenResponse

__all__ = ["QRLogin", "QRLogins", "read_qr_code"]

Status = Literal["new", "scanned", "confirmed", "utilised", "expired"]
ALPHABET = string.ascii_uppercase + string.digits
MAX_LOGINS = 1000
UNFILLED = "tobefilled"
SCHEME = "aweme"


@dataclass(slots=True)
class QRLogin:
    """A login by QR code. `location` is the redirect URL with the authorization code, after the approval."""

    token: str
    request: AuthorizationRequest
    expires_at: float
    status: Status = "new"
    client_ticket: str = ""
    location: str = field(default="", repr=False)

    @property
    def phone_query(self) -> str:
        """The query of the phone page for a login that is chosen from the list.

        Only the QR code has the ticket. The phone page assumes that it is the `state`, as in asgi-tiktok.
        """
        return urlencode({"token": self.token, "client_ticket": self.request.parameters.get("state", UNFILLED)})


class QRLogins:
    """The logins by QR code that are in progress."""

    def __init__(self, apps: Mapping[str, App], authorization: Authorization) -> None:
        self._apps = apps
        self._authorization = authorization
        self._knobs = authorization.knobs
        self._clock = authorization.grants.clock
        self._logins: dict[str, QRLogin] = {}

    def handle_get_qrcode(self, form: Form) -> TokenResponse:
        """Create a login. The app replaces `tobefilled` in the URL with its own ticket."""
        require_client_key(form)
        app = self._apps.get(form["client_key"])
        if app is None:
            fix = f"Unknown client_key. This emulator knows {', '.join(self._apps)}."
            raise APIError("invalid_client", "Client key or secret is incorrect.", fix)
        if not form.get("scope"):
            raise missing("scope")
        try:
            scopes = enabled_scopes(app, form["scope"])
        except ConsentRefused as refused:
            raise APIError("invalid_scope", "The scope is invalid.", refused.fix) from refused
        state = {"state": form["state"]} if "state" in form else {}
        token = "".join(secrets.choice(ALPHABET) for _ in range(32))
        request = AuthorizationRequest(app, qr_redirect_uri(app), scopes, None, state)
        self._logins[token] = QRLogin(token, request, self._clock() + self._knobs.qr_ttl)
        if len(self._logins) > MAX_LOGINS:
            del self._logins[next(iter(self._logins))]
        query = {
            "authType": "100",
            "client_key": app.client_key,
            "client_ticket": UNFILLED,
            "scope": form["scope"],
            "token": token,
        }
        return {"scan_qrcode_url": f"{SCHEME}://authorize?{urlencode(query)}", "token": token}

    def handle_check_qrcode(self, form: Form) -> TokenResponse:
        """Return the status of the login. The authorization code is returned once."""
        require_client_key(form)
        if not form.get("client_secret"):
            raise missing("client_secret")
        if not form.get("token"):
            raise malformed("Send the token that get_qrcode returned.")
        app = authenticate(self._apps, form)
        login = self.get(form["token"])
        if login is None or login.request.app is not app:
            raise malformed("This token was not issued to this app; send the one that get_qrcode returned.")
        self._update_status(login)
        answer: TokenResponse = {"client_ticket": login.client_ticket, "status": login.status}
        if login.status == "confirmed":
            login.status = "utilised"
            return {**answer, **self._result(login)}
        return answer

    def clear(self) -> None:
        """Forget all logins."""
        self._logins.clear()

    def get(self, token: str) -> QRLogin | None:
        return self._logins.get(token)

    def status_of(self, login: QRLogin) -> Status:
        self._update_status(login)
        return login.status

    def waiting(self) -> list[QRLogin]:
        """Return the logins that a phone can still scan or decide, the newest first."""
        logins = reversed([*self._logins.values()])
        return [login for login in logins if self.status_of(login) in ("new", "scanned")]

    def scan(self, login: QRLogin, client_ticket: str) -> None:
        """Record that a phone has scanned the code."""
        self._update_status(login)
        if login.status not in ("new", "scanned"):
            raise ValueError(f"This QR code is {login.status}; get a new one from the app.")
        login.status = "scanned"
        login.client_ticket = client_ticket

    def decide(self, login: QRLogin, open_id: str, selected: tuple[str, ...], decision: str) -> None:
        """Apply the person's decision. TikTok does not document the result of a denial; here the code expires."""
        self._update_status(login)
        if login.status != "scanned":
            raise ValueError(f"This QR code is {login.status}, not scanned; scan a new one.")
        location = self._authorization.decide(login.request, open_id, selected, decision)
        if "code" not in parse_qs(urlsplit(location).query):
            _expire(login)
            return
        login.location = location
        login.status = "confirmed"

    def _result(self, login: QRLogin) -> TokenResponse:
        query = parse_qs(urlsplit(login.location).query, keep_blank_values=True)
        state: TokenResponse = {"state": query["state"][0]} if "state" in query else {}
        if self._knobs.qr_confirmed == "code":
            return {"code": query["code"][0], **state}
        return {"redirect_uri": login.location, **state}

    def _update_status(self, login: QRLogin) -> None:
        if login.status in ("new", "scanned", "confirmed") and login.expires_at <= self._clock():
            _expire(login)


def _expire(login: QRLogin) -> None:
    login.status = "expired"
    login.client_ticket = ""


def qr_redirect_uri(app: App) -> str:
    """Return the redirect URI that authorization codes are bound to. A wildcard port becomes 8000."""
    fixed = [uri for uri in app.redirect_uris if ":*/" not in uri]
    return (fixed or [app.redirect_uris[0].replace(":*/", ":8000/")])[0]


def read_qr_code(text: str) -> tuple[str, str]:
    """Return the token and the client ticket in the text of a QR code, which may also be only the token."""
    url = urlsplit(text.strip())
    if url.scheme != SCHEME:
        return text.strip(), UNFILLED
    query = parse_qs(url.query, keep_blank_values=True)
    return query.get("token", [""])[0], query.get("client_ticket", [UNFILLED])[0]
