"""Hypothesis strategies: hostile and ordinary values for `next`."""

import os
from urllib.parse import quote

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.support.next_paths import CASES

SOAK = int(os.environ.get("ASGI_TIKTOK_SOAK", "1"))
"""The factor by which the number of examples is multiplied."""

PARTS = (
    *("/", "//", "\\", "/\\", "%", "?", "#", "@", ":", ";", "&", "=", ".", "..", "...", "%2f", "%5C", "%u002f"),
    *("\t", "\n", "\r", "\0", "\x0b", "\x1c", " ", "\x7f", "\x85", "\xa0", "\xad", "\u2028", "\u3000"),
    *("\u200b", "\u200d", "\u202e", "\u2060", "\ufeff", "\ud800", "\udc80", "\U000e0001", "\ue000", "\u0338"),
    *("\u2044", "\u2215", "\u29f8", "\uff0f", "\uff3c", "\ufe68", "\uff05", "\ufe6a", "\uff0e", "\u2024", "\u2025"),
    *("\u2100", "\u2026", "\u3002", "\uff20", "\uff1a", "\uff1f", "\uff03", "\u24d4", "\uff12", "\ufdfa"),
    *("https:", "http://", "javascript:", "data:,", "evil.example", "evil.example:80", "user:pw@evil.example"),
    *("[::1]", "2130706433", "0x7f.1", "app.example", "/app", "/app/", "/%61pp", "/auth/tiktok/login"),
    *("x", "caf\xe9", "日本語"),
)
WORDS = (
    *("x", "dashboard", "@ada.sol", "caf\xe9", "日本語", "Ж", "مرحبا", "🎵"),
    *("a;v=1", "a,b", "(1)", "~", "...", "a..b", "100%", ":80"),
)
URLS = ("http://other.example/x", "//other.example", "/\\other.example", "a b", "line\nline", "https://x/?y=//z#w")


def examples(number: int) -> settings:
    """Return settings for this number of examples times `SOAK`.

    There is no deadline, because the machine may be busy. CI tries the same examples in every run.
    """
    return settings(
        max_examples=number * SOAK,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        derandomize="CI" in os.environ,
    )


def percent_encode(part: str, times: int) -> str:
    """Percent-encode every byte of the part, several times."""
    if times:
        part = "".join(f"%{byte:02x}" for byte in part.encode("utf-8", "replace"))
    return part.replace("%", "%" + "25" * (times - 1)) if times > 1 else part


def to_fullwidth(part: str) -> str:
    """Replace printable ASCII by the fullwidth characters that NFKC turns back into it."""
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in part)


parts = st.sampled_from(PARTS)
disguised = (
    parts
    | st.builds(percent_encode, parts, st.integers(1, 3))
    | st.builds(to_fullwidth, st.builds(percent_encode, parts, st.integers(0, 2)))
    | st.builds(percent_encode, st.characters(), st.integers(0, 1))
)
fronts = st.sampled_from(["/", "/", "/app/", "/%61Pp"])
assembled = st.builds(lambda front, found: front + "".join(found), fronts, st.lists(disguised, max_size=7))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A value of the table, of which one part is replaced, removed or encoded."""
    value: str = draw(st.sampled_from(CASES))["value"]
    start = draw(st.integers(0, len(value)))
    end = draw(st.integers(start, min(len(value), start + 4)))
    replacement = draw(
        disguised | st.just("") | st.builds(percent_encode, st.just(value[start:end]), st.integers(1, 3))
    )
    return value[:start] + replacement + value[end:]


hostile_next = assembled | mutated() | st.text(max_size=12).map("/".__add__)


@st.composite
def ordinary_next(draw: st.DrawFn) -> str:
    """A page that a site may have: readable or encoded segments, a query, a fragment."""
    words = st.sampled_from(WORDS) | st.text("abcxyz0189-_~!$'()*+", min_size=1, max_size=50)
    segments = draw(st.lists(words | words.map(quote), max_size=6))
    slash = draw(st.sampled_from(["", "/"])) if segments else ""
    values = st.sampled_from(URLS).map(lambda url: quote(url, safe=draw(st.sampled_from(["", ":/?"]))))
    query = draw(st.just("") | st.lists(values, max_size=3).map(lambda found: "?q=" + "&q=".join(found)))
    fragment = draw(st.just("") | words.map("#".__add__))
    return "/" + "/".join(segments) + slash + query + fragment
