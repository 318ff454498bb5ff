"""An emulator in its own process: `python -m benchmarks.tiktok FD` serves on this listening socket."""

import socket
import sys

import uvicorn

from asgi_tiktok.emulator import Emulator, Person

PEOPLE = 1000


def person(number: int) -> str:
    """Return the open_id of one of the emulator's users."""
    return f"person-{number % PEOPLE}"


def main() -> None:
    listener = socket.socket(fileno=int(sys.argv[1]))
    people = [Person(open_id=person(number), display_name=f"Person {number}") for number in range(PEOPLE)]
    config = uvicorn.Config(Emulator(people=people), log_level="warning", access_log=False, ws="none", lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
