"""What a developer must enter in TikTok's developer portal."""

from urllib.parse import urlsplit

from asgi_tiktok.validation import DESKTOP_HOSTS

PORTAL = "developers.tiktok.com > Manage apps > your app"
LOGIN_KIT = "Login Kit"
DISPLAY_API = "Display API"
POSTING_API = "Content Posting API"
PORTABILITY = [
    f"portability.{what}.{how}"
    for what in ("activity", "all", "directmessages", "postsandprofile")
    for how in ("ongoing", "single")
]
PRODUCTS = {
    "user.info.basic": LOGIN_KIT,
    "user.info.profile": DISPLAY_API,
    "user.info.stats": DISPLAY_API,
    "video.list": DISPLAY_API,
    "video.upload": POSTING_API,
    "video.publish": POSTING_API,
    **dict.fromkeys(PORTABILITY, "Data Portability API"),
    **dict.fromkeys(("local.product.manage", "local.shop.manage", "local.voucher.manage"), "TikTok GO"),
}
# Scopes of the app itself, which no login can request.
APP_ONLY_SCOPES = ("research.adlib.basic", "research.data.basic", "research.data.u18eu", "research.data.vra")


def platform_of(redirect_uri: str) -> str:
    """Return the tab of Login Kit where the address is registered. The rules of PKCE depend on it."""
    return "Desktop" if urlsplit(redirect_uri).hostname in DESKTOP_HOSTS else "Web"


def registration_steps(redirect_uri: str, *, sandbox: bool) -> str:
    app = f"{PORTAL} > Sandbox > your sandbox" if sandbox else PORTAL
    return f"{app} > {LOGIN_KIT} > {platform_of(redirect_uri)} > Redirect URI: {redirect_uri}"
