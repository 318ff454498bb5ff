"""Frozen data classes: users, tokens and webhook events."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Self

from asgi_tiktok.errors import InvalidResponse
from asgi_tiktok.mistakes.users import UserMistakes

__all__ = ["AnonymousUser", "ClientToken", "ConnectedAccount", "TikTokUser", "Token", "WebhookEvent"]

TOKEN_PATTERN = re.compile(r"[!-~]{1,4096}")
OPEN_ID_PATTERN = re.compile(r"[!-~]{1,256}")
# Control characters (Cc) and lone surrogates (Cs), but no joiners (Cf), because many emoji contain them.
UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MAX_LIFETIME = 10**8  # seconds; a longer lifetime is an error in the response
MAX_STRING = 256  # characters
MAX_LINK = 2048  # characters

USER_FIELDS: Mapping[str, tuple[str, ...]] = {
    "user.info.basic": ("open_id", "union_id", "avatar_url", "avatar_url_100", "avatar_large_url", "display_name"),
    "user.info.profile": ("bio_description", "profile_deep_link", "profile_web_link", "is_verified", "username"),
    "user.info.stats": ("follower_count", "following_count", "likes_count", "video_count"),
}
"""The fields of a user that each scope grants (TikTok: Get User Info)."""


def split_scopes(joined: str) -> tuple[str, ...]:
    """Return the scopes of a comma-separated string, in order, without duplicates."""
    return tuple(dict.fromkeys(filter(None, (scope.strip() for scope in joined.split(",")))))


@dataclass(frozen=True, slots=True, kw_only=True)
class TikTokUser(UserMistakes):
    """A signed-in user, with the fields that TikTok returned. A field that was not granted is None.

    Strings contain no control characters, and at most 256 characters (links: 2048). Source: TikTok, Get User Info.

    Attributes:
        open_id (str): The identity of the user in this app. It is case-sensitive and never changes.
        union_id (str | None): The identity of the user in all apps of the same developer.
        display_name (str | None): The name on the profile. It can change, and several users can have the same.
        avatar_url (str | None): A link to the profile picture. It expires.
        avatar_url_100 (str | None): A link to the profile picture with 100 x 100 pixels.
        avatar_large_url (str | None): A link to the profile picture in a larger size.
        username (str | None): The handle. It can change, and another user can get it later.
        bio_description (str | None): The text that users write about themselves.
        profile_deep_link (str | None): A link that opens the profile in TikTok's app.
        profile_web_link (str | None): A link to the profile on tiktok.com.
        is_verified (bool | None): Whether the account has TikTok's verified badge.
        follower_count (int | None): The number of followers.
        following_count (int | None): The number of accounts that the user follows.
        likes_count (int | None): The number of likes of all videos.
        video_count (int | None): The number of public videos.
        is_authenticated (bool): Always True.
        provider (str): Always `"tiktok"`.
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
        """The same as `open_id`, under the name that Starlette uses."""
        return self.open_id

    @classmethod
    def _from_response(cls, user: Mapping[str, Any]) -> Self:
        """Return the user in TikTok's response or in a stored record. A field of a wrong type becomes None."""
        open_id = user.get("open_id")
        if not isinstance(open_id, str) or not OPEN_ID_PATTERN.fullmatch(open_id):
            raise InvalidResponse("TikTok returned a user without a valid open_id.", stage="user_info")
        values: dict[str, Any] = {name: clean(user.get(name)) for name, clean in CLEANERS.items()}
        return cls(open_id=open_id, **values)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let pydantic serialize a user, but never validate one from input.

        Otherwise FastAPI would read `user: TikTokUser` and `user: CurrentUser | None` from the body of the request.
        """
        from pydantic_core import core_schema

        def check(value: Any, validate: Any) -> Any:
            if not isinstance(value, cls):
                raise ValueError("A user cannot be read from a request. Write user: CurrentUser or OptionalUser.")
            return value

        schema = handler(source)
        return core_schema.no_info_wrap_validator_function(check, schema, serialization=schema.get("serialization"))

    def to_dict(self) -> dict[str, str | bool | int | None]:
        """Return all fields as a JSON-serializable dict."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class AnonymousUser(UserMistakes):
    """A visitor who is not signed in: `is_authenticated` is False, `open_id` is None, and the names are empty."""

    open_id: None = None
    display_name: str = ""
    is_authenticated: ClassVar[Literal[False]] = False
    provider: ClassVar[Literal["tiktok"]] = "tiktok"
    identity: ClassVar[str] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A user's access token and refresh token (TikTok: Manage User Access Tokens). Its `repr` shows neither.

    Attributes:
        open_id (str): The `open_id` of the user.
        scopes (tuple[str, ...]): The scopes that the user granted.
        access_token (str): Authenticates requests to TikTok's API.
        expires_at (int): The expiry of the access token, in seconds since the epoch.
        refresh_token (str | None): Returns a new token, once. None if TikTok returned none.
        refresh_expires_at (int | None): The expiry of the refresh token, in seconds since the epoch. None if
            TikTok did not say.
    """

    open_id: str
    scopes: tuple[str, ...]
    access_token: str = field(repr=False)
    expires_at: int
    refresh_token: str | None = field(default=None, repr=False)
    refresh_expires_at: int | None = None

    @classmethod
    def _from_response(cls, body: Mapping[str, Any], *, now: float, scopes: tuple[str, ...]) -> Self:
        """Return the token in a response of the token endpoint. A lifetime of zero or less means expired.

        `scopes` are used if the response names none (RFC 6749 §5.1, §6).
        """
        refresh_token = None
        if body.get("refresh_token") is not None:
            refresh_token = required_string(body, "refresh_token", TOKEN_PATTERN)
        refresh_expires_at = None
        if body.get("refresh_expires_in") is not None:
            refresh_expires_at = int(now) + lifetime(body, "refresh_expires_in")
        granted = body.get("scope")
        if granted is not None and not isinstance(granted, str):
            raise InvalidResponse("scope is not a string.", stage="token")
        return cls(
            open_id=required_string(body, "open_id", OPEN_ID_PATTERN),
            scopes=scopes if granted is None else split_scopes(granted),
            access_token=bearer_token(body),
            expires_at=int(now) + lifetime(body, "expires_in"),
            refresh_token=refresh_token,
            refresh_expires_at=refresh_expires_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedAccount:
    """A TikTok account that a user of the app has connected. Its `repr` shows no secret.

    Attributes:
        profile (TikTokUser): The profile of the account.
        token (Token): The token of the account, as `TikTok.token` returns it unless `TikTok(keep_tokens=False)`.
    """

    profile: TikTokUser
    token: Token

    @property
    def open_id(self) -> str:
        """The identity of the account in this app."""
        return self.profile.open_id

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that the user granted."""
        return self.token.scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientToken:
    """The access token of the app itself (TikTok: Client Access Token Management). Its `repr` does not show it.

    Attributes:
        access_token (str): Authenticates requests to TikTok's API that concern no user.
        expires_at (int): The expiry, in seconds since the epoch.
    """

    access_token: str = field(repr=False)
    expires_at: int

    @classmethod
    def _from_response(cls, body: Mapping[str, Any], *, now: float) -> Self:
        """Return the token in a response to `client_credentials`."""
        return cls(access_token=bearer_token(body), expires_at=int(now) + lifetime(body, "expires_in"))


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """An event that TikTok sent to the webhook (TikTok: Webhooks).

    Attributes:
        event (str): The name of the event, for example `"authorization.removed"`.
        open_id (str | None): The `open_id` of the user. None if the event concerns no user.
        create_time (int): The time of the event, in seconds since the epoch.
        content (Mapping[str, Any]): The details of the event. Default: empty.
        consented_at (int | None): For `authorization.removed`, the time of the user's latest login that had a token
            or a session here, in seconds since the epoch. None if there was none.
        consented_again (bool): Whether that login came more than a minute after the event, which TikTok may send
            up to 72 hours late. The token and the sessions of such logins stay, and only others are deleted.
    """

    event: str
    open_id: str | None
    create_time: int
    content: Mapping[str, Any] = field(default_factory=dict)
    consented_at: int | None = None
    consented_again: bool = False


