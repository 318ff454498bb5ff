"""Frozen facts parsed from TikTok's JSON: who signed in, and with which token."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Self

from asgi_tiktok.errors import InvalidResponse

TOKEN_TEXT = re.compile(r"[!-~]{1,4096}")
OPEN_ID_TEXT = re.compile(r"[!-~]{1,256}")
LONGEST_LIFETIME = 10**8  # seconds; more than three years is no lifetime but a mistake

USER_FIELDS: Mapping[str, tuple[str, ...]] = {
    "user.info.basic": ("open_id", "union_id", "avatar_url", "avatar_url_100", "avatar_large_url", "display_name"),
    "user.info.profile": ("bio_description", "profile_deep_link", "profile_web_link", "is_verified", "username"),
    "user.info.stats": ("follower_count", "following_count", "likes_count", "video_count"),
}
"""Which scope opens which field of a user (TikTok: Get User Info)."""


def split_scopes(joined: str) -> tuple[str, ...]:
    """Scopes out of TikTok's comma-separated spelling, in order, without doubles."""
    return tuple(dict.fromkeys(filter(None, (scope.strip() for scope in joined.split(",")))))


@dataclass(frozen=True, slots=True, kw_only=True)
class TikTokUser:
    """A person as TikTok describes them to this app. What was not granted is None.

    `open_id` is the identity: stable, case-sensitive, one per person and app. Names change hands.
    """

    open_id: str
    union_id: str | None = None
    display_name: str | None = None
    avatar_url: str | None = None
    avatar_url_100: str | None = None
    avatar_large_url: str | None = None
    username: str | None = None
    bio_description: str | None = None
    profile_deep_link: str | None = None
    profile_web_link: str | None = None
    is_verified: bool | None = None
    follower_count: int | None = None
    following_count: int | None = None
    likes_count: int | None = None
    video_count: int | None = None

    is_authenticated: ClassVar[Literal[True]] = True
    provider: ClassVar[Literal["tiktok"]] = "tiktok"

    @property
    def identity(self) -> str:
        """The same as `open_id`, under the name that Starlette's users have."""
        return self.open_id

    @classmethod
    def from_response(cls, user: Mapping[str, Any]) -> Self:
        """The user in TikTok's answer or in a record of ours.

        Texts are cleaned of control characters and cut at 256 (links at 2048); a field of a wrong type
        is None. Raises InvalidResponse when there is no `open_id`.
        """
        open_id = user.get("open_id")
        if not isinstance(open_id, str) or not OPEN_ID_TEXT.fullmatch(open_id):
            raise InvalidResponse("The user has no usable open_id.", stage="user_info")
        facts: dict[str, Any] = {name: clean(user.get(name)) for name, clean in CLEANERS.items()}
        return cls(open_id=open_id, **facts)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Called by pydantic, which may write a user down, but not make one up.

        Else FastAPI would read `user: TikTokUser` and `user: CurrentUser | None` out of the request's body.
        """
        from pydantic_core import core_schema

        def only_ours(value: Any, validate: Any) -> Any:
            if not isinstance(value, cls):
                raise ValueError("A user is never read out of a request: write user: CurrentUser, or OptionalUser.")
            return value

        schema = handler(source)
        return core_schema.no_info_wrap_validator_function(
            only_ours, schema, serialization=schema.get("serialization")
        )

    def to_dict(self) -> dict[str, str | bool | int | None]:
        """All fields as JSON-able data."""
        return {fact.name: getattr(self, fact.name) for fact in fields(self)}


@dataclass(frozen=True, slots=True)
class AnonymousUser:
    """A visitor who is not signed in."""

    open_id: None = None
    display_name: str = ""
    is_authenticated: ClassVar[Literal[False]] = False
    provider: ClassVar[Literal["tiktok"]] = "tiktok"
    identity: ClassVar[str] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A user's access and refresh token. Times are seconds since the epoch; an unknown one is None."""

    open_id: str
    scopes: tuple[str, ...]
    access_token: str = field(repr=False)
    expires_at: int
    refresh_token: str | None = field(default=None, repr=False)
    refresh_expires_at: int | None = None

    @classmethod
    def from_response(cls, body: Mapping[str, Any], *, now: float, scopes: tuple[str, ...]) -> Self:
        """The token in the token endpoint's answer (TikTok: Manage User Access Tokens).

        `scopes` is what holds when the answer does not say (RFC 6749 §5.1, §6). A lifetime of zero or
        less means expired. Raises InvalidResponse for anything that is not a whole, usable token.
        """
        refresh_token = None
        if body.get("refresh_token") is not None:
            refresh_token = required_text(body, "refresh_token", TOKEN_TEXT)
        refresh_expires_at = None
        if body.get("refresh_expires_in") is not None:
            refresh_expires_at = int(now) + lifetime(body, "refresh_expires_in")
        granted = body.get("scope")
        if granted is not None and not isinstance(granted, str):
            raise InvalidResponse("scope is not a text.", stage="token")
        return cls(
            open_id=required_text(body, "open_id", OPEN_ID_TEXT),
            scopes=scopes if granted is None else split_scopes(granted),
            access_token=bearer_token(body),
            expires_at=int(now) + lifetime(body, "expires_in"),
            refresh_token=refresh_token,
            refresh_expires_at=refresh_expires_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientToken:
    """The app's own access token, for what concerns no user. `expires_at` is in seconds since the epoch."""

    access_token: str = field(repr=False)
    expires_at: int

    @classmethod
    def from_response(cls, body: Mapping[str, Any], *, now: float) -> Self:
        """The token in the answer to `client_credentials` (TikTok: Client Access Token Management).

        Raises InvalidResponse for anything that is not a whole, usable token.
        """
        return cls(access_token=bearer_token(body), expires_at=int(now) + lifetime(body, "expires_in"))


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """What TikTok tells by webhook; `content` is the JSON inside, `create_time` in seconds since the epoch."""

    event: str
    open_id: str | None
    create_time: int
    content: Mapping[str, Any] = field(default_factory=dict)


def bearer_token(body: Mapping[str, Any]) -> str:
    kind = body.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise InvalidResponse("token_type is not Bearer.", stage="token")
    return required_text(body, "access_token", TOKEN_TEXT)


def required_text(body: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise InvalidResponse(f"{name} is missing or not a usable text.", stage="token")
    return value


def lifetime(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if type(value) is not int or value > LONGEST_LIFETIME:
        raise InvalidResponse(f"{name} is missing or not a number of seconds.", stage="token")
    return max(value, -LONGEST_LIFETIME)


def clean_text(value: object, longest: int = 256) -> str | None:
    if not isinstance(value, str):
        return None
    one_line = " ".join(value[: 4 * longest].split())
    # Cc and Cs: control characters and lone surrogates; a joiner (Cf) is part of many an emoji.
    return "".join(char for char in one_line if unicodedata.category(char) not in ("Cc", "Cs"))[:longest]


def clean_web_link(value: object) -> str | None:
    link = clean_text(value, 2048)
    return link if link and link.lower().startswith(("https://", "http://")) else None


def clean_app_link(value: object) -> str | None:
    link = clean_text(value, 2048)
    if not link or link.strip().lower().startswith(("javascript:", "data:", "vbscript:")):
        return None
    return link


def clean_flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def clean_count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None


CLEANERS = {
    "union_id": clean_text,
    "display_name": clean_text,
    "avatar_url": clean_web_link,
    "avatar_url_100": clean_web_link,
    "avatar_large_url": clean_web_link,
    "username": clean_text,
    "bio_description": clean_text,
    "profile_deep_link": clean_app_link,
    "profile_web_link": clean_web_link,
    "is_verified": clean_flag,
    "follower_count": clean_count,
    "following_count": clean_count,
    "likes_count": clean_count,
    "video_count": clean_count,
}
