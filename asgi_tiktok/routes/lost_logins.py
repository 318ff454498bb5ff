"""Why a login is lost: the reason for which a callback belongs to no login that this browser holds."""

from starlette.requests import Request

from asgi_tiktok.client.callback import Callback
from asgi_tiktok.clock import is_recent
from asgi_tiktok.errors import AccessDenied, Cause, InvalidCallback, LoginError, LoginLost
from asgi_tiktok.http.site import Site
from asgi_tiktok.routes.pending import LIFETIME, PendingLogins
from asgi_tiktok.routes.state_parameter import LoginStart, hash_address, hash_browser


def never_begun(site: Site) -> LoginLost:
    return LoginLost(
        Cause.NEVER_BEGUN,
        "No login with this state began here.",
        hint=f"Start it at {site.origin}{site.login}. If it did begin there, set the same secret_key and client_key "
        "on all workers and servers.",
    )


def expired() -> LoginLost:
    return LoginLost(Cause.EXPIRED, "The login is older than ten minutes.")


def already_used() -> LoginLost:
    return LoginLost(Cause.ALREADY_USED, "The login was completed before.")


def key_gone() -> LoginLost:
    return LoginLost(
        Cause.KEY_GONE,
        "The login began under a key that has been removed, or its cookie was changed.",
        hint="Keep the old secret_key for ten minutes: TikTok(secret_key=[new, old]).",
    )


def other_address(site: Site) -> LoginLost:
    return LoginLost(
        Cause.OTHER_ADDRESS,
        "The login began at another address than the one to which TikTok returned, so it has no cookie here.",
        hint=f"Open the app at {site.origin} to sign in there, because TikTok returns to the host of redirect_uri.",
    )


def without_state(callback: Callback) -> LoginError:
    """The error for a callback that names no login. Anyone can make one, so it contains nothing of the query."""
    if isinstance(callback.error, AccessDenied):
        return AccessDenied("The user cancelled a login at TikTok, which did not return its state.")
    if callback.error is not None:
        return InvalidCallback(f"TikTok's error {callback.error.code} has no state.", hint=callback.error.hint)
    return InvalidCallback("The callback has no state.")


def with_unreadable_cookie(request: Request, start: LoginStart | None, site: Site) -> LoginLost:
    """The reason why no key opens the cookie that this browser has for a login."""
    return other_address(site) if start is not None and began_elsewhere(request, start) else key_gone()


def without_cookie(request: Request, start: LoginStart, site: Site, pending: PendingLogins) -> LoginLost:
    """The reason why this browser has no cookie for a login that did begin here."""
    if not is_recent(start.began_at, LIFETIME):
        return expired()
    if began_elsewhere(request, start):
        return other_address(site)
    if start.browser != hash_browser(request.headers):
        return LoginLost(
            Cause.OTHER_BROWSER,
            "The login began in another browser.",
            hint="Complete a login in the browser in which it began. TikTok's app may open another one.",
        )
    if pending.is_full(request.headers):
        return LoginLost(Cause.TOO_MANY, "Too many logins were open at once, and the oldest made room.")
    return LoginLost(
        Cause.NO_COOKIE,
        "The browser did not send the cookie of this login.",
        hint="Allow cookies in the browser, and let the proxy pass on the Set-Cookie of the login route.",
    )


def began_elsewhere(request: Request, start: LoginStart) -> bool:
    return start.address != hash_address(request.scope.get("scheme", "http"), request.headers)
