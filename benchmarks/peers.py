"""The contenders: other libraries, set up as their documentation shows, and our middleware."""

import hmac
import json
import secrets
from base64 import b64encode
from contextlib import suppress
from hashlib import sha256
from typing import Annotated

import itsdangerous
import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import PlainTextResponse
from fastapi.security import APIKeyCookie
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser, requires
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import request_response
from starlette.types import ASGIApp, Receive, Scope, Send
from starsessions import InMemoryStore, SessionAutoloadMiddleware
from starsessions import SessionMiddleware as StoredSessionMiddleware

from asgi_tiktok import TikTok, TikTokAuthMiddleware, TikTokUser
from asgi_tiktok.accounts.session_memory import SESSION_MEMORY
from asgi_tiktok.stores import open_store
from benchmarks.pages import BARE, Contender, new_page, user_in_scope, user_in_session
from benchmarks.people import new_user, people

SECRET_KEY = secrets.token_urlsafe(32)
REDIRECT_URI = "https://app.example.com/auth/tiktok/callback"
STARLETTE = "Starlette Session + Authentication"
WITHOUT_MEMORY = ", session_memory=0"


class SessionUser(BaseUser):
    """The user in a Starlette session."""

    def __init__(self, open_id: str, display_name: str) -> None:
        self.open_id = open_id
        self.name = display_name

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def display_name(self) -> str:
        return self.name

    @property
    def identity(self) -> str:
        return self.open_id


class SessionBackend(AuthenticationBackend):
    """Read the user from the session. Starlette leaves this class to the app."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        user = conn.session.get("user")
        if user is None:
            return None
        return AuthCredentials(["authenticated", *user["scopes"]]), SessionUser(user["open_id"], user["display_name"])


def starlette() -> Contender:
    """SessionMiddleware and AuthenticationMiddleware. The session holds only three small values."""
    user = new_user()
    facts = {"open_id": user.open_id, "display_name": user.display_name, "scopes": ["user.info.basic"]}

    @requires("authenticated", status_code=401)
    async def studio(request: Request) -> Response:
        return PlainTextResponse(request.user.identity)

    page, guarded = new_page(user_in_scope), ExceptionMiddleware(request_response(studio))

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        await (guarded if scope["path"] == "/studio" else page)(scope, receive, send)

    app = SessionMiddleware(AuthenticationMiddleware(site, SessionBackend()), SECRET_KEY, https_only=True)
    return Contender(STARLETTE, app, BARE, session_cookie({"user": facts}), user.open_id)


def authlib() -> Contender:
    """TikTok's whole user in request.session["user"], as in Authlib's examples."""
    user = new_user()
    app = SessionMiddleware(new_page(user_in_session, guards=True), SECRET_KEY, https_only=True)
    cookie = session_cookie({"user": facts_of(user)})
    return Contender('Authlib: request.session["user"]', app, BARE, cookie, user.open_id)


def starsessions() -> Contender:
    """Sessions in a dict of this process, loaded on every request."""
    user, store, session_id = new_user(), InMemoryStore(), secrets.token_hex(16)
    store.data[session_id] = json.dumps({"user": facts_of(user)}).encode()
    page = new_page(user_in_session, guards=True)
    app = StoredSessionMiddleware(SessionAutoloadMiddleware(page), store=store, lifetime=14 * 24 * 60 * 60)
    return Contender("starsessions, memory", app, BARE, f"session={session_id}", user.open_id)


def fastapi_sso() -> Contender:
    """A JWT in a cookie, which a dependency reads, as in fastapi-sso's documentation."""
    user = new_user()
    cookie = APIKeyCookie(name="token", auto_error=False)

    def who(token: Annotated[str | None, Depends(cookie)]) -> str | None:
        if token:
            with suppress(jwt.PyJWTError):
                return str(jwt.decode(token, key=SECRET_KEY, algorithms=["HS256"])["pld"]["open_id"])
        return None

    def somebody(identity: Annotated[str | None, Depends(who)]) -> str:
        if identity is None:
            raise HTTPException(401, "Not authenticated")
        return identity

    app, bare = FastAPI(), FastAPI()

    @app.get("/")
    async def page(identity: Annotated[str | None, Depends(who)]) -> Response:
        return PlainTextResponse(identity or "nobody")

    @app.get("/studio")
    async def studio(identity: Annotated[str, Depends(somebody)]) -> Response:
        return PlainTextResponse(identity)

    @bare.get("/")
    @bare.get("/studio")
    async def plain() -> Response:
        return PlainTextResponse("nobody")

    token = jwt.encode({"pld": facts_of(user), "sub": user.open_id}, key=SECRET_KEY, algorithm="HS256")
    return Contender("fastapi-sso: JWT in a dependency", app, bare, f"token={token}", user.open_id, websockets=False)


def floor() -> Contender:
    """The minimum that any session needs: find the cookie, check one MAC, read one dict."""
    key, session_id, user = secrets.token_bytes(32), secrets.token_urlsafe(32).encode(), new_user()
    sessions = {session_id: user.open_id}
    page = new_page(lambda scope: scope["who"], guards=True)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["who"] = None
        for name, line in scope["headers"]:
            if name == b"cookie" and b"floor=" in line:
                value, _, mac = line.partition(b"floor=")[2].partition(b";")[0].partition(b".")
                if hmac.compare_digest(mac, hmac.digest(key, value, sha256).hex().encode()):
                    scope["who"] = sessions.get(value)
        await page(scope, receive, send)

    mac = hmac.digest(key, session_id, sha256).hex()
    return Contender("floor", app, BARE, f"floor={session_id.decode()}.{mac}", user.open_id)


async def ours(store: str, url: str, *, protect: tuple[str, ...] = (), memory: bool = True) -> Contender:
    """Our middleware, with sessions in this store, with or without session memory."""
    kept = SESSION_MEMORY if memory else 0
    tiktok = TikTok(
        *("benchmark-key", "benchmark-secret", REDIRECT_URI, SECRET_KEY), store=open_store(url), session_memory=kept
    )
    person = next(people(tiktok, 1))
    await tiktok._store.set(person.key, person.value, ttl=person.ttl, owner=person.owner)
    app: ASGIApp = TikTokAuthMiddleware(new_page(user_in_scope), tiktok, protect=protect)
    name, guards = f"asgi-tiktok, {store}{'' if memory else WITHOUT_MEMORY}", bool(protect)
    return Contender(name, app, BARE, person.cookie, person.open_id, guards=guards, aclose=tiktok.aclose)


def session_cookie(session: dict[str, object]) -> str:
    """Return the cookie that Starlette's SessionMiddleware writes for this session."""
    signer = itsdangerous.TimestampSigner(SECRET_KEY)
    return "session=" + signer.sign(b64encode(json.dumps(session).encode())).decode()


def facts_of(user: TikTokUser) -> dict[str, object]:
    return {name: fact for name, fact in user.to_dict().items() if fact is not None}


PEERS = (floor, starlette, authlib, starsessions, fastapi_sso)
