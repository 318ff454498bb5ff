"""A plugin that installs the sign-in into a Litestar app, guards, and dependencies.

The guards and `current_user` also work in an app that is wrapped: `TikTokAuthMiddleware(app, tiktok)`.
"""

from asgi_tiktok.litestar.guards import CurrentUser, current_user, login_required, requires_scope
from asgi_tiktok.litestar.mounts import mount
from asgi_tiktok.litestar.plugin import TikTokPlugin

__all__ = ["CurrentUser", "TikTokPlugin", "current_user", "login_required", "mount", "requires_scope"]
