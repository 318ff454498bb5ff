"""The form and the client authentication of the OAuth endpoints."""

import re
import secrets
from collections import Counter
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from asgi_tiktok.emulator.world.apps import App
from asgi_tiktok.emulator.world.errors import APIError
from asgi_tiktok.emulator.world.knobs import CharsetSuffix

__all__ = ["Form", "authenticate", "invalid_request", "malformed", "missing", "read_form", "require_client_key"]

FORM = "application/x-www-form-urlencoded"
Form = Mapping[str, str]


def invalid_request(description: str, fix: str) -> APIError:
    return APIError("invalid_request", description, fix)


def malformed(fix: str) -> APIError:
    return invalid_request("The request parameters are malformed.", fix)


def missing(name: str) -> APIError:
    return invalid_request("The request is missing a required parameter.", f"Send {name} in the form.")


async def read_form(request: Request, charset_suffix: CharsetSuffix) -> Form:
    """Return the form of a request with exactly the Content-Type that TikTok requires."""
    content_types = request.headers.getlist("content-type")
    if charset_suffix == "accept":
        content_types = [content_type.partition(";")[0].strip() for content_type in content_types]
    if len(content_types) == 1 and content_types[0].lower().startswith(f"{FORM};"):
        raise malformed(f"Send Content-Type: {FORM} without parameters, also without a charset.")
    if [content_type.lower() for content_type in content_types] != [FORM]:
        sent = ", ".join(content_types) or "none"
        raise invalid_request(
            f"Only `{FORM}` is accepted as Content-Type.",
            f"Send a form, with one Content-Type; it was {sent}.",
        )
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as exc:
        raise malformed("Encode the form as UTF-8.") from exc
    for name, number in Counter(name for name, _ in pairs).items():
        if number > 1:
            raise malformed(f"Send {name} once, not {number} times.")
    return dict(pairs)


def require_client_key(form: Form) -> None:
    """Raise APIError if the form has no client_key, which TikTok checks first."""
    if form.get("client_key"):
        return
    if "client_id" in form:
        raise malformed("Rename client_id to client_key.")
    raise malformed("Send client_key and client_secret in the form; TikTok ignores the Authorization header here.")


def authenticate(apps: Mapping[str, App], form: Form) -> App:
    """Return the app with this key and secret (RFC 6749 §2.3.1, with TikTok's parameter names)."""
    for name in ("client_key", "client_secret"):
        if re.search(r"\s", form[name]):
            raise malformed(f"{name} contains white space; copy it again from the portal.")
    app = apps.get(form["client_key"])
    if app is None or not secrets.compare_digest(app.client_secret.encode(), form["client_secret"].encode()):
        wrong = "client_key" if app is None else "client_secret"
        raise APIError(
            "invalid_client",
            "Client key or secret is incorrect.",
            f"The {wrong} is wrong. Take both from the same app, sandbox or production.",
        )
    return app
