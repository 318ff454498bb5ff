"""Every exception that this package raises on purpose.

TikTokError
    ConfigurationError      a setting that cannot work; also a ValueError
    LoginError              a callback that completes no login
        InvalidCallback     parameters that TikTok never sends
        LoginLost           a login that this browser did not start, or no longer holds; `cause` has the reason
        AccessDenied        the user's refusal at TikTok
        LoginRefused        TikTok's refusal
        LoginDenied         the app's refusal, raised by an `on_login` hook
    LoginRequired           a visitor or token that needs a new login; also Starlette's HTTPException
        ScopeRequired       a user who has not granted all scopes
        ConnectRefused      a TikTok account that was connected for another user of the app
            AlreadyConnected    a TikTok account that belongs to another user, raised by the app
    RequestRefused          a request that a route does not accept: wrong method, another origin
    HookFailed              a hook of the app that raised, or that returned a value JSON cannot represent
    WebhookRefused          a webhook event without a valid signature for this app
    TokenError              an error response of the token or revocation endpoint
    APIError                an error response of TikTok's API
    Unavailable             TikTok cannot be reached
        UpstreamTimeout     TikTok's response took too long
        RateLimited         TikTok received too many requests; `retry_after` has the seconds to wait
        InvalidResponse     TikTok's response is malformed or too large
    StoreError              the store is unavailable
"""

from collections.abc import Iterable
from enum import StrEnum

from starlette.exceptions import HTTPException


class TikTokError(Exception):
    """Base class of all errors in this package.

    The constructor takes the attributes under the same names. The defaults of most of them depend on the class.

    Attributes:
        description (str): What is wrong, for developers and the log. Default: empty.
        stage (str): The step that failed, for example `"token"` or `"store"`.
        code (str): The name of the error for programs; TikTok's own name, if TikTok reported the error.
        log_id (str | None): TikTok's id of the request, for questions to TikTok's support. Default: None.
        hint (str | None): What to do about it. Default: None.
        retryable (bool): Whether the same action may succeed later.
        status_code (int): The HTTP status of the response to the visitor.
    """

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
        status_code: int | None = None,
    ) -> None:
        # Not super(), because the other parent of LoginRequired takes other arguments.
        Exception.__init__(self, description)
        self.description = description
        self.log_id = log_id
        given = {"stage": stage, "code": code, "hint": hint, "retryable": retryable, "status_code": status_code}
        vars(self).update({name: value for name, value in given.items() if value is not None})

    def __str__(self) -> str:
        parts = f"{self.stage}: {self.code}", self.description, self.hint, self.log_id and f"log_id {self.log_id}"
        return " | ".join(filter(None, (*parts, self._help_url)))

    @property
    def _help_url(self) -> str:
        return f"https://asgi-tiktok.github.io/asgi-tiktok/errors/#{self.code}"


class ConfigurationError(TikTokError, ValueError):
    """A setting that cannot work. The message names the setting, and `hint` is the fix."""

    code = "configuration"

    def __str__(self) -> str:
        return f"{self.description} {self.hint}" if self.hint else self.description


class LoginError(TikTokError):
    """A callback that completes no login. Status 400."""

    status_code = 400
    stage = "callback"
    retryable = True


class InvalidCallback(LoginError):
    """A callback with missing, repeated, malformed or oversized parameters. TikTok never sends one."""

    code = "invalid_callback"


class Cause(StrEnum):
    """The reason why a login is lost."""

    NO_COOKIE = "no_cookie"  # the browser sent no cookie back, for example because it blocks cookies
    OTHER_BROWSER = "other_browser"  # the login started in another browser, for example in an in-app browser
    OTHER_ADDRESS = "other_address"  # the login started at another address of the site, for example at 127.0.0.1
    EXPIRED = "expired"  # the login took longer than ten minutes
    ALREADY_USED = "already_used"  # the login was completed before
    TOO_MANY = "too_many"  # newer logins in this browser have replaced it
    KEY_GONE = "key_gone"  # its key was removed from `secret_key`
    NEVER_BEGUN = "never_begun"  # the login did not start at this site


class LoginLost(LoginError):
    """A callback of a login that this browser did not start or no longer holds; `cause` says why. Status 400."""

    def __init__(self, cause: Cause, description: str = "", *, hint: str | None = None) -> None:
        super().__init__(description, code=cause.value, hint=hint)
        self.cause = cause


class AccessDenied(LoginError):
    """The user cancelled the login at TikTok (RFC 6749 §4.1.2.1). Status 403."""

    status_code = 403
    code = "access_denied"


class LoginRefused(LoginError):
    """TikTok ended the login with an error (RFC 6749 §4.1.2.1). Status 502."""

    status_code = 502
    code = "login_refused"


