"""The sign-in in the app's OpenAPI schema."""

from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Components, SecurityScheme

from asgi_tiktok.litestar.guards import Guard, current_user
from asgi_tiktok.litestar.layers import resolve
from asgi_tiktok.tiktok import TikTok

SCHEME = "TikTok"


def openapi_components(tiktok: TikTok) -> Components:
    scheme = SecurityScheme(
        type="apiKey",
        name=tiktok._cookies.session,
        security_scheme_in="cookie",
        description=(
            f"Open `{tiktok._site.login}` of this app in this browser and sign in with TikTok. The browser then "
            "sends the cookie with each request."
        ),
    )
    return Components(security_schemes={SCHEME: scheme})


def show_padlock(handler: HTTPRouteHandler) -> None:
    """Show in OpenAPI what our guards and `current_user` require."""
    guards = [guard for guard in resolve(handler, "guards") if isinstance(guard, Guard)]
    parameters = handler.parsed_fn_signature.parameters
    dependencies = resolve(handler, "dependencies").items()
    provided = [provide.dependency for name, provide in dependencies if name in parameters]
    if guards or current_user in provided:
        scopes = dict.fromkeys(scope for guard in guards for scope in guard.scopes)
        # Litestar sends a route again for each method that is added to it.
        others = [requirement for requirement in handler.security or () if SCHEME not in requirement]
        handler.security = [*others, {SCHEME: list(scopes)}]
