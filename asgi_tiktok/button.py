"""The button, for templates."""

from collections.abc import Iterable
from html import escape

from asgi_tiktok.session import Connection, tiktok_session

GLYPH = (
    '<svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">'
    '<circle cx="16" cy="16" r="13" fill="none" stroke="currentColor" stroke-width="3"/>'
    '<path d="M13 10.2v11.6l9.4-5.8z" fill="currentColor"/></svg>'
)
LOOKS = (
    "display:inline-flex;align-items:center;gap:12px;padding:13px 24px;border-radius:10px;background:#000;color:#fff;"
    "font:600 16px/1.25 system-ui,sans-serif;text-decoration:none"
)


class HTML(str):
    """A text that templates put in as it is: Jinja and Django ask for `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def tiktok_button(
    connection: Connection,
    *,
    next: str | None = None,
    scopes: Iterable[str] = (),
    label: str = "Continue with TikTok",
) -> HTML:
    """A link that looks like a button and signs in: `{{ tiktok_button(request, next="/studio") }}`.

    `next` and `scopes` are those of TikTokSession.login_url. A page whose Content-Security-Policy forbids
    `style` attributes styles the class `tiktok-button` itself. Raises ConfigurationError as tiktok_session.
    """
    href = tiktok_session(connection).login_url(next=next, scopes=scopes)
    return HTML(f'<a class="tiktok-button" style="{LOOKS}" href="{escape(href)}">{GLYPH}{escape(label)}</a>')
