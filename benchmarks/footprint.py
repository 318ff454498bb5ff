"""Time and memory of an import, compared with its dependencies; and the memory of 100,000 sessions."""

import asyncio
import json
import secrets
import statistics
import subprocess
import sys
from argparse import ArgumentParser
from collections import defaultdict, deque
from dataclasses import dataclass

from asgi_tiktok import MemoryStore, TikTok
from asgi_tiktok.accounts.session_memory import SESSION_MEMORY
from benchmarks.abandoned_logins import resident
from benchmarks.people import people
from benchmarks.table import print_table

OURS = "import asgi_tiktok"
IMPORTS = (
    "import starlette, authlib.integrations.httpx_client",
    "import starlette.requests, starlette.responses, authlib.integrations.httpx_client, sqlite3",
    OURS,
    "import authlib.integrations.starlette_client, starlette.middleware.sessions",
    "import fastapi_sso",
)
OPTIONAL = ("uvicorn", "jinja2", "redis", "sqlalchemy", "asyncpg", "fastapi", "litestar", "quart", "django", "pytest")
CHILD = """
import json, sys, time
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6
before, began = resident(), time.perf_counter()
{statement}
took = time.perf_counter() - began
print(json.dumps([took * 1000, resident() - before, len(sys.modules), sorted(sys.modules)]))
"""


@dataclass(frozen=True, slots=True)
class Import:
    """One import in a new interpreter: milliseconds, MB, and the modules that are loaded afterwards."""

    took: float
    memory: float
    modules: int
    names: frozenset[str]


def load(statement: str) -> Import:
    """Run the import statement in a new interpreter."""
    command = [sys.executable, "-c", CHILD.format(statement=statement)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    took, memory, modules, names = json.loads(done.stdout)
    return Import(took, memory, modules, frozenset(names))


def imports(rounds: int) -> dict[str, list[Import]]:
    """Run all statements in turn, this number of times."""
    found: dict[str, list[Import]] = defaultdict(list)
    for number in range(rounds + 1):
        for statement in IMPORTS:
            each = load(statement)
            if number:  # the first round fills the disk cache
                found[statement].append(each)
    return found


def optional(found: Import) -> list[str]:
    """Return the imported modules that are optional: extras, and our own developer tools."""
    ours = ("asgi_tiktok.emulator", "asgi_tiktok.testing", "asgi_tiktok.demo", "asgi_tiktok.commands")
    return sorted(found.names.intersection((*OPTIONAL, *ours)))


def tops(found: Import) -> list[str]:
    """Return the third-party packages that were imported."""
    named = {name.partition(".")[0] for name in found.names}
    return sorted(name for name in named - set(sys.stdlib_module_names) - {"asgi_tiktok"} if not name.startswith("_"))


async def sessions(count: int) -> tuple[float, float]:
    """Measure the memory of sessions in the memory store.

    Returns MB for `count` stored sessions, and MB after as many were read as the cache of opened sessions holds.
    """
    store = MemoryStore(max_records=count)
    tiktok = TikTok("key", "secret", "https://app.example.com/callback", secrets.token_urlsafe(32), store=store)
    cookies: deque[list[tuple[bytes, bytes]]] = deque(maxlen=min(count, SESSION_MEMORY))
    for person in people(tiktok, 100):  # warm-up
        await store.set(person.key, person.value, ttl=person.ttl, owner=person.owner)
    store._records.clear()
    before = resident()
    for person in people(tiktok, count):
        await store.set(person.key, person.value, ttl=person.ttl, owner=person.owner)
        cookies.append(person.headers)
    kept = resident() - before
    found = [await tiktok._sessions.load(headers) for headers in cookies]
    if None in found or len(store._records) != count:
        raise RuntimeError("A session was lost.")
    return kept, resident() - before


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sessions", type=int, default=100_000)
    options = parser.parse_args()
    found = imports(options.rounds)
    rows: list[list[object]] = []
    for statement, each in found.items():
        took, memory = statistics.median(one.took for one in each), statistics.median(one.memory for one in each)
        rows.append([f"`{statement}`", took, memory, each[0].modules, ", ".join(optional(each[0])) or "none"])
    print_table(["in a new interpreter", "time (ms)", "memory (MB)", "modules", "optional"], rows)
    print(f"\n`{OURS}` imports these third-party packages: {', '.join(tops(found[OURS][0]))}.\n")
    kept, read = asyncio.run(sessions(options.sessions))
    each_session = round(kept * 1e6 / options.sessions)
    headers = [
        "sessions in the memory store",
        "memory (MB)",
        "per session (bytes)",
        f"memory with {SESSION_MEMORY:,} cached (MB)",
    ]
    print_table(headers, [[options.sessions, kept, each_session, read]])
