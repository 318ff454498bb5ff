"""What a developer must enter in TikTok's developer portal."""

from urllib.parse import urlsplit

from asgi_tiktok.validation import DESKTOP_HOSTS

PORTAL = "developers.tiktok.com > Manage apps > your app"
PORTABILITY = [
    f"portability.{what}.{how}"
    for what in ("activity", "all", "directmessages", "postsandprofile")
    for how in ("ongoing", "single")
]
PRODUCTS = {
    "user.info.basic": "Login Kit",
    "user.info.profile": "Display API",
    "user.info.stats": "Display API",
    "video.list": "Display API",
    "video.upload": "Content Posting API",
    "video.publish": "Content Posting API",
    **dict.fromkeys(PORTABILITY, "Data Portability API"),
    **dict.fromkeys(("local.product.manage", "local.shop.manage", "local.voucher.manage"), "TikTok GO"),
}
# Scopes of the app itself, which no login can request.
APP_ONLY_SCOPES = ("research.adlib.basic", "research.data.basic", "research.data.u18eu", "research.data.vra")


def platform_of(redirect_uri: str) -> str:
    """Return the tab of Login Kit where the address is registered. The rules of PKCE depend on it."""
    return "Desktop" if urlsplit(redirect_uri).hostname in DESKTOP_HOSTS else "Web"


def registration_steps(redirect_uri: str, client_key: str) -> str:
    app = f"{PORTAL} > Sandbox > your sandbox" if client_key.startswith("sb") else PORTAL
    return f"{app} > Login Kit > {platform_of(redirect_uri)} > Redirect URI: {redirect_uri}"
