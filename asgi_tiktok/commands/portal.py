"""What TikTok's developer portal wants to be told, word by word."""

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
# These belong to the app itself: nobody can be asked for them at a login.
FOR_APPS_ALONE = ("research.adlib.basic", "research.data.basic", "research.data.u18eu", "research.data.vra")


def platform_of(redirect_uri: str) -> str:
    """The tab of Login Kit under which the address is registered; it decides about PKCE."""
    return "Desktop" if urlsplit(redirect_uri).hostname in DESKTOP_HOSTS else "Web"


def how_to_register(redirect_uri: str, *, sandbox: bool) -> str:
    place = f"{PORTAL} > {'Sandbox > your sandbox > ' if sandbox else ''}{LOGIN_KIT} > {platform_of(redirect_uri)}"
    return f"{place} > Redirect URI: {redirect_uri}"
