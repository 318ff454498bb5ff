"""Send an event to the app, and report the response."""

import re
import sys
import time
from collections.abc import Mapping
from http import HTTPStatus

import httpx2

from asgi_tiktok.commands.webhook_events import EVENTS, Event, sign
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.http.site import DEFAULT_PATH, Site
from asgi_tiktok.validation import check_redirect_uri, split_url

DEADLINE = 10  # seconds
MAX_SHOWN = 300  # characters of a response
DEFAULT_ADDRESS = f"http://localhost:8000{DEFAULT_PATH}/webhook"


def send(event: Event, url: str | None, environ: Mapping[str, str]) -> int:
    """Send the event and print the result; return 0 if the app accepted it, and 1 otherwise.

    Raises ConfigurationError for an invalid address, and for one that does not answer.
    """
    address = check_address(url) if url else default_address(environ)
    if event.name not in EVENTS:
        print(f"warning: TikTok documents no event {event.name!r}; it is sent anyway", file=sys.stderr)
    now = int(time.time())
    body = event.body(now)
    headers = {"Content-Type": "application/json", "TikTok-Signature": sign(event.client_secret, body, now)}
    status, response = post(address, body, headers)
    about = f" about {event.open_id}" if event.open_id else ""
    print(f"Sent {event.name}{about}, signed for {event.client_key}, to {address}")
    print(f"{status} {httpx2.codes.get_reason_phrase(status) or 'unknown'}: {explanation(status)}")
    if status != HTTPStatus.OK and response:
        print(response)
    return int(status != HTTPStatus.OK)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Return the status and the beginning of the response."""
    try:
        with (
            httpx2.Client(timeout=DEADLINE, trust_env=False) as client,
            client.stream("POST", url, content=body, headers=dict(headers)) as response,
        ):
            return response.status_code, beginning(response)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ConfigurationError(
            f"{url} does not answer ({type(error).__name__}). Start the app, or pass its address with --url."
        ) from None


def beginning(response: httpx2.Response) -> str:
    shown = ""
    for text in response.iter_text():
        shown += text
        if len(shown) > MAX_SHOWN:
            break
    return "".join(char if char.isprintable() else " " for char in shown[:MAX_SHOWN]).strip()


def explanation(status: int) -> str:
    if status == HTTPStatus.OK:
        return "the app accepted the event"
    if 300 <= status < 400:
        return "the app redirects, which TikTok does not follow; register the address to which it redirects"
    if status == HTTPStatus.NOT_FOUND:
        return "there is no webhook at this address; pass the right one with --url"
    return "the app did not accept the event; TikTok would send it again for up to 72 hours"


def default_address(environ: Mapping[str, str]) -> str:
    redirect_uri = environ.get("TIKTOK_REDIRECT_URI", "").strip()
    if not redirect_uri:
        return DEFAULT_ADDRESS
    try:
        site = Site.of(check_redirect_uri(redirect_uri), DEFAULT_PATH, "/")
    except ConfigurationError as error:
        description = error.description.replace("redirect_uri", "TIKTOK_REDIRECT_URI", 1)
        raise ConfigurationError(description, hint=error.hint) from None
    return site.origin + site.webhook


def check_address(url: str) -> str:
    parts, _ = split_url("--url", url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", url):
        raise ConfigurationError(f"--url={url!r} is not an http address; write it like {DEFAULT_ADDRESS}")
    return url
