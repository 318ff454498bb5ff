"""The domains and URL prefixes that an app has verified, from which TikTok may download media."""

import re
from urllib.parse import urlsplit

__all__ = ["check_url_property", "covers"]

DOMAIN = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*"
URL_PROPERTY = re.compile(rf"{DOMAIN}|https://{DOMAIN}/(?:[^\s?#]*/)?")


def check_url_property(value: str) -> None:
    """Raise ValueError unless `value` is a domain or a URL prefix."""
    if not URL_PROPERTY.fullmatch(value):
        raise ValueError(
            f"url_properties has {value!r}; write a domain, for example 'media.example.com', or a URL prefix "
            "that ends with a slash, for example 'https://example.com/videos/'."
        )


def covers(url_property: str, url: str) -> bool:
    """Return whether `url` begins with https:// and belongs to the property. A domain includes its subdomains."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme != "https" or "@" in parts.netloc or ".." in parts.path.split("/"):
        return False
    if url_property.startswith("https://"):
        return url.startswith(url_property)
    return host == url_property or host.endswith(f".{url_property}")
