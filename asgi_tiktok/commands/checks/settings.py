"""Checks of the TIKTOK_* variables: the rules of `TikTok.from_env()`, and valid values that are probably wrong."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from urllib.parse import urlsplit

from asgi_tiktok.client.endpoints import LOOPBACK_HOSTS
from asgi_tiktok.commands.checks.finding import Finding, error, ok, warning
from asgi_tiktok.commands.portal import APP_ONLY_SCOPES, PORTAL, PRODUCTS, platform_of, registration_steps
from asgi_tiktok.crypto.keys import FIX as SECRET_KEY_FIX
from asgi_tiktok.environment import QUOTES, misspelt_variables, split_addresses, split_list
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.http.site import Site
from asgi_tiktok.tiktok import TikTok

CREDENTIALS = f"Copy it from {PORTAL} > Credentials."
MIN_SECRET_LENGTH = 24  # characters; client keys are shorter, client secrets are not

NAMES = {
    "TIKTOK_CLIENT_KEY": "client key",
    "TIKTOK_CLIENT_SECRET": "client secret",
    "TIKTOK_SECRET_KEY": "secret key",
    "TIKTOK_REDIRECT_URI": "redirect URI",
    "TIKTOK_SCOPES": "scopes",
    "TIKTOK_BASE_URL": "TikTok",
    "TIKTOK_STORE": "store",
    "TIKTOK_INSECURE_BASE_URL": "private network",
}
STAND_INS = {
    "TIKTOK_CLIENT_KEY": "key",
    "TIKTOK_CLIENT_SECRET": "secret",
    "TIKTOK_SECRET_KEY": secrets.token_urlsafe(32),
    "TIKTOK_REDIRECT_URI": "https://doctor.invalid/callback",
}
FIXES = {
    "TIKTOK_CLIENT_KEY": CREDENTIALS,
    "TIKTOK_CLIENT_SECRET": CREDENTIALS,
    "TIKTOK_REDIRECT_URI": "Set exactly the address that is registered at TikTok, which compares the whole string, "
    "for example https://app.example.com/auth/tiktok/callback",
    "TIKTOK_SCOPES": "Separate scopes with commas.",
    "TIKTOK_BASE_URL": "Unset it to use TikTok. The emulator's address looks like http://127.0.0.1:8700",
}
STORE_FIX = "Use sqlite:///… for one machine, or redis:// or postgresql+asyncpg:// for several."


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment, the finding for each variable that cannot work, and the app with stand-ins for those."""

    environ: Mapping[str, str] = field(repr=False)
    errors: Mapping[str, Finding]
    tiktok: TikTok

    def value(self, variable: str) -> str:
        """Return the variable as TikTok.from_env() reads it; empty if it is not set."""
        return self.environ.get(variable, "").strip()

    @property
    def sites(self) -> list[Site]:
        """The app at each of its addresses."""
        return [tiktok._site for tiktok in (self.tiktok, *self.tiktok._other_addresses)]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Build the app again without each variable that is refused, to find all of them and not only the first."""
    errors = {}
    for variable, name in NAMES.items():
        value = environ.get(variable, "").strip()
        if value and (value[0] in QUOTES or value[-1] in QUOTES):
            found = f"{variable} has quotes around its value"
            errors[variable] = error(name, found, "Set it without the quotes.")
    known = {variable: environ.get(variable, "") for variable in NAMES}
    while True:
        stand_ins = {variable: STAND_INS.get(variable, "") for variable in errors}
        try:
            return Settings(environ, errors, TikTok.from_env({**known, **stand_ins}))
        except ConfigurationError as refusal:
            found = refusal.description.removesuffix(".")
            variable = next((variable for variable in NAMES if variable in found), "")
            if not variable:
                # A store may refuse its URL without naming the variable.
                variable, found = "TIKTOK_STORE", f"TIKTOK_STORE: {found}"
            if variable in errors:
                raise
            fix = FIXES.get(variable) or refusal.hint or STORE_FIX
            errors[variable] = error(NAMES[variable], found, fix)


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Yield the findings about all variables but TIKTOK_STORE, the most important first."""
    for variable, meant in misspelt_variables(settings.environ):
        yield warning("variable", f"{variable} is read by nothing", f"Did you mean {meant}?")
    checks = (client_key, client_secret, secret_key, redirect_uri, scopes, base_url)
    for variable, check in zip(NAMES, checks, strict=False):
        yield settings.errors.get(variable) or check(settings)
    if refused := settings.errors.get("TIKTOK_INSECURE_BASE_URL"):
        yield refused
    key = settings.value("TIKTOK_CLIENT_KEY")
    if key.startswith("sb") and "TIKTOK_CLIENT_KEY" not in settings.errors and not settings.value("TIKTOK_BASE_URL"):
        yield warning(
            "sandbox",
            "the client key begins with sb, so it belongs to a sandbox, where only target users can sign in",
            f"Add up to 10 target users at {PORTAL} > Sandbox > Target users. This can take an hour to work.",
        )


