"""Locales: language tags like `de` and `pt-BR` (BCP 47), and those that a browser prefers."""

import re
from functools import lru_cache

MAX_HEADER = 500  # characters of Accept-Language; browsers send fewer than a hundred
MAX_RANGES = 10
MAX_REMEMBERED = 200  # headers; most visitors send one of a few
RANGE = re.compile(
    r"([a-z]{1,8}(?:-[a-z0-9]{1,8}){0,3})(?:-[a-z0-9-]*)?"
    r"(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?",
    re.IGNORECASE,
)
RIGHT_TO_LEFT = {"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}


def preferred_locales(header: str) -> tuple[str, ...]:
    """Return the locales of an Accept-Language header, the preferred one first, each followed by its parents.

    This is the order of RFC 4647 §3.4, in which `*` has no meaning of its own. A part of the header that is
    malformed does not count, nor does one with the weight 0 (RFC 9110 §12.4.2).
    """
    return read_locales(header[:MAX_HEADER])


@lru_cache(MAX_REMEMBERED)
def read_locales(header: str) -> tuple[str, ...]:
    weights: dict[str, float] = {}
    for part in header.split(",")[:MAX_RANGES]:
        if found := RANGE.fullmatch(part.strip(" \t")):
            weights.setdefault(canonical(found[1]), float(found[2] or 1))
    ordered = sorted(weights, key=lambda locale: -weights[locale])
    wanted = [each for locale in ordered if weights[locale] for each in with_parents(locale)]
    return tuple(dict.fromkeys(locale for locale in wanted if weights.get(locale, 1)))


def with_parents(locale: str) -> list[str]:
    """Return `zh-Hant-TW`, `zh-Hant` and `zh` for the first of them."""
    found = [locale]
    while "-" in locale:
        locale = locale.rpartition("-")[0]
        # A single letter introduces the subtag that has just been removed.
        if locale[-2:-1] != "-":
            found.append(locale)
    return found


def canonical(tag: str) -> str:
    """Return the tag as it is usually written: `pt-BR`, `zh-Hant` (RFC 5646 §2.1.1)."""
    language, *subtags = tag.lower().split("-")
    cased = (each.upper() if len(each) == 2 else each.title() if len(each) == 4 else each for each in subtags)
    return "-".join((language, *cased))


def direction_of(locale: str) -> str:
    """Return the value of HTML's `dir`."""
    return "rtl" if locale.partition("-")[0] in RIGHT_TO_LEFT else "ltr"
