"""Checks of a Redis server: what it loses when it restarts, and when its memory is full."""

from collections.abc import Mapping

from asgi_tiktok.commands.checks.finding import Finding, ok, warning
from asgi_tiktok.stores.redis import RedisStore

PERSISTENCE_FIX = "Set: appendonly yes. Then at most the last second is lost."
POLICY_FIX = "Set: maxmemory-policy noeviction. Then a full Redis refuses new logins, and keeps all others."


async def check_redis(store: RedisStore) -> list[Finding]:
    """Return the findings about the server's settings."""
    try:
        info = await store._server_settings()
    finally:
        await store.aclose()
    if "aof_enabled" not in info:
        found = "the server does not show its settings to this user"
        return [warning("Redis settings", found, f"Ask its operator. {PERSISTENCE_FIX} {POLICY_FIX}")]
    return [persistence(info), memory(info)]


def persistence(info: Mapping[str, str]) -> Finding:
    if info.get("aof_enabled") == "1":
        fsync = info.get("appendfsync")
        if fsync == "no":
            fix = "Set: appendfsync everysec. Then at most the last second is lost."
            return warning("Redis persistence", "appendonly yes, but appendfsync no: a crash loses many seconds", fix)
        lost = "nothing" if fsync == "always" else "at most the last second"
        return ok("Redis persistence", f"appendonly yes: a restart loses {lost}")
    save = info.get("save")
    if save == "":
        lost = "every restart signs all users out and loses all tokens"
        return warning("Redis persistence", f'appendonly no and save "": {lost}', PERSISTENCE_FIX)
    lost = "a restart loses all logins and refreshed tokens since the last snapshot"
    return warning("Redis persistence", f"appendonly no, save {save or 'not shown'}: {lost}", PERSISTENCE_FIX)


def memory(info: Mapping[str, str]) -> Finding:
    policy = info.get("maxmemory_policy", "unknown")
    if policy == "noeviction":
        return ok("Redis memory", "maxmemory-policy noeviction: no record is evicted")
    when = (
        "when its memory is full" if info.get("maxmemory", "0") != "0" else "as soon as maxmemory is set and reached"
    )
    found = f"maxmemory-policy {policy}: {when}, Redis deletes sessions and tokens, which signs users out"
    return warning("Redis memory", found, POLICY_FIX)
