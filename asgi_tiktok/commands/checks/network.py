"""Checks of the network: whether TikTok can be reached and accepts the credentials, and whether the clocks agree."""

import asyncio
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.client.transport import API_TIMEOUT
from asgi_tiktok.commands.checks.finding import Finding, error, ok, warning
from asgi_tiktok.commands.checks.settings import Settings
from asgi_tiktok.commands.portal import PORTAL
from asgi_tiktok.errors import TikTokError, TokenError

DEADLINE = 10  # seconds
CREDENTIALS = (
    f"Copy both again from {PORTAL} > Credentials. A sandbox and the production app have different credentials."
)


async def check_network(settings: Settings, *, ask_for_token: bool) -> list[Finding]:
    """Return the findings about the clock, TikTok's hosts and, with `ask_for_token`, the credentials."""
    if "TIKTOK_BASE_URL" in settings.errors:
        return [check_clock(), warning("network", "not checked, because there is no address", "Fix TIKTOK_BASE_URL.")]
    client = settings.tiktok._client
    reached = await asyncio.gather(
        reach("API host", client._endpoints.api, settings),
        reach("authorization host", client._endpoints.issuer, settings),
    )
    ahead = next((ahead for _, ahead in reached if ahead is not None), None)
    findings = [check_clock(ahead), *(finding for finding, _ in reached)]
    if not ask_for_token:
        return [*findings, warning("credentials", "not checked", "Fix the client key and the client secret first.")]
    return [*findings, await check_credentials(client)]


async def reach(name: str, origin: str, settings: Settings) -> tuple[Finding, float | None]:
    """Return whether the host answers, and by how many seconds our clock is ahead of its clock."""
    try:
        async with (
            asyncio.timeout(DEADLINE),
            httpx2.AsyncClient(timeout=API_TIMEOUT, trust_env=False, headers={"User-Agent": "asgi-tiktok"}) as client,
            client.stream("GET", f"{origin}/") as response,
        ):
            ahead = clock_difference(response.headers.get("Date", ""))
    except (httpx2.HTTPError, TimeoutError) as failure:
        return error(name, f"{origin} cannot be reached ({type(failure).__name__})", reach_fix(settings)), None
    if response.status_code >= 500:
        return warning(name, f"{origin} answers with HTTP {response.status_code}", "Try again later."), ahead
    return ok(name, f"{origin} answers"), ahead


def reach_fix(settings: Settings) -> str:
    if settings.value("TIKTOK_BASE_URL"):
        return "Start the emulator with: asgi-tiktok emulator"
    for proxy in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        if settings.value(proxy):
            return f"{proxy} is set, but asgi-tiktok uses it only with TikTok(trust_env=True)."
    return "Check DNS, the firewall and outgoing https. Some networks block TikTok."


async def check_credentials(client: TikTokClient) -> Finding:
    """Ask for a token of the app itself, which needs the client key and the client secret only."""
    try:
        await client.client_token()
    except TokenError as refusal:
        found = f"TikTok answers {refusal.code}: {refusal.description} (log_id {refusal.log_id})"
        hint = None if refusal.code == "invalid_client" else refusal.hint
        return error("credentials", found, hint or CREDENTIALS)
    except TikTokError as failure:
        found = f"not checked: {failure.code}: {failure.description}"
        return warning("credentials", found, "Run the doctor again when TikTok answers.")
    finally:
        await client.aclose()
    return ok("credentials", "TikTok accepts the client key and the client secret")


def check_clock(ahead: float | None = None) -> Finding:
    """Check the clock, which is `ahead` of TikTok's by this many seconds; None if that is not known."""
    now = datetime.fromtimestamp(time.time(), UTC)
    if not 2026 <= now.year < 2100:
        fix = "Set it, preferably by NTP: tokens and sessions depend on it."
        return error("clock", f"it says that the year is {now.year}", fix)
    if ahead is None:
        return ok("clock", f"{now:%Y-%m-%d %H:%M} UTC, not compared with TikTok's")
    if abs(ahead) > 60:
        direction = "ahead of" if ahead > 0 else "behind"
        fix = "Set it, preferably by NTP: webhooks are refused if it is more than 300 seconds behind."
        return warning("clock", f"{abs(ahead):.0f} seconds {direction} TikTok's", fix)
    return ok("clock", f"within {max(abs(ahead), 1):.0f} s of TikTok's")


def clock_difference(date: str) -> float | None:
    """Return how many seconds this clock is ahead of a Date header, or None if the header cannot be read."""
    try:
        server_time = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    # A Date header has whole seconds, so on average it is half a second old.
    return time.time() - server_time - 0.5
