"""asgi-tiktok webhook: send a signed event as TikTok does (TikTok: Webhooks Overview, Events, Verification)."""

import argparse
import os
import re
import time

import httpx2

from asgi_tiktok.commands.output import write, write_error
from asgi_tiktok.commands.parser import Commands
from asgi_tiktok.commands.webhook_events import EVENTS, event_of, sign
from asgi_tiktok.environment import name_variable, split_addresses
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.http.site import DEFAULT_PATH, Site
from asgi_tiktok.validation import check_redirect_uri, split_url

DEADLINE = 10  # seconds
MAX_SHOWN = 300  # characters of a response
DEFAULT_ADDRESS = f"http://localhost:8000{DEFAULT_PATH}/webhook"
EPILOG = """\
events:
  {events}

These are the events that TikTok documents. Any other event is sent with a warning. Write an open_id that begins
with - as --open-id=-000x. Without TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET, the event is signed for the emulator's
app, and about the first user of the emulator. The exit status is 0 if the app accepted the event, 1 if it did not,
and 2 if it did not answer."""


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "webhook",
        help="send a signed event to your app, as TikTok does",
        description="Sends a signed event to your app, as TikTok does.",
        epilog=EPILOG.format(events="\n  ".join(EVENTS)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("event", metavar="EVENT", help="for example authorization.removed")
    parser.add_argument(
        "--url",
        help="address of the webhook (default: /auth/tiktok/webhook at the origin of TIKTOK_REDIRECT_URI, or at "
        "http://localhost:8000)",
    )
    parser.add_argument(
        "--open-id", metavar="ID", help="user of the event; --open-id=-000x for an id that begins with -"
    )
    parser.add_argument(
        "--reason",
        type=int,
        metavar="N",
        help="reason of authorization.removed: 0 unknown, 1 disconnected by the user "
        "(default), 2 account deleted, 3 age changed, 4 banned, 5 revoked by the developer",
    )
    parser.add_argument(
        "--content", metavar="JSON", help="JSON object that replaces the usual content, sent unchanged"
    )
    parser.add_argument(
        "--client-secret",
        metavar="SECRET",
        help="(default: TIKTOK_CLIENT_SECRET, which other users of this machine cannot see)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send the event and print the result; return 1 if the app does not accept it."""
    event = event_of(
        os.environ,
        name=arguments.event,
        open_id=arguments.open_id,
        reason=arguments.reason,
        content=arguments.content,
        client_secret=arguments.client_secret,
    )
    address = check_address(arguments.url) if arguments.url else default_address()
    if event.name not in EVENTS:
        write_error(f"warning: TikTok documents no event {event.name!r}; it is sent anyway")
    now = int(time.time())
    body = event.body(now)
    status, response = post(address, body, sign(event.client_secret, body, now))
    about = f" about {event.open_id}" if event.open_id else ""
    write(f"Sent {event.name}{about}, signed for {event.client_key}, to {address}")
    write(f"{status} {httpx2.codes.get_reason_phrase(status) or 'unknown'}: {explanation(status)}")
    if status == httpx2.codes.OK:
        return 0
    if response:
        write(response)
    return 1


def post(url: str, body: bytes, signature: str) -> tuple[int, str]:
    """Return the status and the beginning of the response."""
    headers = {"Content-Type": "application/json", "TikTok-Signature": signature}
    try:
        with (
            httpx2.Client(timeout=DEADLINE, trust_env=False) as client,
            client.stream("POST", url, content=body, headers=headers) as response,
        ):
            beginning = next(response.iter_text(MAX_SHOWN), "")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ConfigurationError(
            f"{url} does not answer ({type(error).__name__}). Start the app, or pass its address with --url."
        ) from None
    printable = "".join(char if char.isprintable() else " " for char in beginning)
    return response.status_code, printable.strip()


def explanation(status: int) -> str:
    if status == httpx2.codes.OK:
        return "the app accepted the event"
    if 300 <= status < 400:
        return "the app redirects, which TikTok does not follow; register the address to which it redirects"
    if status == httpx2.codes.NOT_FOUND:
        return "there is no webhook at this address; pass the right one with --url"
    return "the app did not accept the event; TikTok would send it again for up to 72 hours"


def default_address() -> str:
    redirect_uri = os.environ.get("TIKTOK_REDIRECT_URI", "").strip()
    if not redirect_uri:
        return DEFAULT_ADDRESS
    try:
        site = Site.of(check_redirect_uri(split_addresses(redirect_uri)[0]), DEFAULT_PATH, "/")
    except ConfigurationError as error:
        raise name_variable(error, {}) from None
    return site.origin + site.webhook


def check_address(url: str) -> str:
    parts, _ = split_url("--url", url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", url):
        raise ConfigurationError(f"--url={url!r} is not an http address; write it like {DEFAULT_ADDRESS}")
    return url
