"""Requests to an emulator on another machine of a private network, for example in another container."""

import asyncio
import re
import socket
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import httpx2

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.event_loop import running_loop

# Each pattern describes a whole name, because parsers disagree about strange ones.
LOCALHOST = re.compile(r"([a-z0-9_][a-z0-9_-]*\.)+localhost")
# Nobody can register these: RFC 6761, RFC 6762, RFC 8375, and ICANN's resolution 2024.07.29.06 about .internal.
RESERVED = re.compile(r"([a-z0-9_][a-z0-9_-]*\.)+(test|local|home\.arpa|internal)")
# A resolver reads the names 134744072 and 0x08080808 as the address 8.8.8.8.
SINGLE_LABEL = re.compile(r"[a-z][a-z0-9_-]*")
DEVELOPMENT = re.compile(r"localhost|127\.0\.0\.1|::1|testserver|([a-z0-9_-]+\.)+(localhost|test)")
# RFC 1122 §3.2.1.3, RFC 1918, RFC 4193 and RFC 4291 §2.5.3. Link-local addresses are those of clouds' metadata.
NETWORKS = [
    ip_network(network)
    for network in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
]
RESOLVE_TIMEOUT = 3  # seconds


def check_private_host(shown: str, host: str, *, insecure: bool) -> None:
    """Raise ConfigurationError for a host that http must not reach.

    Allowed are names of this machine, and with `insecure` also private addresses and names that nobody can register.
    """
    if LOCALHOST.fullmatch(host):
        return
    private = is_private_address(host) or SINGLE_LABEL.fullmatch(host) or RESERVED.fullmatch(host)
    if not private:
        fix = "Write https, or the address of an emulator, for example http://127.0.0.1:8700."
        raise ConfigurationError(f"{shown} must have https, because its host can be public.", hint=fix)
    if not insecure:
        raise ConfigurationError(
            f"{shown} must have https, because its host is not this machine.",
            hint="If it is an emulator in a private network, also set insecure_base_url=True.",
        )


def check_not_production(host: str, redirect_uri: str) -> None:
    """Raise ConfigurationError if logins return to a public address, where an emulator must not sign anybody in."""
    if not LOCALHOST.fullmatch(host) and not DEVELOPMENT.fullmatch(urlsplit(redirect_uri).hostname or ""):
        raise ConfigurationError(
            f"insecure_base_url=True, but redirect_uri={redirect_uri!r} is not on a developer's machine.",
            hint="Remove insecure_base_url and base_url in production, because an emulator signs anybody in.",
        )


def is_private_address(host: str) -> bool:
    """Return whether the host is an address of this machine or of a private network."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in NETWORKS)


class PrivateNetworkTransport(httpx2.AsyncBaseTransport):
    """Connects only to private addresses, also if a private name has a public address. It uses no proxy."""

    def __init__(self, limits: httpx2.Limits) -> None:
        self.pool = httpx2.AsyncHTTPTransport(trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request to the first private address of its host that accepts a connection."""
        *others, last = await private_addresses(request.url.host)
        for address in others:
            try:
                return await self.pool.handle_async_request(at_address(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await self.pool.handle_async_request(at_address(request, last))

    async def aclose(self) -> None:
        """Close all connections."""
        await self.pool.aclose()


def at_address(request: httpx2.Request, address: str) -> httpx2.Request:
    """Return the request with this address instead of the name, which stays in the header Host."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions=request.extensions,
    )


async def private_addresses(host: str) -> list[str]:
    """Return the private addresses of a host. Raises httpx2.ConnectError if it has none."""
    try:
        lookup = running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        found = [str(entry[4][0]) for entry in await asyncio.wait_for(lookup, RESOLVE_TIMEOUT)]
    except (OSError, UnicodeError) as error:
        # Browsers know these names by themselves (RFC 6761 §6.3), but not every resolver does.
        if host.endswith(".localhost"):
            return ["127.0.0.1"]
        raise httpx2.ConnectError(f"The name {host} cannot be resolved: {error}.") from None
    private = [address for address in found if is_private_address(address)]
    if not private:
        raise httpx2.ConnectError(f"{host} has the address {found[0]}, which is not in a private network.")
    return private
