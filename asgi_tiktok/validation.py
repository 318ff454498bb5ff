"""Checks of settings. Each error begins with the setting, says what is wrong, and ends with the fix."""

import json
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Secret

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
MAX_PARAMS = 512  # bytes of JSON, because they are in a cookie during the login
APP_FIX = "Write TikTokAuthMiddleware(app, tiktok)."
EMULATOR_CREDENTIALS = {"client_key": "sbemulatorclientkey", "client_secret": "emulator-client-secret-opens-nothing"}
PORTAL = "Copy it from Credentials in the TikTok developer portal"


def check_string(name: str, value: object, fix: str) -> str:
    """Return the value if it is a string that is not empty."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a string, not {type(value).__name__}.", hint=fix)
    if not value:
        raise ConfigurationError(f"{name} is empty.", hint=fix)
    return value


def check_credential(name: str, value: object) -> str:
    """Return a client_key or client_secret, also out of Starlette's `Secret`."""
    credential = check_string(name, str(value) if isinstance(value, Secret) else value, f"{PORTAL}.")
    if not re.fullmatch(r"[!-~]+", credential):
        raise ConfigurationError(
            f"{name} contains white space or a character that is not ASCII.", hint=f"{PORTAL} again."
        )
    return credential


def check_not_emulated(*, client_key: str, client_secret: str) -> None:
    """Raise ConfigurationError for the values that the emulator publishes, which anyone could use to sign events."""
    for name, value in (("client_key", client_key), ("client_secret", client_secret)):
        if value == EMULATOR_CREDENTIALS[name]:
            raise ConfigurationError(
                f"{name} is the emulator's {name[7:]}, which TikTok does not know and everybody else does.",
                hint=f"{PORTAL}. To use the emulator, set base_url to its address.",
            )


def check_strings(name: str, values: object, example: str) -> tuple[str, ...]:
    """Return the values, without duplicates, if they are several strings and not one."""
    fix = f'Write ("{example}",).'
    if isinstance(values, str):
        # A scope or a path has no white space or comma, so such a string is a list of several.
        items = ", ".join(f'"{item}"' for item in re.split(r"[\s,]+", values.strip(" ,")))
        hint = f"Write ({items})." if ", " in items else f"Write ({items},)."
        raise ConfigurationError(f"{name} must be a tuple of strings, not the string {values!r}.", hint=hint)
    if not isinstance(values, Iterable):
        raise ConfigurationError(f"{name} must be a tuple of strings, not {type(values).__name__}.", hint=fix)
    return tuple(dict.fromkeys(check_string(f"{name} contains a value that", value, fix) for value in values))


def check_scopes(name: str, scopes: object) -> tuple[str, ...]:
    """Return the scopes if TikTok could have scopes of these names (TikTok: Scopes Overview)."""
    checked = check_strings(name, scopes, "user.info.basic")
    for scope in checked:
        if not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", scope):
            similar = get_close_matches(scope.lower(), SCOPES, 1)
            fix = f"Write {similar[0]!r}." if similar else "Write a scope like 'user.info.basic'."
            if not re.fullmatch(r"[\w.-]+", scope):
                fix = 'Write each scope as a string of its own: ("user.info.basic", "video.list").'
            raise ConfigurationError(f"{name} contains {scope!r}, which cannot be a scope.", hint=fix)
    return checked


def check_required_scopes(scopes: tuple[object, ...]) -> tuple[str, ...]:
    """Return the arguments of a `requires_scope`, which every framework integration has."""
    # The first argument is a function if the decorator is written without parentheses.
    if not scopes or callable(scopes[0]):
        raise ConfigurationError("requires_scope has no scope.", hint='Write requires_scope("video.list").')
    return check_scopes("requires_scope", scopes)


def check_redirect_uri(redirect_uri: object) -> str:
    """Return the registered string if TikTok can have registered it (TikTok: Login Kit for Web and Desktop)."""
    uri = check_string("redirect_uri", redirect_uri, "Write the address that is registered in the portal.")
    parts, port = split_url("redirect_uri", uri)
    if not re.fullmatch(r"[!-~]{1,511}", uri) or "\\" in uri:
        rule, fix = "must be ASCII without white space, and shorter than 512 characters", "Register a shorter one."
    elif parts.scheme not in ("https", "http") or not parts.hostname:
        rule, fix = "must be a complete address", "Write it like https://app.example.com/auth/tiktok/callback."
    elif parts.scheme == "http" and parts.hostname not in DESKTOP_HOSTS:
        rule = "must begin with https://, because TikTok accepts http:// for localhost and 127.0.0.1 only"
        fix = "Register an https address."
    elif (parts.scheme == "http" and port is None) or port == 0:
        rule, fix = "must contain the port", "Write it like http://localhost:8000/auth/tiktok/callback."
    elif parts.username is not None or "?" in uri or "#" in uri:
        rule, fix = "must have no user name, no query and no fragment", "Remove them, also in the portal."
    # No percent-encoding, no empty segments, no `.` and no `..`.
    elif not parts.path or re.search(r"%|//|/\.\.?(/|$)", parts.path):
        rule, fix = "must have a plain path", "Register a path like /auth/tiktok/callback."
    else:
        return uri
    raise ConfigurationError(f"redirect_uri={without_password(uri)!r} {rule}.", hint=fix)


