"""Sessions of native apps: the session cookie or, in a request without one, a bearer token with the same value."""

from collections.abc import Iterable

from asgi_tiktok.accounts.session_cookies import SessionCookies, VerifiedCookie
from asgi_tiktok.http.bearer import read_bearer
from asgi_tiktok.http.cookies import Header


class CookiesOrBearers(SessionCookies):
    """Finds the session in `Authorization`, too.

    A request with a session cookie is a browser's, even if the cookie is not genuine: its bearer token is ignored, so
    that the rules for cookies always apply to it. A token that this app has not signed belongs to the app itself, and
    is ignored without a log line or a question to the store.
    """

    def is_bearer(self, headers: Iterable[Header]) -> bool:
        return self.find_bearer(headers) is not None

    def find_bearer(self, headers: Iterable[Header]) -> VerifiedCookie | None:
        # The condition must be that of `line`, under which session memory remembers the session.
        token = None if super().line(headers) else read_bearer(headers)
        return None if token is None else self.verify(token)

    def line(self, headers: Iterable[Header]) -> bytes:
        if self.find_bearer(headers) is None:
            return super().line(headers)
        return self.mark + self.name + b"=" + (read_bearer(headers) or b"")

    def find(self, headers: Iterable[Header]) -> VerifiedCookie | None:
        return super().find(headers) or self.find_bearer(headers)

    def find_all(self, headers: Iterable[Header]) -> list[VerifiedCookie]:
        bearer = self.find_bearer(headers)
        return super().find_all(headers) if bearer is None else [bearer]
