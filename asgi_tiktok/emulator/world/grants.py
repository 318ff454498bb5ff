"""The consents of people to apps, and the codes and tokens issued under them."""

import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

from asgi_tiktok.emulator.world.errors import APIError
from asgi_tiktok.emulator.world.knobs import Knobs, Lifetimes

__all__ = ["Code", "Grant", "Grants", "IssuedToken", "Reason", "TokenResponse", "token_id"]

ACCESS_SECONDS: dict[Lifetimes, int] = {"new": 2 * 3600, "legacy": 24 * 3600}
REFRESH_SECONDS: dict[Lifetimes, int] = {"new": 180 * 86400, "legacy": 365 * 86400}
CLIENT_SECONDS = 2 * 3600
MAX_ENDED = 100

TokenResponse = dict[str, str | int]


class Reason(IntEnum):
    """Why a grant ended. The values are those of the webhook `authorization.removed`."""

    UNKNOWN = 0
    DISCONNECTED = 1
    ACCOUNT_DELETED = 2
    AGE_CHANGED = 3
    BANNED = 4
    REVOKED_BY_APP = 5


@dataclass(slots=True)
class Grant:
    """A person's consent to an app. Removing it ends every token issued under it."""

    client_key: str
    open_id: str
    since: float
    scopes: frozenset[str] = frozenset()
    removed: Reason | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """The values an authorization code is bound to. A `code_challenge` of None is not verified."""

    grant: Grant
    scopes: tuple[str, ...]
    redirect_uri: str
    code_challenge: str | None
    expires_at: float


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """The data of an access or refresh token."""

    grant: Grant
    scopes: tuple[str, ...]
    issued_at: float
    expires_at: float


