"""What some settings turn on. The module of a feature is imported only if its setting is used."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from asgi_tiktok.client.pkce import PKCE
from asgi_tiktok.texts.translation import Messages, Texts
from asgi_tiktok.validation import check_flag, check_package

if TYPE_CHECKING:
    from asgi_tiktok.client.qr_polls import Polls
    from asgi_tiktok.texts.brand import Brand


def redirect_uris_of(redirect_uri: str | Sequence[str]) -> tuple[str, ...]:
    """Return the registered addresses of the app, at least one."""
    if isinstance(redirect_uri, str):
        return (redirect_uri,)
    from asgi_tiktok.http.addresses import check_addresses

    return check_addresses(redirect_uri)


def native_redirect_uris_of(
    native_redirect_uris: Iterable[str], redirect_uris: tuple[str, ...], pkce: PKCE
) -> tuple[str, ...]:
    """Return the redirect URIs of the native apps, or none."""
    if native_redirect_uris == ():
        return ()
    from asgi_tiktok.client.native_redirect_uris import check_native_redirect_uris

    return check_native_redirect_uris(native_redirect_uris, redirect_uris, pkce)


def qr_polls_of(qr: bool) -> "Polls | None":
    """Return what limits the polls of QR logins, or None without QR logins."""
    if not check_flag("qr", qr):
        return None
    check_package("segno", "QR login", extra="qr")
    from asgi_tiktok.client.qr_polls import Polls

    return Polls()


def texts_of(messages: Messages | None) -> Texts:
    """Return the texts for visitors: those of the app first, then those of the package."""
    if messages is None:
        return Texts(None)
    from asgi_tiktok.texts.own_texts import check_messages

    return Texts(check_messages(messages))


def brand_of(site_name: str | None, logo_url: str | None) -> "Brand | None":
    """Return the name and the logo of the site, or None without both."""
    if site_name is None and logo_url is None:
        return None
    from asgi_tiktok.texts.brand import check_brand

    return check_brand(site_name, logo_url)
