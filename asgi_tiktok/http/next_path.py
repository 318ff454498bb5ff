"""Where a person goes after a login or logout: only to a page of this very site."""

import unicodedata
from collections.abc import Collection
from urllib.parse import quote, unquote_to_bytes

LONGEST = 2048  # characters
MOST_DECODINGS = 4


def safe_next(value: str, *, reserved: Collection[str], mount: str = "") -> str | None:
    """The path reference to redirect to, percent-encoded, or None when it could lead elsewhere.

    Accepted is a path from the root of this origin, with query and fragment, that stays one however often
    a server, proxy or browser decodes or normalises it, and that is none of the `reserved` paths, which
    are lower-case and stand below `mount`.
    """
    if not value.startswith("/") or len(value) > LONGEST or not is_plain(value):
        return None
    path = value.split("?", 1)[0].split("#", 1)[0]
    readings = all_readings(path)
    if readings is None or not all(stays_here(reading) for reading in readings):
        return None
    for reading in readings:
        # Whatever its case, for whoever strips the mount may not mind.
        front, rest = reading[: len(mount)], reading[len(mount) :]
        below = rest if front.casefold() == mount.casefold() and rest[:1] in ("", "/") else reading
        if below and not stays_here(below):
            return None
        if {reading.casefold().rstrip("/"), below.casefold().rstrip("/")} & set(reserved):
            return None
    return quote(value, safe="/?#[]@!$&'()*+,;=:%-._~")


def is_plain(text: str) -> bool:
    """True without a backslash and without any white space, control or unassigned character."""
    return "\\" not in text and all(unicodedata.category(char)[0] not in "CZ" for char in text)


def stays_here(path: str) -> bool:
    return (
        path.startswith("/")
        and not path.startswith("//")
        and is_plain(path)
        and not any(segment in (".", "..") for segment in path.split("/"))
    )


def all_readings(path: str) -> set[str] | None:
    """All that decoding and normalising, in any order, would make of the path; None for a bottomless one."""
    readings = fresh = {path}
    for _ in range(MOST_DECODINGS + 1):
        try:
            decoded = {unquote_to_bytes(reading).decode("utf-8") for reading in fresh}
        except UnicodeDecodeError:
            return None
        # A fullwidth percent sign is none until somebody normalises it, and then it may be decoded again.
        fresh = {form for text in fresh | decoded for form in (text, unicodedata.normalize("NFKC", text))} - readings
        if not fresh:
            return readings
        readings = readings | fresh
    return None
