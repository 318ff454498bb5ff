"""The style sheet of the sign-in button, which works where a Content-Security-Policy forbids `style` attributes."""

from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.http.paths import RequestPath

# The colors of a dark page apply only if the page itself says that it is dark, with `color-scheme`.
STYLE = """\
a.tiktok-button { align-items: center; background: #000; border: 1px solid #4d4d4d; border-radius: 10px;
  box-sizing: border-box; color: #fff; display: inline-flex; font: 600 16px/1.25 system-ui, sans-serif; gap: 12px;
  justify-content: center; max-width: 100%; min-height: 46px; overflow-wrap: anywhere; padding: 10px 24px;
  text-align: center; text-decoration: none; white-space: normal }
a.tiktok-button:hover { background: #2b2b2b }
a.tiktok-button:focus-visible { box-shadow: 0 0 0 2px #fff; outline: 2px solid #000; outline-offset: 2px }
a.tiktok-button svg { flex: none }
@supports (color: light-dark(#000, #fff)) {
  a.tiktok-button { background: light-dark(#000, #fff); border-color: light-dark(#4d4d4d, #fff);
    color: light-dark(#fff, #000) }
  a.tiktok-button:hover { background: light-dark(#2b2b2b, #ddd) }
  a.tiktok-button:focus-visible { box-shadow: 0 0 0 2px light-dark(#fff, #000);
    outline-color: light-dark(#000, #fff) }
}
"""
VERSION = sha256(STYLE.encode()).hexdigest()[:8]
HEADERS = {"Cross-Origin-Resource-Policy": "same-site", "X-Content-Type-Options": "nosniff"}


async def button_style(request: Request, path: RequestPath) -> Response:
    """Return the style sheet. During an update, a link may come from a worker that has another version of it."""
    seconds, more = (31536000, ", immutable") if request.query_params.get("v") == VERSION else (300, "")
    headers = {**HEADERS, "Cache-Control": f"public, max-age={seconds}{more}"}
    return Response(STYLE, media_type="text/css", headers=headers)
