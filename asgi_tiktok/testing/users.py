"""The users that tests sign in, checked so that a test uses no value that TikTok cannot send."""

import base64
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import fields
from hashlib import sha256
from importlib.util import find_spec
from typing import Any, NamedTuple, TypedDict

from asgi_tiktok.mistakes.users import field_meant
from asgi_tiktok.models import OPEN_ID_PATTERN, USER_FIELDS, TikTokUser, Token
from asgi_tiktok.tiktok import TikTok

ACCESS_TOKEN_LIFETIME = 2 * 60 * 60  # seconds


class LoginFields(TypedDict, total=False):
    """The keyword arguments of `login_as`."""

    display_name: str
    open_id: str | None
    scopes: Iterable[str] | None
    data: Mapping[str, Any] | None
    token: bool | Token
    union_id: str | None
    avatar_url: str | None
    avatar_url_100: str | None
    avatar_large_url: str | None
    username: str | None
    bio_description: str | None
    profile_deep_link: str | None
    profile_web_link: str | None
    is_verified: bool | None
    follower_count: int | None
    following_count: int | None
    likes_count: int | None
    video_count: int | None


class SimulatedLogin(NamedTuple):
    """The result of a login: the user, the granted scopes, the data of the hook, and the token if it is stored."""

    user: TikTokUser
    scopes: tuple[str, ...]
    data: Mapping[str, Any]
    token: Token | None


def simulate_login(
    tiktok: TikTok,
    *,
    display_name: str = "Ada",
    open_id: str | None = None,
    scopes: Iterable[str] | None = None,
    data: Mapping[str, Any] | None = None,
    token: bool | Token = False,
    **user_fields: Any,
) -> SimulatedLogin:
    """Raise TypeError for a field that no user has, ValueError for a value that TikTok cannot send."""
    granted = tiktok._client.scopes if scopes is None else tiktok._check_declared(scopes)
    check_fields(user_fields, granted)
    user = make_user(open_id=open_id or open_id_of(display_name), display_name=display_name, **user_fields)
    if not isinstance(token, bool | Token):
        raise TypeError(f"token must be True or a Token, not {type(token).__name__}.")
    if isinstance(token, Token) and token.open_id != user.open_id:
        raise ValueError(f"The token has the open_id {token.open_id!r}, not {user.open_id!r}; pass open_id=.")
    if token is True:
        token = emulated_token(tiktok, user, granted) or new_token(user.open_id, granted)
    data = data or {}
    try:
        json.dumps(dict(data))
    except (TypeError, ValueError) as error:
        raise TypeError(f"data must be a JSON-serializable dict, as an on_login hook returns it: {error}") from None
    return SimulatedLogin(user, granted, data, token or None)


def check_fields(user_fields: Mapping[str, Any], granted: tuple[str, ...]) -> None:
    """Raise TypeError for a name that is not a field of TikTokUser, ValueError for one without its scope."""
    known = [field.name for field in fields(TikTokUser)]
    for name in user_fields:
        if name not in known:
            meant = field_meant(name, [*LoginFields.__annotations__, "tiktok"])
            fix = f"Did you mean {meant}?" if meant else f"The fields of a TikTokUser are {', '.join(known)}."
            raise TypeError(f"login_as() has no argument {name!r}. {fix}")
    for scope, names in USER_FIELDS.items():
        for name in names:
            if user_fields.get(name) is not None and scope not in granted:
                raise ValueError(f"TikTok sends {name} only with the scope {scope!r}; add it to scopes=.")


def make_user(**values: Any) -> TikTokUser:
    """Return the user. Raise ValueError for a value that TikTok cannot send."""
    if not OPEN_ID_PATTERN.fullmatch(values["open_id"]):
        raise ValueError(f"open_id={values['open_id']!r} must have 1 to 256 visible ASCII characters.")
    user = TikTokUser._from_response(values)
    for name, value in values.items():
        if (parsed := getattr(user, name)) != value:
            raise ValueError(f"{name}={value!r} is a value that TikTok never sends; the app would see {parsed!r}.")
    return user


def open_id_of(display_name: str) -> str:
    """Return an open_id in TikTok's format, always the same for the same name."""
    return "_000" + base64.urlsafe_b64encode(sha256(display_name.encode()).digest()).decode()[:32]


def emulated_token(tiktok: TikTok, user: TikTokUser, scopes: tuple[str, ...]) -> Token | None:
    """Return a token of the emulator that the app uses; None for an app that uses another transport or process.

    An app that would use the real TikTok uses an emulator from now on, so that no test sends its token there.
    """
    if find_spec("jinja2") is None:  # without the extra `emulator`
        return None
    from asgi_tiktok.testing.emulated_tiktok import EmulatedTikTok
    from asgi_tiktok.testing.emulation import connect, emulator_behind, issue_token

    emulator = emulator_behind(tiktok)
    if emulator is None and tiktok._client._endpoints.is_tiktok and tiktok._client._api_pools.given is None:
        emulated = EmulatedTikTok()
        emulator = emulated.emulator
        connect(tiktok, emulator, emulated.url, emulated.transport)
    return None if emulator is None else issue_token(emulator, tiktok, user, scopes)


def new_token(open_id: str, scopes: tuple[str, ...]) -> Token:
    """Return a token in the emulator's format. TikTok does not accept it, and it cannot be refreshed."""
    return Token(
        open_id=open_id,
        scopes=scopes,
        access_token=f"act.emulator.{secrets.token_urlsafe(36)}!{1000 + secrets.randbelow(9000)}.va",
        expires_at=int(time.time()) + ACCESS_TOKEN_LIFETIME,
    )
