"""Rendering of HTML pages, and their security headers."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, PlainTextResponse

from asgi_tiktok.emulator.pages.avatars import avatar_path
from asgi_tiktok.emulator.world.scopes import describe_scope, is_toggleable

__all__ = ["HEADERS", "TEMPLATES", "plain_text", "render_page", "render_scripted_page"]

TEMPLATES = Path(__file__).parent / "templates"

HEADERS = {
    "Cache-Control": "no-store",
    # Browsers also apply form-action to the redirects after a form, and the app may be on any origin.
    # So only the scheme is restricted.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action http: https:; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
# The inspector runs one script, which polls the emulator. Its forms post only to the emulator. The other pages have
# no Cross-Origin-Opener-Policy, because an app may open them in a popup.
SCRIPTED_HEADERS = {
    **HEADERS,
    "Cross-Origin-Opener-Policy": "same-origin",
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
environment.globals.update(avatar_path=avatar_path, describe_scope=describe_scope, is_toggleable=is_toggleable)


def render_page(template: str, **context: Any) -> HTMLResponse:
    return HTMLResponse(environment.get_template(template).render(context), headers=HEADERS)


def render_scripted_page(template: str, status: int, **context: Any) -> HTMLResponse:
    return HTMLResponse(environment.get_template(template).render(context), status, headers=SCRIPTED_HEADERS)


def plain_text(text: str, status: int) -> PlainTextResponse:
    return PlainTextResponse(text, status, headers=HEADERS)