def bearer_token(body: Mapping[str, Any]) -> str:
    kind = body.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise InvalidResponse("token_type is not Bearer.", stage="token")
    return required_string(body, "access_token", TOKEN_PATTERN)


def required_string(body: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidResponse(f"{name} is missing or is not a valid string.", stage="token")
    return value


def lifetime(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if type(value) is not int or value > MAX_LIFETIME:
        raise InvalidResponse(f"{name} is missing or is not a number of seconds.", stage="token")
    return max(value, -MAX_LIFETIME)


def clean_string(value: object, max_length: int = MAX_STRING) -> str | None:
    if not isinstance(value, str):
        return None
    one_line = " ".join(value[: 4 * max_length].split())
    return UNWANTED.sub("", one_line)[:max_length]


def clean_web_link(value: object) -> str | None:
    link = clean_string(value, MAX_LINK)
    return link if link and link.lower().startswith(("https://", "http://")) else None


def clean_app_link(value: object) -> str | None:
    link = clean_string(value, MAX_LINK)
    if not link or link.strip().lower().startswith(("javascript:", "data:", "vbscript:")):
        return None
    return link


def clean_flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def clean_count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None


CLEANERS: Mapping[str, Callable[[object], object]] = {
    **dict.fromkeys(("union_id", "display_name", "username", "bio_description"), clean_string),
    **dict.fromkeys(("avatar_url", "avatar_url_100", "avatar_large_url", "profile_web_link"), clean_web_link),
    **dict.fromkeys(USER_FIELDS["user.info.stats"], clean_count),
    "profile_deep_link": clean_app_link,
    "is_verified": clean_flag,
}
