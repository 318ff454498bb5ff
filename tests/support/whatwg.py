"""The WHATWG URL parser of Node, which resolves references exactly as browsers do (https://url.spec.whatwg.org)."""

import atexit
import json
import subprocess
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from tests.support.requirements import require_program

PROGRAM = Path(__file__).with_suffix(".mjs")
MAX_DECODINGS = 3
BASES = (
    "https://app.example/",
    "https://app.example/auth/tiktok/callback?code=a&state=b",
    "https://app.example:8443/app/deep/er/page#part",
    "http://localhost:8000/auth/tiktok/callback",
)


class Target(NamedTuple):
    """The target of a reference. `path_origin` is the origin to which a redirect to its path alone leads."""

    origin: str
    path: str
    rest: str
    path_origin: str | None


class NodeParser:
    """A Node process that resolves references until this process ends."""

    def __init__(self, node: str) -> None:
        self.process = subprocess.Popen([node, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def resolve(self, pairs: Iterable[tuple[str, str]]) -> list[Target | None]:
        """Return the target of each (reference, base), or None if a browser would not follow it."""
        assert self.process.stdin
        assert self.process.stdout
        assert self.process.poll() is None, "Node has exited"
        print(json.dumps(list(pairs)), file=self.process.stdin, flush=True)
        return [None if target is None else Target(*target) for target in json.loads(self.process.stdout.readline())]

    def offsite_readings(self, *references: str, root_path: str = "") -> list[str]:
        """Return the readings of the references that leave the origin of their base.

        A reading counts if it leaves at once, or when a server redirects to its path.
        """
        found = sorted({reading for reference in references for reading in readings(reference, root_path)})
        pairs = [(reading, base) for base in BASES for reading in found]
        return [
            reading
            for (reading, base), target in zip(pairs, self.resolve(pairs), strict=True)
            if target is None or not base.startswith(target.origin + "/") or target.path_origin != target.origin
        ]

    def close(self) -> None:
        self.process.communicate()


@cache
def node_parser() -> NodeParser:
    """Return Node's parser. Without Node on this machine, skip the test."""
    parser = NodeParser(require_program("node", "nodejs"))
    atexit.register(parser.close)
    return parser


def readings(reference: str, root_path: str = "") -> set[str]:
    """Return all strings that servers and proxies may make of a reference.

    They may decode it up to three times, normalize it before or after each time, and remove the prefix at which the
    app is mounted.
    """
    found = fresh = {reference}
    for _ in range(MAX_DECODINGS):
        fresh = {decoded for text in fresh for decoded in decodings(text)}
        found = found | fresh
    found = found | {unicodedata.normalize("NFKC", text) for text in found}
    if root_path:
        found = found | {text[len(root_path) :] for text in found if is_below(text, root_path)}
    return found


def decodings(text: str) -> set[str]:
    normal = unicodedata.normalize("NFKC", text)
    once = {unquote(text, errors="surrogateescape"), unquote(normal, errors="surrogateescape")}
    if any(0xDC80 <= ord(char) <= 0xDCFF for char in text):
        return once
    return once | {unquote_to_bytes(text).decode("latin-1")}


def is_below(text: str, root_path: str) -> bool:
    """Whether a server that ignores case would remove the prefix."""
    return text.lower().startswith(root_path) and text[len(root_path) :][:1] in ("", "/", "?", "#")
