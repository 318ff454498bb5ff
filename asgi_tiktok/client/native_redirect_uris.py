"""The redirect URIs of native apps (TikTok: Login Kit for iOS, Login Kit for Android)."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from asgi_tiktok.client.pkce import PKCE
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.validation import check_strings


def check_native_redirect_uris(uris: object, redirect_uris: Collection[str], pkce: PKCE) -> tuple[str, ...]:
    """Return the addresses if TikTok can have registered them for native apps, and for nothing else."""
    checked = check_strings("native_redirect_uris", uris, "https://app.example.com/tiktok")
    for uri in checked:
        parts = urlsplit(uri)
        fix = "Write the Universal Link or App Link that is registered in the portal under iOS or Android."
        if parts.scheme != "https" or not parts.hostname:
            rule = "must begin with https://, because TikTok accepts no other scheme for iOS and Android"
        elif not re.fullmatch(r"[!-~]{1,511}", uri):
            rule = "must be ASCII without white space, and shorter than 512 characters"
        elif "?" in uri or "#" in uri or "@" in parts.netloc:
            rule, fix = "must have no user name, no query and no fragment", "Remove them, also in the portal."
        elif uri in redirect_uris:
            rule = "is also redirect_uri, so a stolen code of a browser's login could be used here"
            fix = "Register an address of its own for the native app."
        else:
            continue
        raise ConfigurationError(f"native_redirect_uris contains {uri[:100]!r}, which {rule}.", hint=fix)
    if checked and pkce == "off":
        raise ConfigurationError(
            'pkce="off" sends no code_verifier, and native_redirect_uris needs it.', hint='Remove pkce="off".'
        )
    return checked
