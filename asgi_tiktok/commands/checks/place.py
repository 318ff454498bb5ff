"""Checks of where the app runs: cookies and addresses, proxies, the clock."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from asgi_tiktok.commands.checks.finding import Finding, error, ok, warning
from asgi_tiktok.commands.checks.settings import value_of
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.http.cookies import CookieJar
from asgi_tiktok.http.site import DEFAULT_PATH, Site
from asgi_tiktok.validation import check_redirect_uri

EARLIEST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
NOT_READ = "no forwarded header is read here: the redirect URI alone says where the app is"


def check_place(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What follows from the redirect URI, and what the server was told of proxies."""
    uri = value_of(environ, "TIKTOK_REDIRECT_URI")
    try:
        site = Site.of(check_redirect_uri(uri), DEFAULT_PATH, "/")
    except ConfigurationError:
        # Said already, of the redirect URI itself.
        return
    yield cookies(site)
    yield proxy(environ)
    yield from root_path(environ, site)


def cookies(site: Site) -> Finding:
    name = CookieJar(secure=site.secure).session
    if site.secure:
        return ok("cookies", f"{name}, over https alone", f"Open the app as {site.origin}, and at no other name.")
    host = urlsplit(site.origin).hostname
    other = "127.0.0.1" if host == "localhost" else "localhost"
    return ok(
        "cookies",
        f"{name}, plain, as browsers want it over http",
        f"Open the app as {site.origin}, and not as {other}: they share no cookies.",
    )


def proxy(environ: Mapping[str, str]) -> Finding:
    for variable in ("FORWARDED_ALLOW_IPS", "UVICORN_FORWARDED_ALLOW_IPS"):
        if value_of(environ, variable) == "*":
            return warning(
                "proxy headers",
                f"{variable}=* lets anybody write the client's address; {NOT_READ}",
                "Name your proxy's address, unless nobody else can reach the app.",
            )
    return ok("proxy headers", NOT_READ)


def root_path(environ: Mapping[str, str], site: Site) -> Iterator[Finding]:
    prefix = value_of(environ, "UVICORN_ROOT_PATH").rstrip("/")
    if prefix and not site.callback.startswith(f"{prefix}/"):
        yield warning(
            "root path",
            f"UVICORN_ROOT_PATH={prefix}, and the redirect URI's path {site.callback} does not begin with it",
            f"Behind a proxy that adds {prefix}, the redirect URI must hold it: {prefix}{site.callback}",
        )


def check_clock(ahead: float | None = None) -> Finding:
    """The clock, `ahead` of TikTok's by these seconds where that is known."""
    now = time.time()
    if not EARLIEST < now < LATEST:
        year = datetime.fromtimestamp(now, UTC).year
        return error(
            "clock", f"it says that the year is {year}", "Set it, best by NTP: tokens and sessions would end."
        )
    if ahead is None:
        return ok("clock", f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC, compared with nothing")
    if abs(ahead) > 60:
        which = "ahead of" if ahead > 0 else "behind"
        return warning(
            "clock",
            f"{abs(ahead):.0f} seconds {which} TikTok's",
            "Set it, best by NTP: webhooks need it within 300 s.",
        )
    return ok("clock", f"within {max(abs(ahead), 1):.0f} s of TikTok's")
