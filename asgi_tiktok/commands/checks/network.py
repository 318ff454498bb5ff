"""Checks that send requests: whether TikTok can be reached, and whether it accepts the key and the secret."""

import asyncio

import httpx2

from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.client.transport import API_TIMEOUT
from asgi_tiktok.commands.checks.clock import check_clock, clock_difference
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
    hosts = {"API host": client._endpoints.api, "authorization host": client._endpoints.issuer}
    reached = await asyncio.gather(*(reach(name, origin, settings) for name, origin in hosts.items()))
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
        return error(name, f"{origin} cannot be reached ({type(failure).__name__})", reach_cure(settings)), None
    if response.status_code >= 500:
        return warning(name, f"{origin} answers with HTTP {response.status_code}", "Try again later."), ahead
    return ok(name, f"{origin} answers"), ahead


def reach_cure(settings: Settings) -> str:
    if settings.value("TIKTOK_BASE_URL"):
        return "Start the emulator with: asgi-tiktok emulator"
    proxy = next((name for name in ("HTTPS_PROXY", "https_proxy") if settings.value(name)), None)
    if proxy:
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
