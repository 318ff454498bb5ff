"""Check of this machine's clock."""

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from asgi_tiktok.commands.checks.finding import Finding, error, ok, warning

MIN_TIME = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
MAX_TIME = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


def check_clock(ahead: float | None = None) -> Finding:
    """Check the clock, which is `ahead` of TikTok's by this many seconds; None if that is not known."""
    now = time.time()
    if not MIN_TIME < now < MAX_TIME:
        year = datetime.fromtimestamp(now, UTC).year
        cure = "Set it, preferably by NTP: tokens and sessions depend on it."
        return error("clock", f"it says that the year is {year}", cure)
    if ahead is None:
        return ok("clock", f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC, not compared with TikTok's")
    if abs(ahead) > 60:
        direction = "ahead of" if ahead > 0 else "behind"
        cure = "Set it, preferably by NTP: webhooks are refused if it is wrong by more than 300 seconds."
        return warning("clock", f"{abs(ahead):.0f} seconds {direction} TikTok's", cure)
    return ok("clock", f"within {max(abs(ahead), 1):.0f} s of TikTok's")


def clock_difference(date: str) -> float | None:
    """Return how many seconds this clock is ahead of a Date header, or None if the header cannot be read."""
    try:
        server_time = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    # A Date header has whole seconds, so on average it is half a second old.
    return time.time() - server_time - 0.5
