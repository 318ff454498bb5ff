"""Sites with a TikTok login: ours, others set up as their documentation shows, and one written by hand.

Each is adapted to TikTok's protocol as far as it allows. The adaptation costs almost nothing.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx2
import jwt
from authlib.integrations.starlette_client import OAuth
from fastapi import FastAPI
from fastapi import Request as FastAPIRequest
from fastapi_sso.sso.base import DiscoveryDocument, OpenID, SSOBase
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from asgi_tiktok.client.oauth_client import FORM_HEADERS, client_key_post
from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET
from asgi_tiktok.stores import open_store
from benchmarks.pages import keep_open, new_page, user_in_scope

SECRET_KEY = secrets.token_urlsafe(32)
LOGIN, CALLBACK = "/auth/tiktok/login", "/auth/tiktok/callback"
REDIRECT_URI = f"https://testserver{CALLBACK}"  # registered with the emulator, on the Web platform
FIELDS = "open_id,union_id,avatar_url,avatar_url_100,avatar_large_url,display_name"
AUTHLIB = "Authlib's Starlette integration"


@dataclass(frozen=True, slots=True)
class Site:
    """A site whose login starts at LOGIN and ends at CALLBACK."""

    name: str
    app: ASGIApp
    aclose: Callable[[], Awaitable[None]] = keep_open


def by_hand(base_url: str) -> Site:
    """Only the two requests to TikTok, over persistent connections. Every login needs them."""
    client = httpx2.AsyncClient(base_url=base_url, trust_env=False)
    app_keys = {"client_key": DEFAULT_CLIENT_KEY, "client_secret": DEFAULT_CLIENT_SECRET}
    asked = {"response_type": "code", "scope": "user.info.basic", "redirect_uri": REDIRECT_URI, "state": "s"}
    address = f"{base_url}/v2/auth/authorize/?{urlencode({'client_key': DEFAULT_CLIENT_KEY, **asked})}"

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        location = address
        if scope["path"] == CALLBACK:
            code = parse_qs(scope["query_string"].decode())["code"][0]
            form = {**app_keys, "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
            token = (await client.post("/v2/oauth/token/", data=form)).json()["access_token"]
            bearer = {"Authorization": f"Bearer {token}"}
            answer = await client.get("/v2/user/info/", params={"fields": FIELDS}, headers=bearer)
            location = f"/#{answer.json()['data']['user']['open_id']}"
        headers = [(b"location", location.encode())]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return Site("only the two calls", app, client.aclose)


def ours(store: str, url: str, base_url: str) -> Site:
    """A session on the server, and a stored token that will be refreshed."""
    tiktok = TikTok(
        DEFAULT_CLIENT_KEY,
        DEFAULT_CLIENT_SECRET,
        REDIRECT_URI,
        SECRET_KEY,
        store=open_store(url),
        base_url=base_url,
        default_next="/",
    )
    return Site(f"asgi-tiktok, {store}", TikTokAuthMiddleware(new_page(user_in_scope), tiktok), tiktok.aclose)


class LastingTransport(httpx2.AsyncHTTPTransport):
    """A transport that all of Authlib's clients share, although each client closes its transport."""

    async def aclose(self) -> None:
        """Do nothing, so that the connections stay open."""

    async def __aexit__(self, *_: object) -> None:
        """Do nothing, so that the connections stay open."""

    async def end(self) -> None:
        """Close the connections."""
        await super().aclose()


def authlib(base_url: str, name: str = AUTHLIB, **client_kwargs: Any) -> Site:
    """The user in Starlette's session cookie, and no stored token, as in Authlib's examples."""
    oauth = OAuth()
    oauth.register(
        "tiktok",
        client_id=DEFAULT_CLIENT_KEY,
        client_secret=Secret(DEFAULT_CLIENT_SECRET),  # as client_key_post expects it
        authorize_url=f"{base_url}/v2/auth/authorize/",
        authorize_params={"client_key": DEFAULT_CLIENT_KEY},
        access_token_url=f"{base_url}/v2/oauth/token/",
        client_kwargs={
            "token_endpoint_auth_method": client_key_post,
            "scope": "user.info.basic",
            **client_kwargs,
        },
    )

    async def login(request: Request) -> Response:
        response: Response = await oauth.tiktok.authorize_redirect(request, REDIRECT_URI)
        return response

    async def callback(request: Request) -> Response:
        token = await oauth.tiktok.authorize_access_token(request, headers=dict(FORM_HEADERS))
        answer = await oauth.tiktok.get(f"{base_url}/v2/user/info/?fields={FIELDS}", token=token)
        request.session["user"] = answer.json()["data"]["user"]
        return RedirectResponse("/", 303)

    app = Starlette(
        routes=[Route(LOGIN, login), Route(CALLBACK, callback)],
        middleware=[Middleware(SessionMiddleware, secret_key=SECRET_KEY, https_only=True)],
    )
    return Site(name, app)


class TikTokSSO(SSOBase):
    """A fastapi-sso provider for TikTok, because fastapi-sso has none."""

    provider = "tiktok"
    use_basic_auth = False
    base_url = ""

    async def get_discovery_document(self) -> DiscoveryDocument:
        return {
            "authorization_endpoint": f"{self.base_url}/v2/auth/authorize/",
            "token_endpoint": f"{self.base_url}/v2/oauth/token/",
            "userinfo_endpoint": f"{self.base_url}/v2/user/info/?fields={FIELDS}",
        }

    @property
    def _extra_query_params(self) -> dict[str, str]:
        return {"client_key": self.client_id, "client_secret": self.client_secret}

    async def openid_from_response(self, response: dict[str, Any], session: object = None) -> OpenID:
        user = response["data"]["user"]
        return OpenID(id=user["open_id"], display_name=user["display_name"], provider=self.provider)


def fastapi_sso(base_url: str) -> Site:
    """The user in a JWT cookie, and no stored token, as in fastapi-sso's documentation."""
    sso = TikTokSSO(
        DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, REDIRECT_URI, allow_insecure_http=True, scope=["user.info.basic"]
    )
    sso.base_url = base_url
    app = FastAPI()

    @app.get(LOGIN)
    async def login() -> Response:
        async with sso:
            return await sso.get_login_redirect(params={"client_key": DEFAULT_CLIENT_KEY})

    @app.get(CALLBACK)
    async def callback(request: FastAPIRequest) -> Response:
        async with sso:
            user = await sso.verify_and_process(request)
        assert user is not None
        token = jwt.encode({"pld": json.loads(user.model_dump_json()), "sub": user.id}, SECRET_KEY, algorithm="HS256")
        response = RedirectResponse("/", 303)
        response.set_cookie("token", token, httponly=True, secure=True)
        return response

    return Site("fastapi-sso", app)
