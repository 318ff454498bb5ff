"""The questions TikTok leaves open, and the answers an emulator may be built with."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypedDict, get_args, get_origin, get_type_hints

__all__ = [
    "ChallengeEncoding",
    "CharsetSuffix",
    "Decision",
    "KnobChanges",
    "Knobs",
    "Lifetimes",
    "ScopeError",
    "WebPKCE",
    "check_choice",
]

Lifetimes = Literal["new", "legacy"]
Rotation = Literal["strict", "legacy"]
OAuthErrorStatus = Literal[200, 400, 401]
WebPKCE = Literal["ignore", "verify-hex", "require"]
ChallengeEncoding = Literal["hex", "base64url"]
MinVerifier = Literal["off", 43]
SandboxError = Literal["page", "callback"]
RevokeUnknown = Literal["ok", "error"]
ScopeError = Literal[401, 400]
CharsetSuffix = Literal["reject", "accept"]
Slashless = Literal[404, "accept"]
QRConfirmed = Literal["redirect_uri", "code"]
IdSuffix = Literal["none", ".va", ".u1", ".e1"]
Decision = Literal["approve", "deny"]


class KnobChanges(TypedDict, total=False):
    """The knobs as keyword arguments."""

    lifetimes: Lifetimes
    rotate: Rotation
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How this emulator behaves where TikTok is unclear; each default is the best evidence there is.

    `partial_grant` names the scopes that people grant at most, whatever they tick.
    """

    lifetimes: Lifetimes = "new"
    rotate: Rotation = "strict"
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


def validated_scopes(scopes: object) -> frozenset[str]:
    if isinstance(scopes, str) or not isinstance(scopes, Collection) or not all(isinstance(s, str) for s in scopes):
        raise ValueError(f"partial_grant={scopes!r} is not a list of scopes, say ['user.info.basic'].")
    return frozenset(scopes)


def check_choice(name: str, value: object, choices: object) -> None:
    """Raise ValueError, naming the choices, unless `value` is one of the literal type's."""
    allowed = get_args(choices)
    # True equals 1 and 200.0 equals 200, but neither was offered.
    if not any(value == choice and type(value) is type(choice) for choice in allowed):
        raise ValueError(f"{name}={value!r} is not one of {', '.join(map(repr, allowed))}.")
