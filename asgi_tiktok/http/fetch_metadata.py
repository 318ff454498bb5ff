"""What a request's headers tell of how it was made (W3C: Fetch Metadata Request Headers)."""

from starlette.datastructures import Headers
from starlette.types import Scope


def is_navigation(headers: Headers) -> bool:
    """True when a browser is going to show the answer as a page."""
    mode = headers.get("sec-fetch-mode")
    return mode == "navigate" if mode else "text/html" in headers.get("accept", "")


def is_background(headers: Headers) -> bool:
    """True for `fetch()` and its like, whose redirects lead nowhere."""
    mode = headers.get("sec-fetch-mode")
    if mode:
        return mode != "navigate"
    accept = headers.get("accept", "*/*")
    return "text/html" not in accept and "*/*" not in accept


def is_prefetch(headers: Headers) -> bool:
    """True when nobody has clicked yet."""
    purpose = headers.get("sec-purpose", "") + headers.get("purpose", "") + headers.get("x-moz", "")
    return "prefetch" in purpose.lower()


def is_preflight(scope: Scope) -> bool:
    """True when a browser asks for leave to ask; it sends no cookies then (Fetch §3.3)."""
    headers = Headers(scope=scope)
    return scope.get("method") == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def is_own(headers: Headers) -> bool:
    """True unless a page of another origin made the request."""
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def wants_json(headers: Headers) -> bool:
    """True for a caller that reads data, not pages."""
    return is_background(headers) and not is_navigation(headers)


def is_same_origin(headers: Headers, origin: str) -> bool | None:
    """True when a page of `origin` made the request, False when another did, None when nobody says.

    `Sec-Fetch-Site` decides, because a script cannot write it; `none` is what a typed address has, and
    stands only beside a matching `Origin`. A page with `Referrer-Policy: no-referrer`, as ours are, sends
    `Origin: null` to its own site, which alone says nothing.
    """
    came_from = headers.getlist("origin")
    sites = headers.getlist("sec-fetch-site")
    if sites == ["same-origin"]:
        return came_from in ([], [origin], ["null"])
    if not sites and came_from in ([], ["null"]):
        return None
    return sites in ([], ["none"]) and came_from == [origin]
