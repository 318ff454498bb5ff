"""`next`: nothing that is accepted leaves the site, however it is decoded, normalised or stripped."""

from asgi_tiktok.http.next_path import safe_next
from tests.support.whatwg import node_parser

ROOT_PATH = "/app"


def run(data: bytes) -> None:
    """The value as text, and the same behind a slash; what is no UTF-8 becomes lone surrogates."""
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
