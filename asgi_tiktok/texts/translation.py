"""The texts in the language of a visitor."""

import logging
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import cast

from starlette.datastructures import Headers

from asgi_tiktok.texts.en import TEXTS
from asgi_tiktok.texts.locales import direction_of, preferred_locales, with_parents

logger = logging.getLogger("asgi_tiktok")

Messages = Mapping[str, Mapping[str, str]] | Callable[[str, str], str | None]
OwnTexts = Callable[[str, str], str | None]

DEFAULT = "en"
SHIPPED = ("ar", "de", "es", "ja", "pt")


class Texts:
    """The texts of one TikTok app in all languages."""

    def __init__(self, own: OwnTexts | None) -> None:
        self.own = own

    def for_visitor(self, headers: Headers, code: str) -> "Translation":
        """Return the texts in the visitor's preferred language among those that have `code`, otherwise English."""
        accept_language = ",".join(headers.getlist("accept-language"))
        return Translation(self.own, preferred_locales(accept_language), code)


class Translation:
    """The texts for one visitor: those of the site, of the package, and for missing codes those in English."""

    def __init__(self, own: OwnTexts | None, preferred: Iterable[str], code: str) -> None:
        self.own = own
        self.locale = next((locale for locale in preferred if self.find(code, locale)), DEFAULT)

    @property
    def direction(self) -> str:
        return direction_of(self.locale)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a response in this language."""
        return {"Content-Language": self.locale, "Vary": "Accept-Language"}

    def __getitem__(self, code: str) -> str:
        found = (self.find(code, locale) for locale in (*with_parents(self.locale), DEFAULT))
        return next(filter(None, found))

    def find(self, code: str, locale: str) -> str | None:
        return self.find_own(code, locale) or shipped(locale).get(code)

    def find_own(self, code: str, locale: str) -> str | None:
        """Return the text of the site. One that fails is logged, and the rest of the page does without its texts."""
        if self.own is None:
            return None
        try:
            text: object = self.own(code, locale)
        except Exception:
            logger.exception("messages failed for %r in %r, so the visitor gets the built-in texts", code, locale)
            self.own = None
            return None
        if text is None or isinstance(text, str):
            return text
        logger.error("messages returned %s for %r in %r, not a string", type(text).__name__, code, locale)
        self.own = None
        return None


def shipped(locale: str) -> Mapping[str, str]:
    """The texts that the package has in this language."""
    if locale == DEFAULT:
        return TEXTS
    if locale not in SHIPPED:
        return {}
    # Imported when the first visitor wants it.
    return cast("Mapping[str, str]", import_module(f"asgi_tiktok.texts.{locale}").TEXTS)
