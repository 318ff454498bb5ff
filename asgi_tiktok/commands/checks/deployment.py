"""Checks of the deployment: the cookies and the address of the app, and the proxy in front of it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from asgi_tiktok.commands.checks.finding import Finding, ok, warning
from asgi_tiktok.commands.checks.settings import Settings
from asgi_tiktok.tiktok import TikTok

NOT_READ = "asgi-tiktok reads no forwarded header: the address of the app comes from the redirect URI alone"


def check_deployment(settings: Settings) -> Iterator[Finding]:
    """Yield what follows from the redirect URI and from the server's own variables."""
    if "TIKTOK_REDIRECT_URI" in settings.errors:
        return
    for tiktok in (settings.tiktok, *settings.tiktok._other_addresses):
        yield cookies(tiktok)
    yield from hosts(settings)
    yield proxy(settings)
    prefix = settings.value("UVICORN_ROOT_PATH").rstrip("/")
    for callback in dict.fromkeys(site.callback for site in settings.sites):
        if prefix and not callback.startswith(f"{prefix}/"):
            yield warning(
                "root path",
                f"UVICORN_ROOT_PATH={prefix}, but the path of the redirect URI, {callback}, does not begin with it",
                f"Behind a proxy that adds {prefix}, the path of the redirect URI must be {prefix}{callback}",
            )


def hosts(settings: Settings) -> Iterator[Finding]:
    """Yield the finding about a list of redirect URIs."""
    first, *others = settings.sites
    if others and len({first.secure, *(site.secure for site in others)}) > 1:
        found = "https and localhost are in one list, so any client may select cookies without Secure for itself"
        yield warning("hosts", found, "In production, list only the https addresses.")
    elif others:
        found = f"Host selects one of {len(settings.sites)} redirect URIs; other hosts get that of {first.origin}"
        yield ok("hosts", found, "The proxy must pass Host on.")


def cookies(tiktok: TikTok) -> Finding:
    site, name = tiktok._site, tiktok._cookies.session
    if site.secure:
        return ok("cookies", f"{name}, sent over https only", f"Open the app only as {site.origin}.")
    other = "127.0.0.1" if urlsplit(site.origin).hostname == "localhost" else "localhost"
    return ok(
        "cookies",
        f"{name}, not Secure, because browsers refuse Secure cookies over http",
        f"Open the app as {site.origin}, not as {other}: the two share no cookies.",
    )


def proxy(settings: Settings) -> Finding:
    for variable in ("FORWARDED_ALLOW_IPS", "UVICORN_FORWARDED_ALLOW_IPS"):
        if settings.value(variable) == "*":
            return warning(
                "proxy headers",
                f"{variable}=* lets any client set its own address; {NOT_READ}",
                "Set it to the address of your proxy, unless only the proxy can reach the app.",
            )
    return ok("proxy headers", NOT_READ)
