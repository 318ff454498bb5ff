"""Host names of the emulator. Any other name is refused, because it could be a DNS rebinding attack."""

import re
from ipaddress import ip_address

__all__ = ["check_public_url", "hostname", "is_host_of", "is_local", "is_loopback"]

TEST_HOSTS = ("testserver", "localhost")
RESERVED_SUFFIXES = (".localhost", ".test")  # RFC 6761: nobody can register these


PUBLIC_URL = re.compile(r"(https?)://((?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[1-9][0-9]{0,4})?)/?")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def hostname(host: str) -> str:
    """Return the name in a Host header, without port and brackets. Empty if the header is invalid."""
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+))(?::[0-9]{1,5})?", host)
    return (found[1] or found[2]).lower() if found else ""


def is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def is_local(host: str) -> bool:
    """Return whether a Host header names this machine or a test host."""
    name = hostname(host)
    return is_loopback(name) or name in TEST_HOSTS or name.endswith(RESERVED_SUFFIXES)


def check_public_url(url: str) -> str:
    """Return the origin without a slash at its end. Raises ValueError, which names the fix, for anything else."""
    if not PUBLIC_URL.fullmatch(url):
        raise ValueError(
            f"public_url {url!r} is not an origin; write scheme, name in lower-case and port, for example "
            "http://emulator:8700."
        )
    return url.removesuffix("/")


def is_host_of(public_url: str, host: str) -> bool:
    """Return whether a Host header is that of the origin."""
    scheme, _, netloc = public_url.partition("://")
    return host.lower().removesuffix(DEFAULT_PORTS[scheme]) == netloc.removesuffix(DEFAULT_PORTS[scheme])
