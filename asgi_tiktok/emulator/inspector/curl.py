"""A recorded request as a curl command."""

import shlex
from urllib.parse import urlencode

from asgi_tiktok.emulator.world.exchanges import Exchange
from asgi_tiktok.emulator.world.faults import OAUTH
from asgi_tiktok.emulator.world.uploads import CHUNK_HEADERS

__all__ = ["curl_command", "has_curl_command"]


def has_curl_command(exchange: Exchange) -> bool:
    """Return whether the record is complete. Of a decision on the consent page, only the parameters are recorded."""
    return exchange.endpoint != "consent"


def curl_command(exchange: Exchange, origin: str) -> str:
    """Return a shell command that sends the request again, with its secrets, to the emulator at `origin`."""
    query = dict(exchange.request)
    headers = {"Authorization": exchange.authorization} if exchange.authorization else {}
    body: list[tuple[str, str]] = []
    if exchange.endpoint in OAUTH:
        body = [("--data-urlencode", f"{name}={value}") for name, value in query.items()]
        query = {}
    elif exchange.endpoint == "upload":
        headers |= {name: query.pop(name) for name in CHUNK_HEADERS if name in query}
        # curl computes the length itself.
        headers.pop("content-length", None)
        body = [("--data-binary", "@video.mp4")]
    elif "body" in query:
        headers["Content-Type"] = "application/json"
        body = [("--data-raw", query.pop("body"))]
    url = f"{origin}{exchange.path}" + (f"?{urlencode(query, safe=',')}" if query else "")
    lines = [
        (f"curl -i -X {exchange.method}", url),
        *(("-H", f"{name}: {value}") for name, value in headers.items()),
        *body,
    ]
    return " \\\n  ".join(f"{option} {shlex.quote(value)}" for option, value in lines)
