"""Everything raised on purpose.

* TikTokError
  - ConfigurationError  the settings cannot work; raised at construction, also a ValueError
  - LoginError          the browser came back without a usable answer
    · InvalidCallback   ... with parameters that TikTok never sends
    · LoginLost         ... to a login that this browser does not hold; `cause` says why
    · AccessDenied      ... because the person said no
    · LoginRefused      ... because TikTok said no
    · LoginDenied       ... to an app that does not want this person; raised by an `on_login` hook
  - LoginRequired       only a new login can help
    · ScopeRequired     ... in which the person grants more
  - RequestRefused      a request of this kind is not answered here: wrong method, foreign origin
  - HookFailed          a hook of the app raised, or returned what JSON cannot hold
  - WebhookRefused      an event that TikTok did not sign for this app
  - TokenError          the token or revocation endpoint refused
  - APIError            the API refused
  - Unavailable         TikTok could not be reached
    · UpstreamTimeout   ... in time
    · RateLimited       ... because it was asked too often; `retry_after` says when to ask again
    · InvalidResponse   ... in its right mind: the answer makes no sense
  - StoreError          the store did not answer
"""

from collections.abc import Iterable
from enum import StrEnum

from starlette.exceptions import HTTPException


class TikTokError(Exception):
    """What every error of this package can tell: where it happened, what it is called, what helps."""

    status_code: int = 500
    stage: str = "setup"
    code: str = "error"
    hint: str | None = None
    retryable: bool = False

    def __init__(
        self,
        description: str = "",
        *,
        stage: str | None = None,
        code: str | None = None,
        log_id: str | None = None,
        hint: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        # Not super(), for LoginRequired has another parent, who takes something else.
        Exception.__init__(self, description)
        self.description = description
        self.log_id = log_id
        if stage is not None:
            self.stage = stage
        if code is not None:
            self.code = code
        if hint is not None:
            self.hint = hint
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        parts = [f"{self.stage}: {self.code}"]
        if self.description:
            parts.append(self.description)
        if self.hint:
            parts.append(self.hint)
        if self.log_id:
            parts.append(f"log_id {self.log_id}")
        return " | ".join(parts)


class ConfigurationError(TikTokError, ValueError):
    """A setting cannot work. The text names the setting and the cure."""

    code = "configuration"

    def __str__(self) -> str:
        return f"{self.description} {self.hint}" if self.hint else self.description


class LoginError(TikTokError):
    """The browser came back from TikTok without a usable answer."""

    status_code = 400
    stage = "callback"
    retryable = True


class InvalidCallback(LoginError):
    """The callback carries parameters that TikTok never sends: missing, doubled, garbled or too long."""

    code = "invalid_callback"


class Cause(StrEnum):
    """Why a login is lost."""

    NO_COOKIE = "no_cookie"
    OTHER_BROWSER = "other_browser"
    OTHER_ADDRESS = "other_address"
    EXPIRED = "expired"
    ALREADY_USED = "already_used"
    TOO_MANY = "too_many"
    KEY_GONE = "key_gone"
    NEVER_BEGUN = "never_begun"


class LoginLost(LoginError):
    """The callback belongs to a login that this browser does not hold (RFC 6749 §10.12)."""

    def __init__(self, cause: Cause, description: str = "", *, hint: str | None = None) -> None:
        super().__init__(description, code=cause.value, hint=hint)
        self.cause = cause


class AccessDenied(LoginError):
    """The person pressed Cancel at TikTok (RFC 6749 §4.1.2.1)."""

    status_code = 403
    code = "access_denied"


class LoginRefused(LoginError):
    """TikTok ended the login with an error of its own (RFC 6749 §4.1.2.1)."""

    status_code = 502
    code = "login_refused"


class LoginDenied(LoginError):
    """Raised by an `on_login` hook to turn a person away; the reason is shown to them."""

    status_code = 403
    code = "login_denied"
    retryable = False


class HookFailed(TikTokError):
    """A hook of the app raised, or returned something that JSON cannot hold."""

    stage = "hook"
    code = "hook_failed"


class LoginRequired(TikTokError, HTTPException):
    """Only a new login can help; `scopes` are those that it should ask for, beside the usual ones.

    Where a handler of Starlette or FastAPI raises it, it is answered with its challenge, and so by the middleware.
    """

    status_code = 401
    stage = "session"
    code = "login_required"

    def __init__(
        self,
        description: str = "",
        *,
        stage: str | None = None,
        log_id: str | None = None,
        scopes: Iterable[str] = (),
    ) -> None:
        self.scopes = tuple(scopes)
        self.detail = description
        self.headers = {"WWW-Authenticate": self.challenge}
        super().__init__(description, stage=stage, log_id=log_id)

    @property
    def challenge(self) -> str:
        """A WWW-Authenticate line (RFC 9110 §11.6.1). The middleware answers in place of an app that sends it."""
        return f'TikTok scope="{" ".join(self.scopes)}"' if self.scopes else "TikTok"


class ScopeRequired(LoginRequired):
    """The person is signed in, but has not granted all of `scopes`."""

    status_code = 403
    code = "scope_required"


class RequestRefused(TikTokError):
    """A request of this kind is not answered here."""

    stage = "request"

    def __init__(self, description: str, *, code: str, status_code: int, hint: str | None = None) -> None:
        super().__init__(description, code=code, hint=hint)
        self.status_code = status_code


class WebhookRefused(TikTokError):
    """An event that TikTok did not sign, or not for this app, or not now."""

    stage = "webhook"
    code = "webhook_refused"

    def __init__(self, description: str, *, status_code: int = 401, hint: str | None = None) -> None:
        super().__init__(description, hint=hint)
        self.status_code = status_code


class TokenError(TikTokError):
    """The token or revocation endpoint refused (RFC 6749 §5.2, RFC 7009 §2.2.1)."""

    stage = "token"
    code = "token_error"

    def __init__(
        self, description: str, *, stage: str, code: str, log_id: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(description, stage=stage, code=code, log_id=log_id, hint=hint)
        if self.grant_is_gone:
            self.status_code = 400
            self.retryable = True

    @property
    def grant_is_gone(self) -> bool:
        """True when the code or refresh token is spent, expired or revoked."""
        return self.code == "invalid_grant"


class APIError(TikTokError):
    """TikTok's API refused; `code` is TikTok's word for it, such as `scope_not_authorized`."""

    status_code = 502
    stage = "api"
    code = "api_error"


class Unavailable(TikTokError):
    """TikTok could not be reached, or failed."""

    status_code = 503
    code = "unavailable"
    retryable = True


class UpstreamTimeout(Unavailable):
    """TikTok did not answer in time."""

    status_code = 504
    code = "timeout"


class RateLimited(Unavailable):
    """TikTok was asked too often. `retry_after` is in seconds, from 1 to 120."""

    code = "rate_limit_exceeded"

    def __init__(self, description: str = "", *, stage: str, retry_after: int, log_id: str | None) -> None:
        super().__init__(description, stage=stage, log_id=log_id)
        self.retry_after = retry_after


class InvalidResponse(Unavailable):
    """TikTok's answer makes no sense: not JSON, a field missing or of a wrong type, too large."""

    status_code = 502
    code = "invalid_response"


class StoreError(TikTokError):
    """The store did not answer. Nobody is signed in or out by it."""

    status_code = 503
    stage = "store"
    code = "store_unavailable"
    retryable = True
