"""The origin of the emulator, and whether a request comes from a page of that origin."""

from starlette.requests import Request

__all__ = ["is_same_origin", "own_origin"]


def own_origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers['host']}"


def is_same_origin(request: Request) -> bool:
    """Whether no other site's page has sent this; a program that is no browser says nothing, and passes."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    return request.headers.get("origin", own_origin(request)) == own_origin(request) and site == "same-origin"
