"""Continue with TikTok, for every ASGI app: sign-in, sessions and tokens."""

import sys

if sys.argv[:1] == ["-m"] and sys.orig_argv[-len(sys.argv)] == "asgi_tiktok":
    # `python -m asgi_tiktok` imports this package before its `__main__`, and Ctrl-C would print a traceback.
    from _asgi_tiktok_command import end_on_ctrl_c

    end_on_ctrl_c()

from asgi_tiktok.accounts.grant import Grant
from asgi_tiktok.accounts.scoped_users import ProfileStatsUser, ProfileUser, StatsUser
from asgi_tiktok.accounts.session_methods import SignedInBrowser
from asgi_tiktok.client.callback import Callback
from asgi_tiktok.client.client import TikTokClient
from asgi_tiktok.client.random_values import generate_code_verifier, generate_state
from asgi_tiktok.errors import (
    AccessDenied,
    AlreadyConnected,
    APIError,
    Cause,
    ConfigurationError,
    ConnectRefused,
    HookFailed,
    InvalidCallback,
    InvalidResponse,
    LoginDenied,
    LoginError,
    LoginLost,
    LoginRefused,
    LoginRequired,
    RateLimited,
    RequestRefused,
    ScopeRequired,
    StoreError,
    TikTokError,
    TokenError,
    Unavailable,
    UpstreamTimeout,
    WebhookRefused,
)
from asgi_tiktok.middleware import TikTokAuthMiddleware
from asgi_tiktok.models import AnonymousUser, ClientToken, ConnectedAccount, TikTokUser, Token, WebhookEvent
from asgi_tiktok.routes.button import tiktok_button
from asgi_tiktok.session import TikTokSession, tiktok_session
from asgi_tiktok.stores import MemoryStore, SQLiteStore, Store
from asgi_tiktok.tiktok import TikTok

__version__ = "0.1.0"

__all__ = [
    "APIError",
    "AccessDenied",
    "AlreadyConnected",
    "AnonymousUser",
    "Callback",
    "Cause",
    "ClientToken",
    "ConfigurationError",
    "ConnectRefused",
    "ConnectedAccount",
    "Grant",
    "HookFailed",
    "InvalidCallback",
    "InvalidResponse",
    "LoginDenied",
    "LoginError",
    "LoginLost",
    "LoginRefused",
    "LoginRequired",
    "MemoryStore",
    "ProfileStatsUser",
    "ProfileUser",
    "RateLimited",
    "RequestRefused",
    "SQLiteStore",
    "ScopeRequired",
    "SignedInBrowser",
    "StatsUser",
    "Store",
    "StoreError",
    "TikTok",
    "TikTokAuthMiddleware",
    "TikTokClient",
    "TikTokError",
    "TikTokSession",
    "TikTokUser",
    "Token",
    "TokenError",
    "Unavailable",
    "UpstreamTimeout",
    "WebhookEvent",
    "WebhookRefused",
    "__version__",
    "generate_code_verifier",
    "generate_state",
    "tiktok_button",
    "tiktok_session",
]
