"""The logins of native apps, which get their codes from TikTok's SDKs (TikTok: Login Kit for iOS and Android).

No `state` and no cookie bind the code to the app that asked for it. The `code_verifier` does: it does not leave the
app until it is sent here, and TikTok accepts the code only with it.
"""

import json
import re
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from asgi_tiktok.client.callback import MAX_CODE
from asgi_tiktok.errors import Cause, LoginLost, RequestRefused, StoreError, TikTokError, TokenError, Unavailable
from asgi_tiktok.events.event import login_event
from asgi_tiktok.http.bearer import bearer_of
from asgi_tiktok.http.body import read_body
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.models import Token
from asgi_tiktok.routes.error_responses import ErrorResponses
from asgi_tiktok.routes.pages import HEADERS
from asgi_tiktok.routes.pending import LIFETIME
from asgi_tiktok.routes.sign_in import SignIn
from asgi_tiktok.tiktok import TikTok

FLOW = "native"
MAX_BODY = 8 * 1024  # bytes
MAX_ATTEMPTS = 600  # of one process in one window
WINDOW = 60  # seconds
FIELDS = {
    "code": re.compile(rf"(?!.*://)[!-~]{{1,{MAX_CODE}}}"),
    # The verifiers of the Android SDK have 32 characters, less than RFC 7636 §4.1 requires.
    "code_verifier": re.compile(r"[A-Za-z0-9._~-]{32,128}"),
    "redirect_uri": re.compile(r"[!-~]{1,511}"),
    "session": re.compile(r"cookie|bearer"),
}
RULES = {
    "code": "be the code that TikTok's SDK returned, not a URL",
    "code_verifier": "be the verifier of the SDK's request: 32 to 128 unreserved characters",
    "redirect_uri": "be the address of the SDK's request",
    "session": 'be "cookie" or "bearer"',
}


@dataclass(frozen=True, slots=True)
class NativeLogin:
    """What a native app sends to sign its user in."""

    code: str = field(repr=False)
    code_verifier: str = field(repr=False)
    redirect_uri: str
    session: str = "cookie"


