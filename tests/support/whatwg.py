"""Where a browser goes, as Node's own WHATWG `URL` says (https://url.spec.whatwg.org)."""

import atexit
import json
import os
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

import pytest

PROGRAM = Path(__file__).with_suffix(".mjs")
MOST_DECODINGS = 3
BASES = (
    "https://app.example/",
    "https://app.example/auth/tiktok/callback?code=a&state=b",
    "https://app.example:8443/app/deep/er/page#part",
    "http://localhost:8000/auth/tiktok/callback",
)


class Place(NamedTuple):
    """Where a reference leads; `beyond` is the origin to which its path alone leads on."""

    origin: str
    path: str
    rest: str
    beyond: str | None


class WHATWG:
    """One Node process that answers for as long as this one lives."""

    def __init__(self, node: str) -> None:
        self.process = subprocess.Popen([node, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def join(self, pairs: Iterable[tuple[str, str]]) -> list[Place | None]:
        """Where each reference leads from its base; None where a browser would not go at all."""
        assert self.process.stdin
        assert self.process.stdout
        assert self.process.poll() is None, "Node has ended by itself"
        print(json.dumps(list(pairs)), file=self.process.stdin, flush=True)
        return [None if place is None else Place(*place) for place in json.loads(self.process.stdout.readline())]

    def strays(self, *references: str, root_path: str = "") -> list[str]:
        """Those readings of the references that leave the origin, at once or when a server leads on to their path."""
        found = sorted({reading for reference in references for reading in readings(reference, root_path)})
        pairs = [(reading, base) for base in BASES for reading in found]
        return [
            reading
            for (reading, base), place in zip(pairs, self.join(pairs), strict=True)
            if place is None or not base.startswith(place.origin + "/") or place.beyond != place.origin
        ]

    def close(self) -> None:
        self.process.communicate()


@cache
def whatwg() -> WHATWG:
    """Node's parser; where Node is missing, the test is skipped, and in CI it fails."""
    node = shutil.which("node")
    if node is None:
        give_up = pytest.fail if "CI" in os.environ else pytest.skip
        give_up("Node is missing, whose URL is the judge: apt-get install nodejs")
    parser = WHATWG(node)
    atexit.register(parser.close)
    return parser


def readings(reference: str, root_path: str = "") -> set[str]:
    """What servers and proxies make of it: decoded up to three times, normalised before, after or between, and
    with the prefix taken away that the app is mounted at."""
    found = fresh = {reference}
    for _ in range(MOST_DECODINGS):
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
    """Whether somebody who does not mind its case would strip the prefix."""
    return text.lower().startswith(root_path) and text[len(root_path) :][:1] in ("", "/", "?", "#")
