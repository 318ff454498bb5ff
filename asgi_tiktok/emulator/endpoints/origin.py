"""The emulator's own origin, and the check that a request comes from its own pages."""

from starlette.requests import Request

__all__ = ["is_same_origin", "own_origin"]


def own_origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers['host']}"


def is_same_origin(request: Request) -> bool:
    """Return whether the request comes from a page of the emulator, or from a client that is not a browser."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    return request.headers.get("origin", own_origin(request)) == own_origin(request) and site == "same-origin"
