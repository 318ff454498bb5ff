"""Random secret keys: how many the estimate of their strength refuses, and how weak the weakest of them look."""

import secrets
import string
import time
from argparse import ArgumentParser
from base64 import b64encode
from collections.abc import Callable
from uuid import uuid4

from asgi_tiktok.crypto.keys import MIN_BITS
from asgi_tiktok.crypto.strength import estimate_bits
from benchmarks.table import print_table

DJANGO = "abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)"


def choose(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


GENERATORS: dict[str, Callable[[], str]] = {
    "secrets.token_urlsafe(32)": lambda: secrets.token_urlsafe(32),
    "secrets.token_hex(32)": lambda: secrets.token_hex(32),
    "openssl rand -base64 32": lambda: b64encode(secrets.token_bytes(32)).decode(),
    "Django's get_random_secret_key()": lambda: choose(DJANGO, 50),
    "two uuid4()": lambda: f"{uuid4()}{uuid4()}",
    "uuid4()": lambda: str(uuid4()),
    "secrets.token_hex(16)": lambda: secrets.token_hex(16),
    "32 letters and digits": lambda: choose(string.ascii_letters + string.digits, 32),
}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="values of each generator (default: %(default)s)")
    count = parser.parse_args().count
    rows = []
    for name, generate in GENERATORS.items():
        began = time.process_time()
        bits = sorted(estimate_bits(generate()) for _ in range(count))
        milliseconds = (time.process_time() - began) / count * 1000
        refused = sum(each < MIN_BITS for each in bits)
        rows.append([name, refused, round(bits[0]), round(bits[count // 2]), milliseconds])
    print(f"{count} values of each generator. A secret_key needs {MIN_BITS} bits.\n")
    print_table(["generator", "refused", "lowest bits", "median bits", "ms each"], rows)