class Grants:
    """Issues and redeems codes and tokens. `clock` returns the current time in seconds since 1970."""

    def __init__(
        self, clock: Callable[[], float], knobs: Knobs, on_removed: Callable[[Grant], None] = lambda grant: None
    ) -> None:
        self.clock = clock
        self._access_seconds = ACCESS_SECONDS[knobs.lifetimes]
        self._refresh_seconds = REFRESH_SECONDS[knobs.lifetimes]
        self._rotates = knobs.rotate == "strict"
        self._ends_older_tokens = knobs.older_tokens == "end"
        self._code_ttl = knobs.code_ttl
        self._suffix = "" if knobs.id_suffix == "none" else knobs.id_suffix
        self._on_removed = on_removed
        self.clear()

    def clear(self) -> None:
        """Remove all grants, codes and tokens."""
        self.grants: dict[tuple[str, str], Grant] = {}
        self.ended: deque[Grant] = deque(maxlen=MAX_ENDED)
        self._codes: dict[str, Code] = {}
        self._redeemed: set[str] = set()
        self.access_tokens: dict[str, IssuedToken] = {}
        self.refresh_tokens: dict[str, IssuedToken] = {}

    def covers(self, client_key: str, open_id: str, scopes: tuple[str, ...]) -> bool:
        """Return whether the person has consented to all these scopes."""
        grant = self.grants.get((client_key, open_id))
        return grant is not None and grant.scopes.issuperset(scopes)

    def consent(self, client_key: str, open_id: str, *, requested: tuple[str, ...], scopes: tuple[str, ...]) -> Grant:
        """Record the person's decision on the requested scopes. Decisions on other scopes stay."""
        grant = self.grants.setdefault((client_key, open_id), Grant(client_key, open_id, self.clock()))
        grant.scopes = grant.scopes.difference(requested).union(scopes)
        return grant

    def new_code(
        self, grant: Grant, *, scopes: tuple[str, ...], redirect_uri: str, code_challenge: str | None
    ) -> str:
        """Return a new single-use code in TikTok's format."""
        value = f"{secrets.token_urlsafe(60)}*{secrets.randbelow(10)}!{four_digits()}{self._suffix}"
        self._codes[value] = Code(grant, scopes, redirect_uri, code_challenge, self.clock() + self._code_ttl)
        return value

    def redeem(self, value: str, client_key: str) -> Code:
        """Return what the code is bound to, and make it unusable.

        TikTok reports the same error for used, expired and unknown codes; only the `fix` differs.
        """
        code = self._codes.get(value)
        if value in self._redeemed:
            raise code_expired("The code was already exchanged. Start a new login to get another one.")
        if code is None or code.grant.client_key != client_key:
            raise code_expired("This code was not issued to this app. URL-decode the callback's code exactly once.")
        self._redeemed.add(value)
        if code.expires_at <= self.clock():
            raise code_expired(
                f"The code expired after {self._code_ttl} s. Exchange it as soon as the callback arrives."
            )
        if code.grant.removed is not None:
            raise code_expired("The grant was removed before the exchange. Start a new login.")
        return code

    def issue(self, code: Code) -> TokenResponse:
        """Return the first tokens of a login."""
        if self._ends_older_tokens:
            for value, _ in self.active_tokens(code.grant):
                self.expire(value)
        now = self.clock()
        refresh = IssuedToken(code.grant, code.scopes, now, now + self._refresh_seconds)
        return self._token_response(refresh, self._new_refresh_token(refresh))

    def refresh(self, value: str, client_key: str) -> TokenResponse:
        """Return new tokens for a refresh token. The end of the refresh period does not move."""
        refresh = self.refresh_tokens.get(value)
        if refresh is None or refresh.grant.client_key != client_key:
            raise refresh_invalid(
                "This refresh token is not valid for this app. Each refresh replaces it: save the new one "
                "before you use it, and send one refresh at a time."
            )
        if refresh.grant.removed is not None:
            raise refresh_invalid("The grant was revoked. Start a new login.")
        if refresh.expires_at <= self.clock():
            raise refresh_invalid("The refresh token has expired. Start a new login.")
        if self._rotates:
            del self.refresh_tokens[value]
            refresh = replace(refresh, issued_at=self.clock())
            value = self._new_refresh_token(refresh)
        return self._token_response(refresh, value)

    def client_token(self) -> TokenResponse:
        """Return a token for the app itself (Client Access Token Management)."""
        return {"access_token": self._new_token("clt"), "expires_in": CLIENT_SECONDS, "token_type": "Bearer"}

    def access(self, value: str) -> IssuedToken | None:
        """Return the data of a valid access token, otherwise None."""
        token = self.access_tokens.get(value)
        return token if token is not None and self._is_active(token) else None

    def revoke(self, access_token: str, client_key: str) -> bool:
        """Remove the grant of the app's valid access token. Return whether there was one."""
        token = self.access(access_token)
        if token is None or token.grant.client_key != client_key:
            return False
        return self.remove(client_key, token.grant.open_id, Reason.REVOKED_BY_APP)

    def remove(self, client_key: str, open_id: str, reason: Reason = Reason.DISCONNECTED) -> bool:
        """End the grant, as the person can in TikTok's settings. Return whether there was one."""
        grant = self.grants.pop((client_key, open_id), None)
        if grant is None:
            return False
        grant.removed = reason
        self.ended.append(grant)
        self._on_removed(grant)
        return True

    def expire(self, token: str) -> bool:
        """End one token now, given by its value or its id. Return whether it was valid."""
        for tokens in (self.access_tokens, self.refresh_tokens):
            for value, issued in [*tokens.items()]:
                if token in (value, token_id(value)) and self._is_active(issued):
                    tokens[value] = replace(issued, expires_at=self.clock())
                    return True
        return False

    def active_tokens(self, grant: Grant) -> Iterator[tuple[str, IssuedToken]]:
        """Iterate over the valid tokens of a grant: first the access tokens, then the others, oldest first."""
        return ((value, issued) for value, issued in self._tokens_of(grant) if self._is_active(issued))

    def expired_tokens(self, grant: Grant) -> Iterator[tuple[str, IssuedToken]]:
        """Iterate over the other tokens of a grant. Refresh tokens that were replaced are not among them."""
        return ((value, issued) for value, issued in self._tokens_of(grant) if not self._is_active(issued))

    def _tokens_of(self, grant: Grant) -> Iterator[tuple[str, IssuedToken]]:
        for value, issued in [*self.access_tokens.items(), *self.refresh_tokens.items()]:
            if issued.grant is grant:
                yield value, issued

    def _is_active(self, issued: IssuedToken) -> bool:
        return issued.grant.removed is None and issued.expires_at > self.clock()

    def _new_refresh_token(self, refresh: IssuedToken) -> str:
        value = self._new_token("rft")
        self.refresh_tokens[value] = refresh
        return value

    def _new_token(self, kind: str) -> str:
        """Return a token in TikTok's format, marked as the emulator's."""
        return f"{kind}.emulator.{secrets.token_urlsafe(36)}!{four_digits()}{self._suffix}"

    def _token_response(self, refresh: IssuedToken, refresh_token: str) -> TokenResponse:
        now = self.clock()
        access_token = self._new_token("act")
        self.access_tokens[access_token] = IssuedToken(refresh.grant, refresh.scopes, now, now + self._access_seconds)
        return {
            "access_token": access_token,
            "expires_in": self._access_seconds,
            "open_id": refresh.grant.open_id,
            "refresh_expires_in": int(refresh.expires_at - now),
            "refresh_token": refresh_token,
            # Reversed, because TikTok promises no order and clients must not rely on one.
            "scope": ",".join(reversed(refresh.scopes)),
            "token_type": "Bearer",
        }


def token_id(value: str) -> str:
    """Return an id for a token that does not reveal it."""
    return hashlib.sha256(value.encode()).hexdigest()[:12]


def four_digits() -> int:
    return 1000 + secrets.randbelow(9000)


def code_expired(fix: str) -> APIError:
    return APIError("invalid_grant", "Authorization code is expired.", fix)


def refresh_invalid(fix: str) -> APIError:
    return APIError("invalid_grant", "Refresh token is invalid or expired.", fix)
