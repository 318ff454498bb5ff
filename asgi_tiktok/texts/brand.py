"""The site's name and logo on our pages: the check of `TikTok(site_name=..., logo_url=...)`."""

import re
from dataclasses import dataclass

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.validation import check_string, without_password

MAX_NAME = 60  # characters
NAME_FIX = "Write the name that visitors know, for example 'Reel Studio'."
LOGO_FIX = "Write a path of this site like '/static/logo.svg', or an https address."
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
PATH = re.compile(r"/(?!/)[!#-&(-;=?-\[\]-~]*")
HTTPS = re.compile(r"(https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?)/[!#-&(-;=?-\[\]-~]*")


@dataclass(frozen=True, slots=True)
class Brand:
    """The name and the logo, each of which may be empty. `image_source` is the CSP source of the logo."""

    name: str
    logo_url: str
    image_source: str


def check_brand(site_name: object, logo_url: object) -> Brand:
    """Return the brand. None is no name, or no logo."""
    name = "" if site_name is None else check_name(site_name)
    if logo_url is None:
        return Brand(name, "", "")
    url = check_string("logo_url", logo_url, LOGO_FIX)
    found = HTTPS.fullmatch(url)
    if not found and not PATH.fullmatch(url):
        raise ConfigurationError(
            f"logo_url={without_password(url)!r} is neither a path nor an https address.", hint=LOGO_FIX
        )
    return Brand(name, url, found[1] if found else "'self'")


def check_name(site_name: object) -> str:
    name = check_string("site_name", site_name, NAME_FIX)
    if CONTROL.search(name) or not name.strip() or len(name) > MAX_NAME:
        raise ConfigurationError(
            f"site_name={name!r} must be one line of at most {MAX_NAME} characters.", hint=NAME_FIX
        )
    return name
