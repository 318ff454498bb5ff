"""Which hosts are this machine. Anything else could be a stranger's page that rebinds its name to us."""

import re
from ipaddress import ip_address

__all__ = ["hostname", "is_local", "is_loopback"]

TEST_HOSTS = ("testserver", "localhost")
RESERVED_SUFFIXES = (".localhost", ".test")  # RFC 6761: nobody can register these


def hostname(host: str) -> str:
    """The name in a Host header, without port and brackets; empty when it is no name and port."""
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
    """Whether a Host header names this machine or a test."""
    name = hostname(host)
    return is_loopback(name) or name in TEST_HOSTS or name.endswith(RESERVED_SUFFIXES)
