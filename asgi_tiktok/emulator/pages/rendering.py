"""The HTML the emulator shows, and the headers that keep it harmless."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, PlainTextResponse

__all__ = ["HEADERS", "TEMPLATES", "plain_text", "render_page", "render_scripted_page"]

TEMPLATES = Path(__file__).parent / "templates"

HEADERS = {
    "Cache-Control": "no-store",
    # A browser holds form-action against every redirect that follows, and the app may send the person on to
    # any origin; so only the scheme is held.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action http: https:; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
# The inspector's one script asks for news; its forms lead nowhere else.
SCRIPTED_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}

environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_page(template: str, **context: Any) -> HTMLResponse:
    return HTMLResponse(environment.get_template(template).render(context), headers=HEADERS)


def render_scripted_page(template: str, status: int, **context: Any) -> HTMLResponse:
    return HTMLResponse(environment.get_template(template).render(context), status, headers=SCRIPTED_HEADERS)


def plain_text(text: str, status: int) -> PlainTextResponse:
    return PlainTextResponse(text, status, headers=HEADERS)