class NativeLogins:
    """Completes the logins of native apps, each code once."""

    def __init__(self, tiktok: TikTok, error_responses: ErrorResponses) -> None:
        self.client = tiktok._client
        self.store = tiktok._store
        self.sessions = tiktok._sessions
        self.hooks = tiktok._hooks
        self.logins = tiktok._logins
        self.redirect_uris = tiktok._native_redirect_uris
        self.default_next = tiktok._site.default_next
        self.error_responses = error_responses
        self.sign_ins = SignIn(tiktok)
        self.window_ends = 0.0  # by `time.monotonic`
        self.attempts = 0

    async def respond(self, request: Request, path: RequestPath) -> Response:
        """Respond with the user, and with the session as a cookie or as a bearer token, or with the error as JSON."""
        try:
            check_no_page(request.headers)
            login = read_login(request.headers, await read_body(request, MAX_BODY), self.redirect_uris)
            self.count_attempt()
            # Shielded, because a code works once: its token is saved even if the app has gone.
            return await self.logins.run(self.complete(request, login))
        except TikTokError as error:
            await self.hooks.fail_login(error, request)
            response = await self.error_responses.respond(request, error, path, event=login_event(error), flow=FLOW)
            if error.status_code == 429:
                response.headers["Retry-After"] = str(int(self.window_ends - time.monotonic()) + 1)
            return response

    def count_attempt(self) -> None:
        """Raise RequestRefused if there were too many attempts in this minute. Anyone can invent codes."""
        now = time.monotonic()
        if now >= self.window_ends:
            self.window_ends, self.attempts = now + WINDOW, 0
        self.attempts += 1
        if self.attempts > MAX_ATTEMPTS:
            raise RequestRefused(
                f"There were more than {MAX_ATTEMPTS} logins of native apps in {WINDOW} seconds.",
                code="too_many_attempts",
                status_code=429,
                hint="If these are not your users, put a rate limit in front of the route. Otherwise add workers.",
            )

    async def complete(self, request: Request, login: NativeLogin) -> Response:
        with self.sign_ins.limited():
            token = await self.fetch_token(login)
            previous = self.sessions.cookies.find_all(request.headers.raw)
            session, cookie = await self.sign_ins.complete(
                request,
                token,
                requested_scopes=self.client.scopes,
                params={},
                next_path=self.default_next,
                flow=FLOW,
            )
            await self.sign_ins.end_previous(previous)
        content: dict[str, Any] = {"user": session.user.to_dict(), "scopes": session.scopes}
        if login.session == "bearer":
            lifetime = self.sessions.records.absolute_timeout
            content |= {"bearer_token": bearer_of(cookie), "expires_in": lifetime}
        response = JSONResponse(content, headers=HEADERS)
        if login.session == "cookie":
            response.raw_headers.append(cookie)
        return response

    async def fetch_token(self, login: NativeLogin) -> Token:
        """Exchange the code, which is marked as used before. Raises TikTokError."""
        mark = "native:" + sha256(f"{self.client._audience}\0{login.code}".encode()).hexdigest()
        if not await self.store.add(mark, b"", ttl=LIFETIME):
            raise LoginLost(Cause.ALREADY_USED, "The code of a native app was sent before.")
        try:
            return await self.client.fetch_token(
                login.code, code_verifier=login.code_verifier, redirect_uri=login.redirect_uri
            )
        except Unavailable as error:
            if not error._sent:
                with suppress(StoreError):  # then the mark expires
                    await self.store.delete(mark)
            raise
        except TokenError as error:
            if error.code != "invalid_request":
                raise
            refused = RequestRefused(
                error.description,
                stage="token",
                code="invalid_code",
                log_id=error.log_id,
                status_code=400,
                hint="Send the code with the code_verifier and the redirect_uri of the same SDK request.",
            )
        raise refused


def check_no_page(headers: Headers) -> None:
    """Raise RequestRefused for a request of a web page, which could sign its visitor in to another account."""
    if "origin" in headers or any(name.startswith("sec-fetch-") for name in headers):
        raise RequestRefused(
            "A web page sent a request that is for native apps only.",
            code="not_native",
            status_code=403,
            hint="A web page must use the login link. Send no Origin and no Sec-Fetch-* header from a native app.",
        )


def read_login(headers: Headers, body: bytes | None, redirect_uris: Collection[str]) -> NativeLogin:
    """Return what the app has sent. Raises RequestRefused for anything else than JSON with exactly our fields."""
    # JSON, because no form of a web page can send it.
    types = headers.getlist("content-type")
    if len(types) != 1 or types[0].partition(";")[0].strip().lower() != "application/json":
        raise refuse("The Content-Type is not application/json.", status_code=415)
    if body is None:
        raise refuse(f"The body has more than {MAX_BODY} bytes.", status_code=413)
    try:
        facts = json.loads(body, object_pairs_hook=read_object)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise refuse("The body is not a JSON object.")
    if not facts.keys() <= FIELDS.keys():
        raise refuse("The body has an unknown field.")
    facts = {"session": "cookie", **facts}
    for name, pattern in FIELDS.items():
        if name not in facts:
            raise refuse(f"{name} is missing.")
        if not isinstance(facts[name], str) or not pattern.fullmatch(facts[name]):
            raise refuse(f"{name} must {RULES[name]}.")
    if facts["redirect_uri"] not in redirect_uris:
        raise refuse("redirect_uri is not in TikTok(native_redirect_uris=...).")
    return NativeLogin(**facts)


def read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    facts = dict(pairs)
    if len(facts) != len(pairs):
        raise refuse("The body has a field twice.")
    return facts


def refuse(description: str, *, status_code: int = 400) -> RequestRefused:
    return RequestRefused(
        description,
        code="native_request",
        status_code=status_code,
        hint="Send JSON with code, code_verifier and redirect_uri, and optionally session.",
    )
