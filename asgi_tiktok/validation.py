"""Settings that cannot work are refused, in a sentence that begins with the setting and ends with the cure."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from asgi_tiktok.errors import ConfigurationError

T = TypeVar("T")

DESKTOP_HOSTS = ("localhost", "127.0.0.1")
SCOPES = (
    "user.info.basic",
    "user.info.profile",
    "user.info.stats",
    "video.list",
    "video.upload",
    "video.publish",
    "research.adlib.basic",
    "research.data.basic",
)
PORTAL = "copy it from Credentials in the TikTok developer portal"


def check_text(name: str, value: object) -> str:
    """The value, if it is a text that says something."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a text, not {type(value).__name__}.")
    if not value:
        raise ConfigurationError(f"{name} is empty.")
    return value


def check_credential(name: str, value: object) -> str:
    """A client_key or client_secret."""
    if value == "":
        raise ConfigurationError(f"{name} is empty; {PORTAL}.")
    text = check_text(name, value)
    if not re.fullmatch(r"[!-~]+", text):
        raise ConfigurationError(f"{name} holds white space or a character that is not ASCII; {PORTAL} again.")
    return text


def check_texts(name: str, values: object, example: str) -> tuple[str, ...]:
    """The values, if they are several texts and not one."""
    if isinstance(values, str):
        raise ConfigurationError(f'{name}={values!r} is one text; give a tuple, such as ("{example}",).')
    if not isinstance(values, Iterable):
        raise ConfigurationError(f'{name} must be a tuple of texts, such as ("{example}",).')
    return tuple(dict.fromkeys(check_text(f"Each of {name}", value) for value in values))


def check_scopes(name: str, scopes: object) -> tuple[str, ...]:
    """Scopes as TikTok spells them (TikTok: Scopes Overview); one that TikTok adds tomorrow is fine."""
    checked = check_texts(name, scopes, "user.info.basic")
    for scope in checked:
        if not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", scope):
            meant = get_close_matches(scope.lower(), SCOPES, 1)
            cure = f"write {meant[0]!r}" if meant else "TikTok's scopes look like user.info.basic"
            if not re.fullmatch(r"[\w.-]+", scope):
                cure = "TikTok's scopes look like user.info.basic, and each is a text of its own"
            raise ConfigurationError(f"{name} holds {scope!r}; {cure}.")
    return checked


def check_redirect_uri(redirect_uri: object) -> str:
    """The registered string, if it can be one (TikTok: Login Kit for Web and Desktop)."""
    uri = check_text("redirect_uri", redirect_uri)
    parts, port = split_url("redirect_uri", uri)
    if not re.fullmatch(r"[!-~]{1,511}", uri) or "\\" in uri:
        cure = "must be plain ASCII without white space, and shorter than 512 characters"
    elif parts.scheme not in ("https", "http") or not parts.hostname:
        cure = "must be a whole address, such as https://app.example.com/auth/tiktok/callback"
    elif parts.scheme == "http" and parts.hostname not in DESKTOP_HOSTS:
        cure = "must begin with https:// (plain http is for localhost and 127.0.0.1 alone)"
    elif (parts.hostname in DESKTOP_HOSTS and port is None) or port == 0:
        cure = "must name its port, such as http://localhost:8000/auth/tiktok/callback"
    elif parts.username is not None or "?" in uri or "#" in uri:
        cure = "must have no user name, no query and no fragment: TikTok registers static addresses"
    elif parts.path in ("", "/") or not is_plain_path(parts.path):
        cure = "must have a plain path of its own, such as /auth/tiktok/callback"
    else:
        return uri
    raise ConfigurationError(f"redirect_uri={without_password(uri)!r} {cure}.")


def without_password(url: str) -> str:
    """The URL as an error may show it."""
    return re.sub(r"(?<=://)[^/]*@", "...@", url)


def is_plain_path(path: str) -> bool:
    return not re.search(r"%|//|/\.\.?(/|$)", path)


def split_url(name: str, url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise ConfigurationError(f"{name}={without_password(url)!r} is not a URL.") from None


def check_origins(name: str, origins: object) -> frozenset[str]:
    """Origins as browsers spell them (RFC 6454 §6.2)."""
    checked = check_texts(name, origins, "https://front.example.com")
    for origin in checked:
        if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", origin):
            raise ConfigurationError(
                f"{name} holds {origin!r}; an origin looks like https://front.example.com: "
                "small letters, no path, no slash at the end."
            )
    return frozenset(checked)


def check_number(name: str, value: object, *, at_least: int, unit: str) -> int:
    """A whole number of seconds, or of whatever it counts."""
    if type(value) is not int:
        raise ConfigurationError(f"{name} must be a whole number of {unit}, not {value!r}.")
    if value < at_least:
        raise ConfigurationError(f"{name}={value!r} is too small; it is a number of {unit}, at least {at_least}.")
    return value


def check_instance(name: str, value: object, kind: type[T], cure: str) -> T:
    """The value, if it is of this kind."""
    if not isinstance(value, kind):
        raise ConfigurationError(f"{name} is a {type(value).__name__}; {cure}")
    return value
