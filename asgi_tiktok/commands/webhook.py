"""asgi-tiktok webhook: a signed event, sent as TikTok would (TikTok: Webhooks Overview, Events, Verification)."""

import argparse
import os

from asgi_tiktok.commands.parser import Commands
from asgi_tiktok.commands.webhook_delivery import send
from asgi_tiktok.commands.webhook_events import EVENTS, event_of

EPILOG = """\
events:
  {events}

TikTok's own names; another one is sent as well, with a warning. An open_id that begins with - is given as
--open-id=-000x. Without TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET the event is the emulator's app's, for the
first person of its cast. The status is 0 when the app took the event, 1 when it did not, 2 when nobody answered."""


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "webhook",
        help="send a signed event to your app, as TikTok would",
        description="Sends a signed event to your app, as TikTok would.",
        epilog=EPILOG.format(events="\n  ".join(EVENTS)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("event", metavar="EVENT", help="such as authorization.removed")
    parser.add_argument(
        "--url", help="(default: /auth/tiktok/webhook at the origin of TIKTOK_REDIRECT_URI, or http://localhost:8000)"
    )
    parser.add_argument(
        "--open-id", metavar="ID", help="whom it is about; --open-id=-000x for one that begins with -"
    )
    parser.add_argument(
        "--reason",
        type=int,
        metavar="N",
        help="of authorization.removed: 0 unknown, 1 the person disconnected "
        "(default), 2 account deleted, 3 age changed, 4 banned, 5 revoked by the developer",
    )
    parser.add_argument(
        "--content", metavar="JSON", help="an object, sent to the letter in place of the usual content"
    )
    parser.add_argument(
        "--client-secret", metavar="SECRET", help="(default: TIKTOK_CLIENT_SECRET, which others here cannot see)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send the event; 1 when the app refuses it."""
    event = event_of(
        os.environ,
        name=arguments.event,
        open_id=arguments.open_id,
        reason=arguments.reason,
        content=arguments.content,
        client_secret=arguments.client_secret,
    )
    return send(event, arguments.url, os.environ)
