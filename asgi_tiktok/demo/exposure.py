"""What a command listens on beyond loopback: the emulator's address, and the warning."""

from asgi_tiktok.client.endpoints import Endpoints
from asgi_tiktok.emulator.world.hosts import is_loopback
from asgi_tiktok.errors import ConfigurationError

NAME = "tiktok.localhost"  # browsers know that it is this machine, and containers can have it as their own name


def public_url_at(host: str | None, port: int, public_url: str | None) -> str | None:
    """Return the address at which browsers and apps reach an emulator; None: the loopback address.

    Raises ConfigurationError for an address that could be production, and for a name without a port.
    """
    if public_url is not None:
        try:
            Endpoints.at(public_url, insecure=True)
        except ConfigurationError as error:
            raise ConfigurationError(error.description.replace("base_url", "--public-url"), hint=error.hint) from None
        return public_url
    if host is None or is_loopback(host):
        return None
    if port == 0:
        raise ConfigurationError("--host needs a port, because the app must know the address. Set --port.")
    return f"http://{NAME}:{port}"


def needs_insecure_base_url(url: str) -> bool:
    """Return whether an app accepts this emulator only with `insecure_base_url`."""
    try:
        Endpoints.at(url)
    except ConfigurationError:
        return True
    return False


def exposure(host: str | None, *ports: int, real: bool = False) -> str:
    """Return the warning about what other machines can reach; empty if there is nothing."""
    if host is None or is_loopback(host):
        return ""
    reachable = " and ".join(str(port) for port in ports)
    power = "open the app" if real else "sign in as anybody, and\n    see and change everything in the emulator"
    publish = " ".join(f"-p 127.0.0.1:{port}:{port}" for port in ports)
    return (
        f"  ! --host {host}: all machines that reach port {reachable} of this one can {power}.\n"
        f"    Publish a container's ports to 127.0.0.1 only: {publish}"
    )
