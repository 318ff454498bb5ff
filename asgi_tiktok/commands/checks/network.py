"""Checks over the network: TikTok is reached, the clocks agree, key and secret are right."""

import asyncio
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import httpx2

from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.client.endpoints import TIKTOK, Endpoints
from asgi_tiktok.client.transport import TIMEOUT
from asgi_tiktok.commands.checks.finding import Finding, error, ok, warning
from asgi_tiktok.commands.checks.place import check_clock
from asgi_tiktok.commands.checks.settings import check_settings, value_of
from asgi_tiktok.commands.portal import PORTAL
from asgi_tiktok.errors import TikTokError, TokenError

DEADLINE = 10  # seconds
# The grant needs none, and the person's own may be wrong.
ANY_REDIRECT_URI = "https://doctor.invalid/callback"
PAIRS = f"Copy both again from {PORTAL} > Credentials: a sandbox and the production app have a pair each."


async def check_network(environ: Mapping[str, str]) -> list[Finding]:
    """What only the network can tell; nothing is tried that the settings rule out."""
    wrong = {finding.name for finding in check_settings(environ) if finding.status == "error"}
    base_url = value_of(environ, "TIKTOK_BASE_URL") or None
    if base_url and "TikTok" in wrong and not is_origin(base_url):
        return [check_clock(), warning("network", "not tried: there is no address", "Correct TIKTOK_BASE_URL.")]
    endpoints = Endpoints.at(base_url) if base_url else TIKTOK
    places = {"API host": endpoints.api, "authorization host": endpoints.issuer}
    reached = await asyncio.gather(*(reach(name, origin, environ) for name, origin in places.items()))
    ahead = next((ahead for _, ahead in reached if ahead is not None), None)
    findings = [check_clock(ahead), *(finding for finding, _ in reached)]
    if wrong & {"client key", "client secret"}:
        return [*findings, warning("credentials", "not tried", "Correct client key and client secret first.")]
    return [*findings, await prove(environ, base_url)]


def is_origin(base_url: str) -> bool:
    try:
        Endpoints.at(base_url)
    except TikTokError:
        return False
    return True


async def reach(name: str, origin: str, environ: Mapping[str, str]) -> tuple[Finding, float | None]:
    """Whether anything answers there, and how far our clock is ahead of its."""
    try:
        async with (
            asyncio.timeout(DEADLINE),
            httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False, headers={"User-Agent": "asgi-tiktok"}) as client,
            client.stream("GET", f"{origin}/") as response,
        ):
            ahead = clock_difference(response.headers.get("Date", ""))
    except (httpx2.HTTPError, TimeoutError) as failure:
        return error(name, f"{origin} is not reached ({type(failure).__name__})", cure_for(environ, origin)), None
    if response.status_code >= 500:
        return warning(name, f"{origin} answers with HTTP {response.status_code}", "Try again later."), ahead
    return ok(name, f"{origin} answers"), ahead


def cure_for(environ: Mapping[str, str], origin: str) -> str:
    if value_of(environ, "TIKTOK_BASE_URL"):
        return "Is the emulator running? Start it with: asgi-tiktok emulator"
    proxy = next((name for name in ("HTTPS_PROXY", "https_proxy") if value_of(environ, name)), None)
    if proxy:
        return f"{proxy} is set, and read only with TikTok(trust_env=True)."
    return "Look at DNS, firewall and outgoing https; some networks block TikTok."


def clock_difference(date: str) -> float | None:
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    # A Date is cut to the second, so on average it is half a second old.
    return time.time() - theirs - 0.5


async def prove(environ: Mapping[str, str], base_url: str | None) -> Finding:
    """Whether TikTok gives the app a token of its own."""
    key, secret = value_of(environ, "TIKTOK_CLIENT_KEY"), value_of(environ, "TIKTOK_CLIENT_SECRET")
    client = TikTokClient(key, secret, ANY_REDIRECT_URI, base_url=base_url)
    try:
        await client.client_token()
    except TokenError as refusal:
        told = f"TikTok says {refusal.code}: {refusal.description} (log_id {refusal.log_id})"
        return error("credentials", told, PAIRS if refusal.code == "invalid_client" else refusal.hint or PAIRS)
    except TikTokError as failure:
        told = f"not proved: {failure.code}: {failure.description}"
        return warning("credentials", told, "Ask again when TikTok answers.")
    finally:
        await client.aclose()
    return ok("credentials", "TikTok takes key and secret")
