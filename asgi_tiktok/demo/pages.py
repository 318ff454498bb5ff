"""Render the HTML of the demo, with security headers."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from asgi_tiktok.demo.highlight import highlight
from asgi_tiktok.routes.button import tiktok_button
from asgi_tiktok.session import tiktok_session

TEMPLATES = Path(__file__).parent / "templates"
MEANINGS = {
    "user.info.basic": "Display name and picture",
    "user.info.profile": "Username, bio, links and verification",
    "user.info.stats": "Followers, following, likes and videos",
    "video.list": "The list of public videos",
}


class Pages:
    """Renders the templates. Pictures may come only from the emulator."""

    def __init__(self, emulator_url: str) -> None:
        self.emulator_url = emulator_url
        style = (TEMPLATES / "demo.css").read_text("utf-8")
        script = (TEMPLATES / "demo.js").read_text("utf-8")
        self.headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'self' '{source_of(style)}'; script-src '{source_of(script)}'; "
                f"img-src {emulator_url} data:; "
                "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }
        self.environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters.update(
            compact=compact, highlight=highlight, picture=self.picture, meaning=MEANINGS.__getitem__
        )
        self.environment.globals["tiktok_button"] = tiktok_button
        self.environment.globals["style"] = Markup(style)  # noqa: S704 -- a file of this package
        self.environment.globals["script"] = Markup(script)  # noqa: S704 -- a file of this package

    def render(self, template: str, request: Request, *, status_code: int = 200, **context: Any) -> HTMLResponse:
        session = tiktok_session(request)
        html = self.environment.get_template(template).render(
            request=request, tiktok=session, user=session.user, path=request.url.path, **context
        )
        return HTMLResponse(html, status_code=status_code, headers=self.headers)

    def picture(self, avatar_url: str | None) -> str | None:
        """Return the picture's address at the running emulator, whose port may have changed since the sign-in."""
        if avatar_url is None:
            return None
        parts = urlsplit(avatar_url)
        return f"{self.emulator_url}{parts.path}?{parts.query}"


def source_of(text: str) -> str:
    """Return the CSP source of an inline style sheet or script."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}"


def compact(count: int) -> str:
    """Return the count as TikTok's pages write it: 18432 is 18.4K."""
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if count >= size:
            return f"{count * 10 // size / 10:.1f}".removesuffix(".0") + unit
    return str(count)
