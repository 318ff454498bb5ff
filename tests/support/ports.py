"""Ports on the loopback interface."""

import os
import random
import socket
from itertools import cycle

# Below the ports that systems give to connections and to servers with port 0. A node of a Redis Cluster also uses the
# port that is higher by 10,000.
FIRST, END = 11_000, 21_000


def own_ports() -> list[int]:
    """Return the ports that no other worker of pytest-xdist uses, in random order."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = [*range(FIRST + worker, END, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))]
    random.shuffle(ports)
    return ports


PORTS = cycle(own_ports())


def free_port() -> int:
    """Return a port on which nothing listens, and which no other test gets."""
    return next(port for port in PORTS if can_listen(port))


def can_listen(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server accepts connections on the port."""
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True
