"""What an error of Redis means, and what to do about it."""

import re

RIGHTS = (
    "The Redis user needs +@read +@write +@scripting +time on the keys with the store's prefix; and for notices "
    "+publish +subscribe on the channels with this prefix: &asgi-tiktok:*"
)
HINTS = {
    "read only replica": "This server is a replica: connect to the primary, or pass a Sentinel client.",
    "loading": "Redis is still loading its data: wait until it has started.",
    "maxmemory": "Redis is full: raise its maxmemory, and keep maxmemory-policy noeviction.",
    "misconf": "Redis cannot write to its disk and rejects every write: read its log.",
    "moved": "This server is part of a Cluster: pass a redis.asyncio.RedisCluster client.",
    "cluster": "The Cluster is incomplete: run CLUSTER INFO.",
    "max number of clients": "Redis accepts no more connections: raise its maxclients, or run fewer workers.",
    "authentication": "Redis rejects the user name or password: correct it in the URL or the client.",
    "permission": RIGHTS,
    "user executing the script": RIGHTS,
    "wrongtype": "Another program uses keys with this prefix: give the store its own prefix.",
    "no connection available": "All connections are in use: raise max_connections in the URL's query.",
    "responseerror": "The store needs Redis 6 or later, or any Valkey, with EVAL and EVALSHA.",
    "loop": "A client works only in the event loop that used it first: pass a URL, which works in every event loop.",
}
UNREACHABLE = (
    "Check that Redis runs at this address and can be reached from this machine. "
    "Use rediss:// if the server uses TLS, otherwise redis://."
)

DIFFERENT_SERVERS = (
    "After a failover, this ends by itself. Otherwise connect to the primary itself, because the address leads to "
    "several servers."
)


def hint_for(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}".lower()
    # In these messages a host name follows, which may contain any of the words above.
    names_host = re.search("connecting to|reading from|writing to", text)
    return next((hint for word, hint in HINTS.items() if word in text and not names_host), UNREACHABLE)


def is_read_only(error: Exception) -> bool:
    """True if the server is a replica and has written nothing. Redis 6 quotes this within the error of a script."""
    return "read only replica" in str(error)
