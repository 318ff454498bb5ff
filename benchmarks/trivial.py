"""The smallest site in its own process: `python -m benchmarks.trivial SERVER NAME URL FD`.

It serves on the listening socket FD. First it prints the name of a signed-in visitor and their cookie.
"""

import socket
import sys
from asyncio import Runner
from typing import Any

import uvicorn

from benchmarks.pages import BARE, Contender
from benchmarks.peers import WITHOUT_MEMORY, floor, ours, starlette

SERVERS: dict[str, dict[str, Any]] = {
    "standard": {"loop": "uvloop", "http": "httptools"},  # pip install uvicorn[standard]
    "plain": {"loop": "asyncio", "http": "h11"},  # pip install uvicorn
}
STORES = ("memory", "sqlite", "redis", "postgresql")


def bare() -> Contender:
    """The app without middleware. Its cookie is as long as ours, because the server parses it anyway."""
    return Contender("bare", BARE, BARE, f"session={'x' * 108}", "nobody")


PEERS = {"bare": bare, "floor": floor, "starlette": starlette}


async def main(server: str, name: str, url: str, fd: str) -> None:
    store, without, _ = name.partition(WITHOUT_MEMORY)
    contender = await ours(store, url, memory=not without) if store in STORES else PEERS[name]()
    print(contender.who, contender.cookie, flush=True)
    await uvicorn.Server(config(server, contender)).serve(sockets=[socket.socket(fileno=int(fd))])
    await contender.aclose()


def config(server: str, contender: Contender) -> uvicorn.Config:
    """Return the configuration of `uvicorn --no-access-log`."""
    quiet: dict[str, Any] = {"log_level": "warning", "access_log": False, "ws": "none", "lifespan": "off"}
    return uvicorn.Config(contender.app, **SERVERS[server], **quiet)


if __name__ == "__main__":
    with Runner(loop_factory=config(sys.argv[1], bare()).get_loop_factory()) as runner:
        runner.run(main(*sys.argv[1:]))
