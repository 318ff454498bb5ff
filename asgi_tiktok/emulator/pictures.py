"""Pictures drawn on the spot, sent as images that any page may show and that run nothing."""

from starlette.responses import Response

HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


def picture(svg: str) -> Response:
    return Response(svg, media_type="image/svg+xml", headers=HEADERS)
