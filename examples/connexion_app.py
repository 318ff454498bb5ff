# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "connexion>=3", "uvicorn"]
# ///
"""Sign in with TikTok in Connexion, whose routes come from an OpenAPI document.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/connexion_app.py` and open http://localhost:8000.
"""

import os
from html import escape
from typing import Any

import uvicorn
from connexion import AsyncApp, request
from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from connexion.resolver import RelativeResolver

from asgi_tiktok import LoginRequired, TikTokAuthMiddleware, tiktok_button, tiktok_session

SPECIFICATION = {
    "openapi": "3.0.3",
    "info": {"title": "Sign-in", "version": "1"},
    "paths": {
        "/": {"get": {"operationId": "home", "responses": {"200": {"description": "A page"}}}},
        "/me": {"get": {"operationId": "me", "responses": {"200": {"description": "The signed-in user"}}}},
    },
}


async def home() -> ConnexionResponse:
    session = tiktok_session(request)
    if not session.user.is_authenticated:
        return ConnexionResponse(content_type="text/html", body=tiktok_button(request, next="/"))
    page = (
        f"<p>Hello {escape(session.user.display_name or 'you')}</p>"
        f'<form method="post" action="{escape(session.logout_url(next="/"))}"><button>Sign out</button></form>'
    )
    return ConnexionResponse(content_type="text/html", body=page)


async def me() -> dict[str, Any]:
    user = tiktok_session(request).require()
    return {"open_id": user.open_id, "name": user.display_name}


async def challenge(request: ConnexionRequest, error: LoginRequired) -> ConnexionResponse:
    """Turn the error of `require` into a response that the middleware replaces with the way to TikTok."""
    return ConnexionResponse(error.status_code, headers={"WWW-Authenticate": error.challenge})


connexion = AsyncApp(__name__)
connexion.add_api(SPECIFICATION, resolver=RelativeResolver(__name__))
connexion.add_error_handler(LoginRequired, challenge)
app = TikTokAuthMiddleware(connexion)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
