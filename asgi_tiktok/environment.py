"""Settings from environment variables, for TikTok.from_env()."""

from collections.abc import Mapping
from typing import Any

from asgi_tiktok.crypto.keys import FIX as SECRET_KEY_FIX
from asgi_tiktok.errors import ConfigurationError

PORTAL = "Copy it from Credentials in the TikTok developer portal. To try without it, run: asgi-tiktok demo"
REQUIRED = {
    "client_key": ("TIKTOK_CLIENT_KEY", PORTAL),
    "client_secret": ("TIKTOK_CLIENT_SECRET", PORTAL),
    "redirect_uri": (
        "TIKTOK_REDIRECT_URI",
        "Set it to the address registered in the portal, for example https://app.example.com/auth/tiktok/callback",
    ),
    "secret_key": ("TIKTOK_SECRET_KEY", SECRET_KEY_FIX),
}
OPTIONAL = {"scopes": "TIKTOK_SCOPES", "store": "TIKTOK_STORE", "base_url": "TIKTOK_BASE_URL"}


def read_environment(environ: Mapping[str, str], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in the environment. Raises ConfigurationError for a missing one without an override."""
    settings: dict[str, Any] = {}
    for setting, (variable, fix) in REQUIRED.items():
        value = environ.get(variable, "").strip()
        if not value and setting not in overrides:
            raise ConfigurationError(f"The environment variable {variable} is not set.", hint=fix)
        settings[setting] = value
    settings["secret_key"] = split_list(settings["secret_key"])
    if len(addresses := split_addresses(settings["redirect_uri"])) > 1:
        settings["redirect_uri"] = addresses
    for setting, variable in OPTIONAL.items():
        if value := environ.get(variable, "").strip():
            settings[setting] = split_list(value) if setting == "scopes" else value
    return settings


def name_variable(error: ConfigurationError, overrides: Mapping[str, Any]) -> ConfigurationError:
    """Return the error with the name of the variable instead of the setting that came from it."""
    variables = {setting: variable for setting, (variable, _) in REQUIRED.items()} | OPTIONAL
    for setting, variable in variables.items():
        if error.description.startswith(setting) and setting not in overrides:
            return ConfigurationError(variable + error.description[len(setting) :], hint=error.hint)
    return ConfigurationError(error.description, hint=error.hint)


def split_list(joined: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated value, without white space and empty parts."""
    return tuple(filter(None, (part.strip() for part in joined.split(","))))


def split_addresses(joined: str) -> tuple[str, ...]:
    """Return the addresses in TIKTOK_REDIRECT_URI. The path of a single one may contain a comma."""
    return split_list(joined) if joined.count("://") > 1 else (joined,)