class LoginDenied(LoginError):
    """Raise it in an `on_login` hook to reject the user, who sees the `description`. Status 403."""

    status_code = 403
    code = "login_denied"
    retryable = False


class HookFailed(TikTokError):
    """A hook of the app raised an error, or returned a value that JSON cannot represent. Status 500."""

    stage = "hook"
    code = "hook_failed"


class LoginRequired(TikTokError, HTTPException):
    """Only a new login can help. If a handler raises it, the middleware redirects to the login. Status 401.

    Attributes:
        scopes (tuple[str, ...]): Scopes that the login must request, besides `TikTok(scopes=...)`. Default: none.
        detail (str): The `description`, under the name that Starlette and FastAPI use.
        headers (dict[str, str]): The header `WWW-Authenticate` with the `challenge`, for Starlette and FastAPI.
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
        hint: str | None = None,
        scopes: Iterable[str] = (),
    ) -> None:
        self.scopes: tuple[str, ...] = tuple(scopes)
        self.detail = description
        self.headers: dict[str, str] = {"WWW-Authenticate": self.challenge}
        super().__init__(description, stage=stage, log_id=log_id, hint=hint)

    @property
    def challenge(self) -> str:
        """The value of `WWW-Authenticate` (RFC 9110 §11.6.1). The middleware replaces a response that has it."""
        return f'TikTok scope="{" ".join(self.scopes)}"' if self.scopes else "TikTok"


class ScopeRequired(LoginRequired):
    """The user is signed in, but has not granted all of `scopes`. Status 403."""

    status_code = 403
    code = "scope_required"


class ConnectRefused(LoginRequired):
    """A TikTok account was connected for another user of the app. The visitor sees a page. Status 403."""

    status_code = 403
    code = "other_user"

    @property
    def challenge(self) -> str:
        """The value of `WWW-Authenticate`. The middleware replaces a response that has it."""
        return f'TikTok error="{self.code}"'


class AlreadyConnected(ConnectRefused):
    """The app raises it if the connected account belongs to another user, who sees a page. Status 403."""

    code = "already_connected"


class RequestRefused(TikTokError):
    """A request that a route does not accept. `code` and `status_code` depend on the reason."""

    stage = "request"


class WebhookRefused(TikTokError):
    """A webhook event whose signature is invalid or too old, or that is malformed or for another app."""

    stage = "webhook"
    code = "webhook_refused"
    hint: str | None = "If TikTok has sent it, compare client_key and client_secret with the portal."
    status_code = 401


class TokenError(TikTokError):
    """An error response of the token or revocation endpoint (RFC 6749 §5.2, RFC 7009 §2.2.1).

    Status 400 for `code="invalid_grant"` (a code or refresh token was used, revoked or has expired), otherwise 500.
    """

    stage = "token"
    code = "token_error"

    def __init__(
        self, description: str, *, stage: str, code: str, log_id: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(description, stage=stage, code=code, log_id=log_id, hint=hint)
        if code == "invalid_grant":
            vars(self).update(status_code=400, retryable=True)


class APIError(TikTokError):
    """An error response of TikTok's API, for example with `code="scope_not_authorized"`. Status 502."""

    status_code = 502
    stage = "api"
    code = "api_error"


class Unavailable(TikTokError):
    """TikTok cannot be reached, or reports an outage. Status 503.

    Attributes:
        cause (str | None): The network error, for example `"ConnectError: Connection refused"`, without the
            request and its secrets. None if TikTok responded.
    """

    status_code = 503
    code = "unavailable"
    retryable = True
    cause: str | None = None
    _sent = True  # False if the request certainly did not reach TikTok


class UpstreamTimeout(Unavailable):
    """TikTok's response took too long. Status 504."""

    status_code = 504
    code = "timeout"


class RateLimited(Unavailable):
    """TikTok received too many requests. `retry_after` has the seconds to wait, from 1 to 600. Status 503."""

    code = "rate_limit_exceeded"
    hint: str | None = "Send fewer requests, or ask TikTok's support for a larger quota."

    def __init__(
        self, description: str = "", *, stage: str, retry_after: int, log_id: str | None, code: str | None = None
    ) -> None:
        super().__init__(description, stage=stage, code=code, log_id=log_id)
        self.retry_after = retry_after


class InvalidResponse(Unavailable):
    """TikTok's response is malformed or too large. Status 502."""

    status_code = 502
    code = "invalid_response"


class StoreError(TikTokError):
    """The store is unavailable. No user is signed in or out because of it. Status 503."""

    status_code = 503
    stage = "store"
    code = "store_unavailable"
    retryable = True
