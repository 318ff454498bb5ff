"""The sign-in link for templates."""

from collections.abc import Iterable, Mapping, MutableMapping
from html import escape
from typing import Any, cast

from starlette.datastructures import Headers

from asgi_tiktok.http.response import VARIES_BY_LANGUAGE
from asgi_tiktok.routes.button_style import VERSION
from asgi_tiktok.session import Connection, tiktok_session

ICON = (
    '<svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">'
    '<circle cx="16" cy="16" r="13" fill="none" stroke="currentColor" stroke-width="3"/>'
    '<path d="M13 10.2v11.6l9.4-5.8z" fill="currentColor"/></svg>'
)


class HTML(str):
    """A string that templates do not escape, because Jinja and Django call its `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def tiktok_button(
    connection: Connection,
    *,
    next: str | None = None,
    scopes: Iterable[str] = (),
    params: Mapping[str, Any] | None = None,
    switch_account: bool | None = None,
    label: str | None = None,
    nonce: str | None = None,
) -> HTML:
    """Return the HTML of a link that looks like a button and signs in, and of the link to its style sheet.

    In a template, write `{{ tiktok_button(request, next="/studio") }}`. If the page has a Content-Security-Policy,
    `style-src` must allow `'self'`, or the nonce that you pass.

    Args:
        connection (Connection): The request or WebSocket of any framework that exposes its ASGI scope.
        next (str | None): The path of this site, including the prefix of a mount, to which the login leads.
            Default: `TikTok(default_next=...)`.
        scopes (Iterable[str]): Scopes to request in addition to `TikTok(scopes=...)`. Each must be in
            `TikTok(optional_scopes=...)`. Default: none.
        params (Mapping[str, Any] | None): Values of the app, like those of `TikTokSession.login_url`. Default: none.
        switch_account (bool | None): Like that of `TikTokSession.login_url`. Default: not sent to TikTok.
        label (str | None): The text of the button, which is escaped. Default: "Continue with TikTok" in the
            visitor's language.
        nonce (str | None): The nonce in `style-src` of the page's Content-Security-Policy. Default: none.

    Raises:
        ConfigurationError: The connection did not pass TikTokAuthMiddleware, or a scope is not declared, or `params`
            are too large or not JSON-serializable.
    """
    session = tiktok_session(connection)
    href = session.login_url(next=next, scopes=scopes, params=params, switch_account=switch_account)
    language = ""
    if label is None:
        scope = cast("MutableMapping[str, Any]", connection.scope)
        scope[VARIES_BY_LANGUAGE] = True
        texts = session._tiktok._texts.for_visitor(Headers(scope=scope), "continue_with_tiktok")
        label = texts["continue_with_tiktok"]
        language = f' lang="{texts.locale}" dir="{texts.direction}"'
    site = session._tiktok._site
    style = escape(site.url(site.button, session._mount, v=VERSION))
    # Not `if nonce`, because that of Django is false until it has been read.
    allowed = "" if nonce is None else f' nonce="{escape(nonce)}"'
    return HTML(
        f'<link rel="stylesheet" href="{style}"{allowed}>'
        f'<a class="tiktok-button"{language} href="{escape(href)}">{ICON}{escape(label)}</a>'
    )
