"""Sends an event to the app, and tells what the app made of it."""

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
SHOWN = 300  # characters of an answer
WITHOUT_SETTINGS = f"http://localhost:8000{DEFAULT_PATH}/webhook"


def send(event: Event, url: str | None, environ: Mapping[str, str]) -> int:
    """Send the event and print the verdict: 0 when the app took it, else 1.

    Raises ConfigurationError for an address that cannot be one, or where nobody answers.
    """
    address = check_address(url) if url else default_address(environ)
    if event.name not in EVENTS:
        print(f"warning: TikTok documents no event {event.name!r}; it is sent all the same", file=sys.stderr)
    now = int(time.time())
    body = event.body(now)
    headers = {"Content-Type": "application/json", "TikTok-Signature": sign(event.client_secret, body, now)}
    status, answer = post(address, body, headers)
    whom = f" about {event.open_id}" if event.open_id else ""
    print(f"{event.name}{whom}, signed for {event.client_key}, to {address}")
    print(f"{status} {phrase(status)}: {verdict(status)}")
    if status != HTTPStatus.OK and answer:
        print(answer)
    return int(status != HTTPStatus.OK)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """The status, and the beginning of what was said with it."""
    try:
        with (
            httpx2.Client(timeout=DEADLINE, trust_env=False) as client,
            client.stream("POST", url, content=body, headers=dict(headers)) as response,
        ):
            return response.status_code, beginning(response)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ConfigurationError(
            f"{url} does not answer ({type(error).__name__}). Is the app running there? "
            "Name another address with --url."
        ) from None


def beginning(response: httpx2.Response) -> str:
    said = ""
    for text in response.iter_text():
        said += text
        if len(said) > SHOWN:
            break
    return "".join(char if char.isprintable() else " " for char in said[:SHOWN]).strip()


def verdict(status: int) -> str:
    if status == HTTPStatus.OK:
        return "the app took the event"
    if 300 <= status < 400:
        return "the app redirects, and TikTok does not follow; register the address that it leads to"
    if status == HTTPStatus.NOT_FOUND:
        return "there is no webhook at this address; name another with --url"
    return "the app did not take the event, and TikTok would send it again for up to 72 hours"


def phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown"


def default_address(environ: Mapping[str, str]) -> str:
    redirect_uri = environ.get("TIKTOK_REDIRECT_URI", "").strip()
    if not redirect_uri:
        return WITHOUT_SETTINGS
    try:
        site = Site.of(check_redirect_uri(redirect_uri), DEFAULT_PATH, "/")
    except ConfigurationError as error:
        raise ConfigurationError(error.description.replace("redirect_uri", "TIKTOK_REDIRECT_URI", 1)) from None
    return site.origin + site.webhook


def check_address(url: str) -> str:
    parts, _ = split_url("--url", url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", url):
        raise ConfigurationError(f"--url={url!r} is no address; write it like {WITHOUT_SETTINGS}")
    return url