def without_password(url: str) -> str:
    """The URL as an error may show it."""
    return re.sub(r"(?<=://)[^/]*@", "...@", url)


def split_url(name: str, url: str) -> tuple[SplitResult, int | None]:
    """Return the parts of the URL, and its port."""
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise ConfigurationError(
            f"{name}={without_password(url)!r} is not a URL.",
            hint="Write a complete one, for example https://example.com/.",
        ) from None


def check_origins(name: str, origins: object) -> frozenset[str]:
    """Return the origins if they are written as browsers write them (RFC 6454 §6.2)."""
    checked = check_strings(name, origins, "https://front.example.com")
    for origin in checked:
        if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", origin):
            raise ConfigurationError(
                f"{name} contains {origin!r}, which is not an origin.",
                hint="Write it like https://front.example.com: lower-case, no path, no slash at the end.",
            )
    return frozenset(checked)


def check_number(name: str, value: object, *, at_least: int, unit: str) -> int:
    """Return the value if it is a whole number that is large enough."""
    fix = f"Write a whole number of {unit}, at least {at_least}."
    if type(value) is not int:
        raise ConfigurationError(f"{name} must be a whole number, not {value!r}.", hint=fix)
    if value < at_least:
        raise ConfigurationError(f"{name}={value!r} is too small.", hint=fix)
    return value


def check_timeouts(idle_timeout: object, absolute_timeout: object) -> tuple[int, int]:
    """Return the timeouts of sessions if they are numbers of seconds, and the idle one is not the longer one."""
    idle = check_number("idle_timeout", idle_timeout, at_least=60, unit="seconds")
    absolute = check_number("absolute_timeout", absolute_timeout, at_least=60, unit="seconds")
    if idle > absolute:
        raise ConfigurationError(
            f"idle_timeout={idle} is longer than absolute_timeout={absolute}, after which every session ends.",
            hint=f"Write absolute_timeout={idle} or more, or a shorter idle_timeout.",
        )
    return idle, absolute


def check_seconds(name: str, value: object, *, at_least: float) -> float:
    """Return the value if it is a number of seconds, which may have a fraction, that is large enough."""
    fix = f"Write a number of seconds, at least {at_least}."
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ConfigurationError(f"{name} must be a number, not {value!r}.", hint=fix)
    if value < at_least:
        raise ConfigurationError(f"{name}={value!r} is too small.", hint=fix)
    return float(value)


def check_flag(name: str, value: object) -> bool:
    """Return the value if it is True or False."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False, not {value!r}.", hint="Write True or False.")
    return value


def check_package(name: str, feature: str, *, extra: str) -> None:
    """Raise ConfigurationError if a package that a feature needs is not installed."""
    if find_spec(name) is None:
        raise ConfigurationError(
            f"{feature} needs the package {name}.", hint=f"Run: pip install 'asgi-tiktok[{extra}]'"
        )


def check_params(params: object) -> dict[str, Any]:
    """Return the params of a login link if they are a dict that is small as JSON."""
    fix = 'Write a dict of a few short values, for example {"invite": "x7"}.'
    if not isinstance(params, Mapping):
        raise ConfigurationError(f"params must be a dict, not {type(params).__name__}.", hint=fix)
    for name, value in params.items():
        if not isinstance(name, str) or not is_json({name: value}):
            raise ConfigurationError(f"params cannot be written as JSON, because of {name!r}.", hint=fix)
    size = len(as_json({**params}))
    if size > MAX_PARAMS:
        raise ConfigurationError(f"params have {size} bytes as JSON, and may have {MAX_PARAMS}.", hint=fix)
    return {**params}


def is_json(value: object) -> bool:
    """Return whether the value can be written as JSON."""
    try:
        as_json(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def as_json(value: object) -> bytes:
    """Return the value as strict JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def check_instance(name: str, value: object, kind: type[T], fix: str) -> T:
    """Return the value if it is of this kind."""
    if not isinstance(value, kind):
        raise ConfigurationError(f"{name} must be a {kind.__name__}, not {type(value).__name__}.", hint=fix)
    return value


def check_callable(name: str, value: object, fix: str) -> None:
    """Raise ConfigurationError for a value that cannot be called."""
    if not callable(value):
        raise ConfigurationError(f"{name} must be callable, not {type(value).__name__}.", hint=fix)


def check_app(app: Callable[..., Awaitable[None]]) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Return the app if the middleware can wrap it."""
    check_callable("app", app, APP_FIX)
    # Only here can this mistake be seen, because an app that makes it does not import asgi_tiktok.litestar.
    if type(app).__module__.startswith("litestar.middleware."):
        raise ConfigurationError(
            "app is a middleware of Litestar, which gets requests for the app's own paths only, not for our routes.",
            hint="Write Litestar(..., plugins=[TikTokPlugin(tiktok)]), from asgi_tiktok.litestar.",
        )
    return app
