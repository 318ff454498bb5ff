"""Knobs: settings for the behavior that TikTok leaves open."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypedDict, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

__all__ = [
    "ChallengeEncoding",
    "CharsetSuffix",
    "Decision",
    "KnobChanges",
    "Knobs",
    "Lifetimes",
    "OlderTokens",
    "ScopeError",
    "WebPKCE",
    "check_choice",
]

Lifetimes = Literal["new", "legacy"]
Rotation = Literal["strict", "legacy"]
OlderTokens = Literal["stay", "end"]
OAuthErrorStatus = Literal[200, 400, 401]
WebPKCE = Literal["ignore", "verify-hex", "require"]
ChallengeEncoding = Literal["hex", "base64url"]
MinVerifier = Literal["off", 43]
SandboxError = Literal["page", "callback"]
UnauditedAccounts = Literal["any", "private"]
RevokeUnknown = Literal["ok", "error"]
ScopeError = Literal[401, 400]
CharsetSuffix = Literal["reject", "accept"]
Slashless = Literal[404, "accept"]
QRConfirmed = Literal["redirect_uri", "code"]
IdSuffix = Literal["none", ".va", ".u1", ".e1"]
Decision = Literal["approve", "deny"]

ERROR_NAMES = {"error", "errCode", "error_code"}


class KnobChanges(TypedDict, total=False):
    """The knobs as keyword arguments."""

    lifetimes: Lifetimes
    rotate: Rotation
    older_tokens: OlderTokens
    oauth_error_status: OAuthErrorStatus
    web_pkce: WebPKCE
    desktop_pkce_encoding: ChallengeEncoding
    min_verifier: MinVerifier
    require_challenge_method: bool
    state_on_error: bool
    deny_errcode: bool
    sandbox_error: SandboxError
    code_ttl: int
    revoke_unknown: RevokeUnknown
    scope_error: ScopeError
    charset_suffix: CharsetSuffix
    slashless: Slashless
    qr_confirmed: QRConfirmed
    qr_ttl: int
    partial_grant: Collection[str] | None
    id_suffix: IdSuffix
    auto_auth: bool
    callback_error: str | None
    sign_retries: bool
    audited: bool
    unaudited_accounts: UnauditedAccounts
    processing_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How the emulator behaves where TikTok is unclear. Each default follows the best available evidence.

    The first of the listed values is the default.

    Attributes:
        lifetimes ("new" | "legacy"): The lifetimes of access and refresh tokens: 2 hours and 180 days, or
            24 hours and 365 days.
        rotate ("strict" | "legacy"): Whether a refresh replaces the refresh token or keeps it.
        older_tokens ("stay" | "end"): What a new login does to the person's tokens of earlier logins.
        oauth_error_status (200 | 400 | 401): The HTTP status of OAuth errors.
        web_pkce ("ignore" | "verify-hex" | "require"): PKCE with Web redirect URIs.
        desktop_pkce_encoding ("hex" | "base64url"): The encoding of a `code_challenge`.
        min_verifier ("off" | 43): The minimum length of a `code_verifier`.
        require_challenge_method (bool): Whether `code_challenge_method` must be sent. Default: False.
        state_on_error (bool): Whether a redirect with an error contains `state`. Default: True.
        deny_errcode (bool): Whether a denial contains `errCode=-2`. Default: False.
        sandbox_error ("page" | "callback"): Where a person who is not a sandbox target user sees the error: on
            TikTok's page, or in the app.
        code_ttl (int): The lifetime of an authorization code in seconds. Default: 300.
        revoke_unknown ("ok" | "error"): The response to the revocation of an unknown token.
        scope_error (401 | 400): The response to a missing scope: 401 scope_not_authorized, or 400
            scope_permission_missed.
        charset_suffix ("reject" | "accept"): Whether the Content-Type of a form may name a charset.
        slashless (404 | "accept"): The response to an API path without its trailing slash.
        qr_confirmed ("redirect_uri" | "code"): What check_qrcode returns after the approval.
        qr_ttl (int): The lifetime of a QR code in seconds. Default: 300.
        partial_grant (Collection[str] | None): The only scopes that people grant besides the required one, whatever
            they select. Default: None, no limit.
        id_suffix ("none" | ".va" | ".u1" | ".e1"): The data center at the end of codes and tokens.
        auto_auth (bool): Whether a person who has already consented is redirected without the consent page.
            Default: True.
        callback_error (str | None): A query with an error, for example `"error=invalid_client&errCode=10033"`, which
            replaces the code when a person approves. Default: None, no error.
        sign_retries (bool): Whether each retry of a webhook has a signature with its own time. Otherwise it has the
            signature of the first attempt. Default: True.
        audited (bool): Whether TikTok has audited the apps. Posts of an unaudited app must be SELF_ONLY, and at most
            five people may post in 24 hours. Default: False.
        unaudited_accounts ("any" | "private"): The accounts for which an unaudited app may post. TikTok's
            documentation requires private accounts.
        processing_seconds (int): The time that TikTok needs to process a post, and to moderate a public one.
            Default: 2.

    Raises:
        ValueError: A value is not one of these. The message names them.
    """

    lifetimes: Lifetimes = "new"
    rotate: Rotation = "strict"
    older_tokens: OlderTokens = "stay"
    oauth_error_status: OAuthErrorStatus = 200
    web_pkce: WebPKCE = "ignore"
    desktop_pkce_encoding: ChallengeEncoding = "hex"
    min_verifier: MinVerifier = "off"
    require_challenge_method: bool = False
    state_on_error: bool = True
    deny_errcode: bool = False
    sandbox_error: SandboxError = "page"
    code_ttl: int = 300
    revoke_unknown: RevokeUnknown = "ok"
    scope_error: ScopeError = 401
    charset_suffix: CharsetSuffix = "reject"
    slashless: Slashless = 404
    qr_confirmed: QRConfirmed = "redirect_uri"
    qr_ttl: int = 300
    partial_grant: Collection[str] | None = None
    id_suffix: IdSuffix = "none"
    auto_auth: bool = True
    callback_error: str | None = None
    sign_retries: bool = True
    audited: bool = False
    unaudited_accounts: UnauditedAccounts = "any"
    processing_seconds: int = 2

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if get_origin(kind) is Literal:
                check_choice(name, value, kind)
            elif kind is bool and not isinstance(value, bool):
                raise ValueError(f"{name}={value!r} is not one of True, False.")
            elif kind is int and (type(value) is not int or value <= 0):
                raise ValueError(f"{name}={value!r} is not a positive number of seconds.")
        if self.partial_grant is not None:
            object.__setattr__(self, "partial_grant", validated_scopes(self.partial_grant))
        if self.callback_error is not None:
            check_callback_error(self.callback_error)


def validated_scopes(scopes: object) -> frozenset[str]:
    if isinstance(scopes, str) or not isinstance(scopes, Collection) or not all(isinstance(s, str) for s in scopes):
        raise ValueError(f"partial_grant={scopes!r} is not a list of scopes; use for example ['user.info.basic'].")
    return frozenset(scopes)


def check_callback_error(query: object) -> None:
    if not isinstance(query, str) or ERROR_NAMES.isdisjoint(name for name, _ in parse_qsl(query)):
        raise ValueError(f"callback_error={query!r} is not a query with an error; use for example 'errCode=10033'.")


def check_choice(name: str, value: object, choices: object) -> None:
    """Raise ValueError unless `value` is one of the values of the literal type `choices`."""
    allowed = get_args(choices)
    # The types must match too, because True == 1 and 200.0 == 200.
    if not any(value == choice and type(value) is type(choice) for choice in allowed):
        raise ValueError(f"{name}={value!r} is not one of {', '.join(map(repr, allowed))}.")
