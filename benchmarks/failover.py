"""A failover behind one address, where the old primary keeps our connections: seconds until writes work again."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from asgi_tiktok import StoreError
from asgi_tiktok.stores import open_store
from benchmarks.mariadb import MariaDBServer
from benchmarks.options import chosen, new_parser
from benchmarks.postgresql import PostgreSQLServer
from benchmarks.processes import run
from benchmarks.redis_server import RedisServer
from benchmarks.table import print_table
from tests.support.relay import relaying

SERVERS: dict[str, Callable[[Path], RedisServer | PostgreSQLServer | MariaDBServer]] = {
    "redis": RedisServer,
    "postgresql": PostgreSQLServer,
    "mariadb": MariaDBServer,
}
CONNECTIONS = 8
WRITES = 100


def demote(server: RedisServer | PostgreSQLServer | MariaDBServer, primary: int) -> None:
    """Let the server refuse writes on all connections, and keep them open."""
    if isinstance(server, RedisServer):
        run(["redis-cli", "-p", str(server.port), "replicaof", "127.0.0.1", str(primary)])
    elif isinstance(server, MariaDBServer):
        server.execute("SET GLOBAL read_only = 1")
    else:
        psql = [f"{server.programs}/psql", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres"]
        run([*psql, "-c", "ALTER SYSTEM SET default_transaction_read_only = on"])
        run([*psql, "-c", "SELECT pg_reload_conf()"])


async def fail_over(name: str) -> tuple[int, float, float]:
    """Return the number of failed writes, the seconds until the first write, and those of the longest write."""
    with tempfile.TemporaryDirectory(prefix="asgi-tiktok-") as old, tempfile.TemporaryDirectory() as new:
        servers = [SERVERS[name](Path(old)), SERVERS[name](Path(new))]
        try:
            for server in servers:
                await asyncio.to_thread(server.start)
            async with relaying(servers[0].port) as relay:
                url = servers[0].url
                store = open_store(url.replace(f":{urlsplit(url).port}/", f":{relay.port}/"))
                await asyncio.gather(*(store.set(f"k{n}", b"1", ttl=600) for n in range(CONNECTIONS)))
                await asyncio.to_thread(demote, servers[0], servers[1].port)
                relay.target = servers[1].port
                began, first, longest, failed = time.monotonic(), 0.0, 0.0, 0
                for number in range(WRITES):
                    started = time.monotonic()
                    try:
                        await store.set(f"new{number}", b"2", ttl=600, owner="ada")
                        first = first or time.monotonic() - began
                    except StoreError:
                        failed += 1
                    longest = max(longest, time.monotonic() - started)
                await store.aclose()
                return failed, first, longest
        finally:
            for server in servers:
                await asyncio.to_thread(server.end)


def main() -> None:
    parser = new_parser(__doc__, stores=tuple(SERVERS))
    options = parser.parse_args()
    rows = [[store, WRITES, *asyncio.run(fail_over(store))] for store in chosen(options.store, tuple(SERVERS))]
    print_table(["store", "writes", "failed", "first write after (s)", "longest write (s)"], rows)
