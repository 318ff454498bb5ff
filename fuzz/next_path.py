"""`next`: an accepted value never leaves the site, in any decoding or normalisation."""

from asgi_tiktok.http.next_path import safe_next
from tests.support.whatwg import node_parser

ROOT_PATH = "/app"


def run(data: bytes) -> None:
    """Check the value, and the value after a slash. Bytes that are not UTF-8 become lone surrogates."""
    value = data.decode("utf-8", "surrogateescape")
    check(value)
    check("/" + value)


def check(value: str) -> None:
    for root_path in ("", ROOT_PATH):
        accepted = safe_next(value, reserved=(), mount=root_path)
        if accepted is not None:
            assert accepted.isascii()
            assert accepted.isprintable()
            strays = node_parser().offsite_readings(value, accepted, root_path=root_path)
            assert strays == []
