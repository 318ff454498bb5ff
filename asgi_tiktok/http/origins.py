"""Origins of other hosts whose pages belong to the app (RFC 6454)."""

import re

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.validation import check_strings

ORIGIN = re.compile(r"(https?)://([a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(?::([1-9][0-9]{0,4}))?")
DEFAULT_PORTS = {"https": 443, "http": 80}
LOOPBACK_HOST = re.compile(r"(.+\.)?localhost|127\.[0-9.]+|\[::1\]")


def without_default_port(scheme: str, netloc: str) -> str:
    """Return the origin as a browser writes it in `Origin` (RFC 6454 §6.2)."""
    return f"{scheme}://{netloc}".removesuffix(f":{DEFAULT_PORTS[scheme]}")


def check_trusted_origins(origins: object) -> frozenset[str]:
    """Return the origins, as browsers write them. Raises ConfigurationError for a value that no page can send."""
    return frozenset(
        check_trusted_origin(origin)
        for origin in check_strings("trusted_origins", origins, "https://front.example.com")
    )


def check_trusted_origin(origin: str) -> str:
    found = ORIGIN.fullmatch(origin)
    if not found or int(found[3] or 0) > 65535:
        raise ConfigurationError(
            f"trusted_origins contains {origin!r}, which is not an exact origin.",
            hint="Write it like https://front.example.com: lower-case, no wildcard, no path, no slash at the end.",
        )
    if found[1] == "http" and not LOOPBACK_HOST.fullmatch(found[2]):
        raise ConfigurationError(
            f"trusted_origins contains {origin!r}, which is not https, so others can change its pages.",
            hint=f"Write 'https{origin.removeprefix('http')}'.",
        )
    return without_default_port(found[1], origin.partition("://")[2])
