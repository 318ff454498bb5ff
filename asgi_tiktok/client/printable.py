"""TikTok's words, made fit for an error and for a line in the log."""

import re

MAX_LENGTH = 200  # characters
# Codes, tokens, states and verifiers are long and contain digits. No word in TikTok's descriptions does.
SECRET = re.compile(r"(?=[^ ]*[0-9])[^ ]{20,}")


def printable(text: str) -> str:
    """Return the printable ASCII characters of the text, at most 200, so that it fits into a log line."""
    return only_printable(text)[:MAX_LENGTH]


def printable_description(text: str) -> str:
    """Return the same without anything that could be a secret, because TikTok may repeat what it was sent."""
    # Shortened afterwards, because a short part of a secret would not be recognized.
    return SECRET.sub("[hidden]", only_printable(text))[:MAX_LENGTH]


def only_printable(text: str) -> str:
    """Return the printable ASCII characters among the first 400, which are enough for two secrets."""
    return "".join(char for char in text[: 2 * MAX_LENGTH] if " " <= char <= "~")
