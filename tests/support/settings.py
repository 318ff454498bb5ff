"""Addresses, cookie names and request headers that the tests share."""

ORIGIN = "https://testserver"
LOGIN = "/auth/tiktok/login"
CALLBACK = "/auth/tiktok/callback"
LOGOUT = "/auth/tiktok/logout"
WEBHOOK = "/auth/tiktok/webhook"
REDIRECT_URI = ORIGIN + CALLBACK

SITES = [(ORIGIN, "/auth/tiktok"), ("http://localhost:8000", "/auth/tiktok"), (ORIGIN, "/tiktok")]
"""Origins and values of `TikTok(path=...)` that lead to different names of the session cookie."""

SESSION_COOKIE = "__Host-tiktok_session"
LOGIN_COOKIE = "__Host-tiktok_login."
"""The prefix of the names of all login cookies."""

SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
FROM_ORIGIN = {"origin": ORIGIN}
NAVIGATION = {"sec-fetch-mode": "navigate", "accept": "text/html"}
"""The headers of a page request."""

FETCH = {"sec-fetch-mode": "cors", "accept": "*/*"}
"""The headers of an API call by a script."""
