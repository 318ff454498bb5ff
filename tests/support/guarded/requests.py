"""The requests of the guard matrix: spellings of a path, and the ways to deliver `root_path`."""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple
from urllib.parse import quote, unquote

from tests.support.guarded import GuardedApp
from tests.support.strategies import SOAK

METHODS = ("GET", "POST", "OPTIONS", "HEAD", "WEBSOCKET")
KINDS = ("GET", "OPTIONS", "WEBSOCKET")
PATHS = 30 * SOAK
"""How many paths are generated for each app, guard and delivery."""

SPELLINGS = (
    *(
        "{}",
        "{}/",
        "/{}",
        "{}/x",
        "{}x",
        "{}s/x",
        "{}.json",
        "{};v=1",
        "{}%20",
        "{}%00",
        "{}%0a",
        "{}?x",
        "{}#x",
        "{}\\x",
    ),
    *(
        "/.{}",
        "/./{}",
        "/..{}",
        "/../..{}",
        "/x/..{}",
        "/x/%2e%2e{}",
        "/x/..;{}",
        "/x\\..{}",
        "/x;y/..{}",
        "/x//..{}",
    ),
    *(
        "{}/../x",
        "{}/x/..",
        "{}/.",
        "{}/..",
        "/;{}",
        "/;x{}",
        "/x{}",
        "/health{}",
        "/health/..{}",
        "/open{}",
        "/\t{}",
    ),
    *("http://evil.test{}", "//evil.test{}", "@evil{}", "x:{}", "*", "", " {}", "/ {}", "\\{}", "/%5c{}", "/%2f{}"),
    *("/health", "/%68ealth", "/health/", "//health", "/HEALTH", "/health;x", "/health/../x", "/open", "/%6fpen"),
    *("/app{}", "/app/app{}", "/x/app{}", "/app/..{}", "/lit{}", "/app/lit{}", "/lit/app/lit{}", "/x/x{}"),
)
"""Formats of `scope["path"]`, percent-encoded where a request would be. The plain path is put in."""

PARTS = (
    *(
        "/",
        "/",
        "/",
        "//",
        "\\",
        "/./",
        "/../",
        "/..;/",
        ";",
        ";x",
        "studio",
        "studio",
        "STUDIO",
        "stu",
        "dio",
        "Studio",
    ),
    *(
        "%73tudio",
        "%2573tudio",
        "%252e",
        "%2f",
        "%2e%2e",
        "%5c",
        "app",
        "/app",
        "x",
        "/x",
        "health",
        "open",
        "/lit",
        "lit",
    ),
    *(
        " ",
        "%09",
        "%0a",
        "%00",
        "%C2%AD",
        "%C5%BFtudio",
        "stud%C4%B1o",
        "st%C3%BAdio",
        "%EF%BC%8F",
        ".",
        "..",
        "?",
        "#",
        "*",
    ),
)
ROOTS = (
    *(
        "/studio",
        "/x",
        "/x/",
        "/app",
        "/app/",
        "/a;b",
        "/a\\b",
        "/.",
        "/..",
        "/ ",
        "/st",
        "/stu",
        "/health",
        "/open",
        "/",
    ),
    *(
        "studio",
        "x",
        "//",
        "//evil.test",
        "/lit",
        "/app/lit",
        "/%73tudio",
        "/x?",
        "/\u017ftudio",
        "/x/../studio",
        "/STUDIO",
    ),
)
"""Values of `root_path` that a client of Daphne can send."""


class Target(NamedTuple):
    """The part of a scope that a router reads."""

    path: str
    root_path: str
    raw_path: bytes


Delivery = Callable[[str, Random], Iterator[tuple[str, str]]]


def chosen(path: str, random: Random) -> Iterator[tuple[str, str]]:
    root = random.choice(ROOTS)
    below = path.lstrip("/")
    form = random.choice(
        ("{path}", "{root}{path}", "{root}{below}", "/x{root}{below}", "/lit{root}/lit{below}", "{path}{root}")
    )
    yield form.format(path=path, root=root, below=below), root


DELIVERIES: dict[str, Delivery] = {
    "none": lambda path, random: iter([(path, "")]),
    "kept in the path": lambda path, random: iter([(f"/app{path}", "/app")]),
    "removed from the path": lambda path, random: iter([(path, "/app")]),
    "without a slash": lambda path, random: iter([(f"{random.choice(('', '/x'))}/app{path.lstrip('/')}", "/app")]),
    "chosen by the client": chosen,
}


def targets(app: GuardedApp, delivery: str, seed: str) -> Iterator[tuple[str, Target]]:
    """Yield each method and target. A path is tried with one method, and in a soak, a written path with several."""
    random = Random(seed)
    plain = dict.fromkeys((app.path, app.prefix))
    written = dict.fromkeys(spelling.replace("{}", path) for spelling in SPELLINGS for path in plain)
    generated = [generate(random).replace("studio", app.prefix.strip("/")) for _ in range(PATHS)]
    for number, path in enumerate([*written, *generated]):
        soaked = SOAK > 1 and path in written
        for sent, root in DELIVERIES[delivery](path, random):
            for method in KINDS if soaked else (METHODS[number % len(METHODS)],):
                yield method, target(sent, root)


def generate(random: Random) -> str:
    path = "".join(random.choices(PARTS, k=random.randint(1, 6)))
    return path if random.random() < 0.1 else f"/{path}"


def target(sent: str, root_path: str) -> Target:
    """The target that a server makes of a request's path."""
    return Target(unquote(sent), root_path, quote(sent, safe="/%:@!$&'()*+,;=-._~?#\\ ").encode())
