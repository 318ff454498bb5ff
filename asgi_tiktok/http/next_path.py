"""Addresses of this site that a request has a part in: the `next` of a login or sign-out, and the mount of a link.

The rule refuses what parsers read differently, not what people write. Some parsers drop spaces and invisible
characters, so a path may contain those that belong to writing only if it is safe without them too.
"""

import re
import unicodedata
from collections.abc import Collection
from urllib.parse import quote, unquote, unquote_to_bytes

MAX_LENGTH = 2048  # bytes
MAX_DECODINGS = 4
MAX_READINGS = 10  # an ordinary path has one or two
SAFE = "/:@!$&'()*+,;=-._~"  # the characters of a path that need no percent-encoding (RFC 3986 §3.3)
SPACES = " \xa0\u3000"
JOINERS = "\u200c\u200d\U000e0020-\U000e007f"  # in Persian, Sinhala and emoji, and the tags of flags
SPACE = re.compile(f"[{SPACES}]")
DROPPED = re.compile(f"[{SPACES}{JOINERS}]")
# Python calls the joiners not printable, and each emoji that is newer than its tables.
NOT_PRINTABLE_BUT_WRITTEN = re.compile(f"[{JOINERS}\U0001f300-\U0001faff]")
ENCODED = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")


def safe_next(value: str, *, reserved: Collection[str], mount: str = "", max_length: int = MAX_LENGTH) -> str | None:
    """Return the path to redirect to, percent-encoded, or None if it could lead to another site.

    Accepted is a path from the root of this origin, with query and fragment, that remains one however often a
    server, proxy or browser decodes or normalizes it, and that is not one of the `reserved` paths, which are
    lower-case and below `mount`. `max_length` is in bytes of UTF-8, not percent-encoded.
    """
    # The length comes first, because a visitor chooses it and everything else takes time for each character.
    if len(value) > 3 * max_length or not value.startswith("/") or not is_plain(value):
        return None
    encoded = quote(value, safe=f"{SAFE}?#[]%")
    if len(pack(encoded).encode()) > max_length:
        return None
    path = value.split("?", 1)[0].split("#", 1)[0]
    readings = readings_of(path)
    if readings is None or not all(is_local_path(reading) for reading in readings):
        return None
    for reading in readings:
        # Whatever its case, because a server that strips the mount may ignore it.
        front, rest = reading[: len(mount)], reading[len(mount) :]
        below = rest if front.casefold() == mount.casefold() and rest[:1] in ("", "/") else reading
        if below and not is_local_path(below):
            return None
        if reading.casefold().rstrip("/") in reserved or below.casefold().rstrip("/") in reserved:
            return None
    return encoded


def safe_link(mount: str, route: str) -> str | None:
    """Return the percent-encoded path of a route below the mount, or None if it could lead to another site.

    A request can choose a part of the mount: that of `Mount("/{tenant}")`, and on some servers the whole mount.
    """
    if not mount:
        return route
    if len(mount) > MAX_LENGTH or not is_plain(mount):
        return None
    return safe_next(quote(mount, safe=SAFE) + route, reserved=())


def pack(path: str) -> str:
    """Return the path with its spaces and most characters that are not ASCII not percent-encoded."""
    return ENCODED.sub(decode_if_plain, path).replace("%20", " ")


def unpack(packed: str) -> str:
    """Return the path in a form that safe_next accepts if it accepts the path itself, with the same result."""
    return packed.replace(" ", "%20")


def decode_if_plain(escapes: re.Match[str]) -> str:
    try:
        decoded = unquote(escapes[0], errors="strict")
    except UnicodeDecodeError:
        return escapes[0]
    return decoded if is_plain(decoded) else escapes[0]


def is_plain(value: str) -> bool:
    """True without a backslash and without any white space, control or unassigned character."""
    if "\\" in value or " " in value:
        return False
    return value.isprintable() or NOT_PRINTABLE_BUT_WRITTEN.sub("", value).isprintable()


def is_local_path(path: str) -> bool:
    """True if the path, with or without its spaces, is one from the root of this origin."""
    return (
        path.startswith("/")
        and not path.startswith("//")
        and is_plain(SPACE.sub("", path))
        and not any(segment in (".", "..") for segment in path.split("/"))
    )


def readings_of(path: str) -> set[str] | None:
    """All results of decoding, normalizing and dropping characters, in any order; None if there are too many."""
    readings = fresh = {path}
    for _ in range(MAX_DECODINGS + 1):
        try:
            decoded = {unquote_to_bytes(reading).decode("utf-8") for reading in fresh}
        except UnicodeDecodeError:
            return None
        # A fullwidth percent sign becomes one when it is normalized, and then it can be decoded again.
        forms = {form for text in fresh | decoded for form in (text, unicodedata.normalize("NFKC", text))}
        fresh = {form for text in forms for form in (text, DROPPED.sub("", text))} - readings
        if not fresh:
            return readings
        readings = readings | fresh
        if len(readings) > MAX_READINGS:
            return None
    return None
