"""asgi-tiktok webhook: send a signed event as TikTok does (TikTok: Webhooks Overview, Events, Verification)."""

import argparse
import os

from asgi_tiktok.commands.parser import Commands
from asgi_tiktok.commands.webhook_delivery import send
from asgi_tiktok.commands.webhook_events import EVENTS, event_of

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
    """Send the event; return 1 if the app does not accept it."""
    event = event_of(
        os.environ,
        name=arguments.event,
        open_id=arguments.open_id,
        reason=arguments.reason,
        content=arguments.content,
        client_secret=arguments.client_secret,
    )
    return send(event, arguments.url, os.environ)
