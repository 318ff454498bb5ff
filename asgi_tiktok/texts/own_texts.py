"""The texts of the site: the check of `TikTok(messages=...)`."""

from collections.abc import Mapping
from difflib import get_close_matches
from inspect import iscoroutinefunction, signature
from typing import cast

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.texts.en import TEXTS
from asgi_tiktok.texts.known_locales import check_locale
from asgi_tiktok.texts.translation import Messages, OwnTexts

EXAMPLE = '{"en": {"continue_with_tiktok": "Sign in with TikTok"}}'


def check_messages(messages: Messages) -> OwnTexts:
    """Return the function that finds the texts, if these messages can work."""
    if not isinstance(messages, Mapping):
        return check_function(messages)
    texts: dict[str, dict[str, str]] = {}
    for tag, translation in messages.items():
        locale = check_locale(tag)
        if locale in texts:
            raise ConfigurationError(f"messages has the locale {locale!r} twice.", hint="Remove one.")
        texts[locale] = check_translation(locale, translation)

    def find(code: str, locale: str) -> str | None:
        return texts[locale].get(code) if locale in texts else None

    return find


def check_function(function: object) -> OwnTexts:
    """Return the function if it can be called with a code and a locale."""
    fix = "Write def messages(code, locale), which returns a string or None."
    if not callable(function):
        raise ConfigurationError(
            f"messages must be a dict or a function, not {type(function).__name__}.", hint=f"Write {EXAMPLE}."
        )
    if iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__):
        raise ConfigurationError("messages is an async function.", hint=fix)
    try:
        signature(function).bind("code", "locale")
    except (TypeError, ValueError):  # ValueError for a class like `dict`
        raise ConfigurationError(f"messages={function!r} does not take a code and a locale.", hint=fix) from None
    return cast(OwnTexts, function)


def check_translation(locale: str, translation: object) -> dict[str, str]:
    """Return the texts of one locale, of which any may be missing."""
    if not isinstance(translation, Mapping):
        raise ConfigurationError(
            f"messages[{locale!r}] must be a dict, not {type(translation).__name__}.", hint=f"Write {EXAMPLE}."
        )
    for code, text in translation.items():
        if code not in TEXTS:
            similar = get_close_matches(str(code), TEXTS, 1)
            fix = f"Write {similar[0]!r}." if similar else "Use a code that is in docs/languages.md."
            raise ConfigurationError(f"messages[{locale!r}] has the unknown code {code!r}.", hint=fix)
        if not isinstance(text, str) or not text.strip():
            raise ConfigurationError(
                f"messages[{locale!r}][{code!r}] must be a string that is not empty, not {text!r}.",
                hint="To keep the built-in one, remove the code.",
            )
    return dict(translation)