def client_key(settings: Settings) -> Finding:
    key = settings.value("TIKTOK_CLIENT_KEY")
    if len(key) >= MIN_SECRET_LENGTH:
        # Not shown, because it may be the secret.
        return warning("client key", f"{len(key)} characters, which is the length of a client secret", CREDENTIALS)
    return credential(settings, "TIKTOK_CLIENT_KEY", key)


def client_secret(settings: Settings) -> Finding:
    secret = settings.value("TIKTOK_CLIENT_SECRET")
    if secret == settings.value("TIKTOK_CLIENT_KEY"):
        return error("client secret", "TIKTOK_CLIENT_SECRET has the same value as TIKTOK_CLIENT_KEY", CREDENTIALS)
    return credential(settings, "TIKTOK_CLIENT_SECRET", f"{len(secret)} characters")


def credential(settings: Settings, variable: str, shown: str) -> Finding:
    if settings.environ[variable] != settings.value(variable):
        found = f"{variable} has white space around its value, which asgi-tiktok ignores"
        return warning(NAMES[variable], found, "Set it without the white space.")
    return ok(NAMES[variable], shown)


def secret_key(settings: Settings) -> Finding:
    keys = split_list(settings.value("TIKTOK_SECRET_KEY"))
    if settings.value("TIKTOK_CLIENT_SECRET") in keys:
        found = "it has the same value as TIKTOK_CLIENT_SECRET, so a leak of one is a leak of both"
        return warning("secret key", found, SECRET_KEY_FIX)
    lengths = " and ".join(str(len(key)) for key in keys)
    return ok("secret key", f"{lengths} characters" + (", newest key first" if len(keys) > 1 else ""))


def redirect_uri(settings: Settings) -> Finding:
    uris = split_addresses(settings.value("TIKTOK_REDIRECT_URI"))
    steps = "; ".join(registration_steps(uri, settings.value("TIKTOK_CLIENT_KEY")) for uri in uris)
    fix = None if settings.value("TIKTOK_BASE_URL") else f"Is exactly this string registered? {steps}"
    return ok("redirect URI", "; ".join(f"{uri} ({platform_of(uri)} platform)" for uri in uris), fix)


def scopes(settings: Settings) -> Finding:
    requested = settings.tiktok._client.scopes
    for scope in requested:
        if scope in APP_ONLY_SCOPES:
            found = f"{scope} belongs to the app, so no user can grant it"
            return error("scopes", found, "Remove it from TIKTOK_SCOPES.")
        if scope not in PRODUCTS:
            return unknown_scope(scope)
    products = ", ".join(f"{scope} ({PRODUCTS[scope]})" for scope in requested)
    if "user.info.basic" not in requested:
        return warning("scopes", products, "Add user.info.basic. Without it, a user has neither name nor picture.")
    fix = None if settings.value("TIKTOK_BASE_URL") else f"Add each of these products at {PORTAL} > Products."
    return ok("scopes", products, fix)


def unknown_scope(scope: str) -> Finding:
    if close := get_close_matches(scope, PRODUCTS, 1):
        found = f"TikTok has no scope {scope!r}, so it will refuse every login"
        return error("scopes", found, f"Did you mean {close[0]}?")
    return warning(
        "scopes",
        f"asgi-tiktok does not know {scope!r}; TikTok refuses every login with a scope that the app does not have",
        f"See {PORTAL} > Scopes, and https://developers.tiktok.com/doc/tiktok-api-scopes",
    )


def base_url(settings: Settings) -> Finding:
    url = settings.value("TIKTOK_BASE_URL")
    if not url:
        return ok("TikTok", "the real one")
    # A wrong redirect URI has its own finding.
    hosts = [urlsplit(site.origin).hostname for site in settings.sites]
    host = next((host for host in hosts if host not in (*LOOPBACK_HOSTS, "testserver")), None)
    if "TIKTOK_REDIRECT_URI" not in settings.errors and host:
        return error(
            "TikTok",
            f"TIKTOK_BASE_URL={url} replaces TikTok, and so decides who signs in at {host}",
            "Unset TIKTOK_BASE_URL in production, because an emulator signs in anyone as any user.",
        )
    return ok("TikTok", f"an emulator at {url}")
