"""The doctor's checks. Each returns findings; none raises."""

from collections.abc import Mapping

from asgi_tiktok.commands.checks.deployment import check_deployment
from asgi_tiktok.commands.checks.finding import Finding
from asgi_tiktok.commands.checks.network import check_clock, check_network
from asgi_tiktok.commands.checks.settings import check_settings, read_settings
from asgi_tiktok.commands.checks.store import check_store


async def check_all(environ: Mapping[str, str], *, offline: bool) -> list[Finding]:
    """Return the findings of all checks; `offline` skips those that send requests."""
    settings = read_settings(environ)
    findings = list(check_settings(settings))
    wrong = {finding.name for finding in findings if finding.status == "error"}
    findings += [*check_deployment(settings), *await check_store(settings)]
    if offline:
        return [*findings, check_clock()]
    return [*findings, *await check_network(settings, ask_for_token=not wrong & {"client key", "client secret"})]
