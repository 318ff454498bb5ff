"""Checks of the TIKTOK_* variables, each by itself."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from urllib.parse import urlsplit

from asgi_tiktok.client.endpoints import LOOPBACK_HOSTS, Endpoints
from asgi_tiktok.commands.checks.finding import Finding, error, ok, warning
from asgi_tiktok.commands.portal import FOR_APPS_ALONE, PORTAL, PRODUCTS, how_to_register, platform_of
from asgi_tiktok.crypto.keys import CURE, KeyRing
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.http.site import DEFAULT_PATH, Site
from asgi_tiktok.tiktok import REQUIRED, split_list
from asgi_tiktok.validation import check_redirect_uri, check_scopes

CREDENTIALS = f"Copy it from {PORTAL} > Credentials."
EMULATOR_KEY = "sbemulatorclientkey"
QUOTES = "\"'`“”‘’"  # noqa: RUF001 -- what word processors make of quotes

LONG_FOR_A_KEY = 24  # characters; no key is that long


def check_settings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """A finding for each setting, in the order in which they matter."""
    yield client_key(environ)
    yield client_secret(environ)
    yield from sandbox(environ)
    yield secret_key(environ)
    yield redirect_uri(environ)
    yield scopes(environ)
    yield base_url(environ)


def value_of(environ: Mapping[str, str], variable: str) -> str:
    """The variable as TikTok.from_env() reads it."""
    return environ.get(variable, "").strip()


def spelling(name: str, environ: Mapping[str, str], variable: str, cure: str) -> Finding | None:
    """What is wrong with the variable whatever it means, or None."""
    value = value_of(environ, variable)
    if not value:
        return error(name, f"{variable} is not set", cure)
    if value[0] in QUOTES or value[-1] in QUOTES:
        return error(name, f"{variable} has quotes around it that belong to it now", "Set it without them.")
    return None


def credential(name: str, environ: Mapping[str, str], variable: str, shown: str) -> Finding:
    if wrong := spelling(name, environ, variable, CREDENTIALS):
        return wrong
    if not re.fullmatch(r"[!-~]+", value_of(environ, variable)):
        return error(name, f"{variable} holds white space or a character that is not ASCII", CREDENTIALS)
    if environ[variable] != value_of(environ, variable):
        return warning(name, f"{variable} has white space around it, which is ignored here", "Set it without.")
    return ok(name, shown)


def client_key(environ: Mapping[str, str]) -> Finding:
    value = value_of(environ, "TIKTOK_CLIENT_KEY")
    if value == EMULATOR_KEY and not value_of(environ, "TIKTOK_BASE_URL"):
        return error(
            "client key",
            f"{value} is the emulator's, and TikTok does not know it",
            f"{CREDENTIALS} For the emulator, set TIKTOK_BASE_URL.",
        )
    if len(value) >= LONG_FOR_A_KEY:
        # Not shown, for it may be the secret.
        return warning("client key", f"{len(value)} characters, as a client secret has", CREDENTIALS)
    return credential("client key", environ, "TIKTOK_CLIENT_KEY", value)


def client_secret(environ: Mapping[str, str]) -> Finding:
    value = value_of(environ, "TIKTOK_CLIENT_SECRET")
    if value and value == value_of(environ, "TIKTOK_CLIENT_KEY"):
        return error("client secret", "TIKTOK_CLIENT_SECRET is the client key once more", CREDENTIALS)
    return credential("client secret", environ, "TIKTOK_CLIENT_SECRET", f"{len(value)} characters")


def sandbox(environ: Mapping[str, str]) -> Iterator[Finding]:
    key = value_of(environ, "TIKTOK_CLIENT_KEY")
    if key.startswith("sb") and key != EMULATOR_KEY and not value_of(environ, "TIKTOK_BASE_URL"):
        yield warning(
            "sandbox",
            "a key that begins with sb is a sandbox's, where target users alone can sign in",
            f"Name up to 10 of them at {PORTAL} > Sandbox > Target users; that takes up to an hour.",
        )


def secret_key(environ: Mapping[str, str]) -> Finding:
    name, variable = "secret key", "TIKTOK_SECRET_KEY"
    if wrong := spelling(name, environ, variable, REQUIRED["secret_key"][1]):
        return wrong
    keys = split_list(environ[variable])
    try:
        KeyRing(keys)
    except ConfigurationError as refusal:
        return error(name, refusal.description.removesuffix(CURE).strip().replace("secret_key", variable), CURE)
    if value_of(environ, "TIKTOK_CLIENT_SECRET") in keys:
        return warning(name, "it is the client secret once more, so who learns one has both", CURE)
    lengths = " and ".join(str(len(key)) for key in keys)
    return ok(name, f"{lengths} characters" + (", the newest first" if len(keys) > 1 else ""))


def redirect_uri(environ: Mapping[str, str]) -> Finding:
    name, variable = "redirect URI", "TIKTOK_REDIRECT_URI"
    if wrong := spelling(name, environ, variable, REQUIRED["redirect_uri"][1]):
        return wrong
    uri = value_of(environ, variable)
    try:
        Site.of(check_redirect_uri(uri), DEFAULT_PATH, "/")
    except ConfigurationError as refusal:
        found = refusal.description.replace("redirect_uri", variable, 1).removesuffix(".")
        return error(name, found, "TikTok compares to the letter: register and set one and the same address.")
    if value_of(environ, "TIKTOK_BASE_URL"):
        return ok(name, f"{uri} ({platform_of(uri)} platform)")
    is_sandbox = value_of(environ, "TIKTOK_CLIENT_KEY").startswith("sb")
    register = f"Registered, to the letter? {how_to_register(uri, sandbox=is_sandbox)}"
    return ok(name, f"{uri} ({platform_of(uri)} platform)", register)


def scopes(environ: Mapping[str, str]) -> Finding:
    asked = split_list(environ.get("TIKTOK_SCOPES", "")) or ("user.info.basic",)
    try:
        check_scopes("TIKTOK_SCOPES", asked)
    except ConfigurationError as refusal:
        return error("scopes", refusal.description.removesuffix("."), "Separate them with commas.")
    for scope in asked:
        if scope in FOR_APPS_ALONE:
            return error("scopes", f"{scope} is the app's own, nobody can grant it", "Leave it out of TIKTOK_SCOPES.")
        if scope not in PRODUCTS:
            return unknown_scope(scope)
    products = ", ".join(f"{scope} ({PRODUCTS[scope]})" for scope in asked)
    if "user.info.basic" not in asked:
        return warning("scopes", products, "Without user.info.basic, a user has neither name nor picture.")
    cure = None if value_of(environ, "TIKTOK_BASE_URL") else f"Each product must be added at {PORTAL} > Products."
    return ok("scopes", products, cure)


def unknown_scope(scope: str) -> Finding:
    if meant := get_close_matches(scope, PRODUCTS, 1):
        return error("scopes", f"TikTok has no {scope!r}, and refuses the whole login", f"Did you mean {meant[0]}?")
    return warning(
        "scopes",
        f"{scope!r} is unknown here; TikTok refuses the whole login for a scope that the app does not have",
        f"See {PORTAL} > Scopes, and https://developers.tiktok.com/doc/tiktok-api-scopes",
    )


def base_url(environ: Mapping[str, str]) -> Finding:
    url = value_of(environ, "TIKTOK_BASE_URL")
    if not url:
        return ok("TikTok", "the real one")
    try:
        Endpoints.at(url)
    except ConfigurationError as refusal:
        found = refusal.description.partition("; ")[0].replace("base_url", "TIKTOK_BASE_URL", 1)
        return error("TikTok", found, "Unset it for TikTok; an emulator's is like http://127.0.0.1:8700")
    site = urlsplit(value_of(environ, "TIKTOK_REDIRECT_URI")).hostname
    if site and site not in (*LOOPBACK_HOSTS, "testserver"):
        return error(
            "TikTok",
            f"TIKTOK_BASE_URL={url} lets a stand-in for TikTok decide who signs in at {site}",
            "Unset TIKTOK_BASE_URL in production: an emulator signs in anybody as anybody.",
        )
    return ok("TikTok", f"an emulator, {url}")
