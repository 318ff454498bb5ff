"""The emulator's own origin, and the check that a request comes from its own pages."""

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from asgi_tiktok.emulator.pages.rendering import HEADERS

__all__ = ["is_same_origin", "own_origin", "read_own_form"]


def own_origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers['host']}"


def is_same_origin(request: Request) -> bool:
    """Return whether the request comes from a page of the emulator, or from a client that is not a browser."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    return request.headers.get("origin", own_origin(request)) == own_origin(request) and site == "same-origin"


async def read_own_form(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a form on the emulator's own page. Refuses forms of other origins with status 403."""
    if not is_same_origin(request):
        raise HTTPException(403, "This form was not submitted from the emulator's own page.", headers=HEADERS)
    return parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
