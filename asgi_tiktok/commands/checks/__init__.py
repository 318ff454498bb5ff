"""The doctor's checks. Each gives findings, and none raises."""

from collections.abc import Mapping

from asgi_tiktok.commands.checks.finding import Finding
from asgi_tiktok.commands.checks.network import check_network
from asgi_tiktok.commands.checks.place import check_clock, check_place
from asgi_tiktok.commands.checks.settings import check_settings
from asgi_tiktok.commands.checks.store import check_store

__all__ = ["Finding", "check_all"]


async def check_all(environ: Mapping[str, str], *, offline: bool) -> list[Finding]:
    """Every finding about the environment."""
    findings = [*check_settings(environ), *check_place(environ), *await check_store(environ)]
    return [*findings, *([check_clock()] if offline else await check_network(environ))]
