"""Settings from environment variables, for TikTok.from_env()."""

import logging
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from asgi_tiktok.crypto.keys import FIX as SECRET_KEY_FIX
from asgi_tiktok.errors import ConfigurationError

PORTAL = "Copy it from Credentials in the TikTok developer portal. To try without it, run: asgi-tiktok dev main:app"
REQUIRED = {
    "client_key": ("TIKTOK_CLIENT_KEY", PORTAL),
    "client_secret": ("TIKTOK_CLIENT_SECRET", PORTAL),
    "redirect_uri": (
        "TIKTOK_REDIRECT_URI",
        "Set it to the address registered in the portal, for example https://app.example.com/auth/tiktok/callback",
    ),
    "secret_key": ("TIKTOK_SECRET_KEY", SECRET_KEY_FIX),
}
OPTIONAL = {
    "scopes": "TIKTOK_SCOPES",
    "store": "TIKTOK_STORE",
    "base_url": "TIKTOK_BASE_URL",
    "insecure_base_url": "TIKTOK_INSECURE_BASE_URL",
}
VARIABLES = (*(variable for variable, _ in REQUIRED.values()), *OPTIONAL.values())
FLAGS = {"1": True, "true": True, "0": False, "false": False}
QUOTES = "\"'`“”‘’"  # noqa: RUF001 -- the quotes that word processors insert

logger = logging.getLogger("asgi_tiktok")


def read_environment(environ: Mapping[str, str], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in the environment. Raises ConfigurationError for a missing one without an override."""
    settings: dict[str, Any] = {}
    misspelt = dict(misspelt_variables(environ))
    for variable, meant in misspelt.items():
        logger.warning("unknown environment variable: %s, did you mean %s?", variable, meant)
    for setting, (variable, fix) in REQUIRED.items():
        value = read_variable(environ, variable)
        if not value and setting not in overrides:
            wrong = [name for name, meant in misspelt.items() if meant == variable]
            fix = f"{wrong[0]} is set; write {variable} instead." if wrong else fix
            raise ConfigurationError(f"The environment variable {variable} is not set.", hint=fix)
        settings[setting] = value
    settings["secret_key"] = split_list(settings["secret_key"])
    if len(addresses := split_addresses(settings["redirect_uri"])) > 1:
        settings["redirect_uri"] = addresses
    for setting, variable in OPTIONAL.items():
        if value := read_variable(environ, variable):
            settings[setting] = split_scopes(value) if setting == "scopes" else value
    if "insecure_base_url" in settings:
        settings["insecure_base_url"] = read_flag("TIKTOK_INSECURE_BASE_URL", settings["insecure_base_url"])
    return settings


def read_variable(environ: Mapping[str, str], variable: str) -> str:
    """Return the value without white space around it; empty if it is not set."""
    value = environ.get(variable, "").strip()
    if len(value) > 1 and value[0] in QUOTES and value[-1] in QUOTES:
        fix = "Set it without the quotes. Docker's --env-file does not remove them as a shell does."
        raise ConfigurationError(f"{variable} has quotes around its value.", hint=fix)
    return value


def misspelt_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each variable that resembles a known one, and the known one that was probably meant."""
    for variable in environ:
        if variable.upper().startswith("TIKTOK") and variable not in VARIABLES:
            for meant in get_close_matches(variable.upper(), VARIABLES, 1, 0.8):
                yield variable, meant


def split_scopes(joined: str) -> tuple[str, ...]:
    """Return the scopes. Raise ConfigurationError if they are not separated by commas."""
    scopes = split_list(joined)
    if any(len(scope.split()) > 1 for scope in scopes):
        fix = f"Write TIKTOK_SCOPES={','.join(joined.replace(',', ' ').split())}"
        raise ConfigurationError(f"TIKTOK_SCOPES={joined!r} separates the scopes with white space.", hint=fix)
    return scopes


def name_variable(error: ConfigurationError, overrides: Mapping[str, Any]) -> ConfigurationError:
    """Return the error with the name of the variable instead of the setting that came from it."""
    variables = {setting: variable for setting, (variable, _) in REQUIRED.items()} | OPTIONAL
    for setting, variable in variables.items():
        if error.description.startswith(setting) and setting not in overrides:
            return ConfigurationError(variable + error.description[len(setting) :], hint=error.hint)
    return ConfigurationError(error.description, hint=error.hint)


def read_flag(variable: str, value: str) -> bool:
    """Return whether the variable is on. Raises ConfigurationError for anything but 1, true, 0 and false."""
    if value.lower() not in FLAGS:
        raise ConfigurationError(f"{variable}={value!r} is neither 1 nor 0.", hint="Set it to 1 or 0, or unset it.")
    return FLAGS[value.lower()]


def split_list(joined: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated value, without white space and empty parts."""
    return tuple(filter(None, (part.strip() for part in joined.split(","))))


def split_addresses(joined: str) -> tuple[str, ...]:
    """Return the addresses in TIKTOK_REDIRECT_URI. The path of a single one may contain a comma."""
    return split_list(joined) if joined.count("://") > 1 else (joined,)
