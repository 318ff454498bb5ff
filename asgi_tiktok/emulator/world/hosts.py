"""Which hosts are this machine. Anything else could be a stranger's page that rebinds its name to us."""

import re
from ipaddress import ip_address

from starlette.requests import Request

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


def own_origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers['host']}"


def is_same_origin(request: Request) -> bool:
    """Whether no other site's page has sent this; a program that is no browser says nothing, and passes."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    return request.headers.get("origin", own_origin(request)) == own_origin(request) and site == "same-origin"
