"""The site under test, in one process, with a TikTok whose responses the targets choose."""

import asyncio
import atexit
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from starlette.types import Message, Receive, Scope, Send

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware, TikTokUser

ORIGIN = "https://app.example"
LOGIN, CALLBACK, WEBHOOK = "/auth/tiktok/login", "/auth/tiktok/callback", "/auth/tiktok/webhook"
SESSION_COOKIE, LOGIN_COOKIE = b"__Host-tiktok_session", b"__Host-tiktok_login."
CLIENT_KEY, CLIENT_SECRET = "fuzzkey", "fuzz-secret"
TOKEN, USER_INFO = "/v2/oauth/token/", "/v2/user/info/"
CODE = b"a-code"
ADA = "-000ada"
TOKEN_RESPONSE = (
    b"200\n\n"
    b'{"access_token": "act.a", "expires_in": 86400, "open_id": "-000ada", "refresh_expires_in": 31536000,'
    b' "refresh_token": "rft.a", "scope": "user.info.basic", "token_type": "Bearer"}'
)
USER_INFO_RESPONSE = (
    b'200\n\n{"data": {"user": {"open_id": "-000ada", "display_name": "Ada"}}, "error": {"code": "ok"}}'
)
OPERATOR_PAGE = b"Sign-in does not work on this site"
MAX_CPU_TIME = 2  # seconds for one input
FIELD_NAME = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

Headers = list[tuple[bytes, bytes]]

loop = asyncio.new_event_loop()
atexit.register(loop.close)


@dataclass(frozen=True)
class Response:
    """A response of the site."""

    status: int
    headers: Headers
    body: bytes

    def all(self, name: bytes) -> list[bytes]:
        return [value for found, value in self.headers if found == name]

    @property
    def location(self) -> bytes:
        (location,) = self.all(b"location")
        return location

    @property
    def session(self) -> bytes | None:
        """Return the value of the new session cookie, whose name has a suffix if the app is mounted, or None."""
        pairs = [line.split(b";")[0].partition(b"=")[::2] for line in self.all(b"set-cookie")]
        values = [value for name, value in pairs if name.startswith(SESSION_COOKIE) and value]
        return values[-1] if values else None


@dataclass(frozen=True)
class StartedLogin:
    """A login that a browser has started: its state and its cookie."""

    state: bytes
    name: bytes
    value: bytes

    @property
    def cookie(self) -> bytes:
        return self.name + b"=" + self.value


class Site(httpx2.AsyncBaseTransport):
    """A new app behind the middleware, and the TikTok that it talks to.

    Args:
        root_path: The prefix at which the app is mounted.
        token: TikTok's response to a token request, in the format of `read_response`.
        user_info: TikTok's response to a request for the user, in the same format.

    Attributes:
        tiktok_requests: The paths of the requests that TikTok got.
    """

    def __init__(
        self, root_path: str = "", *, token: bytes = TOKEN_RESPONSE, user_info: bytes = USER_INFO_RESPONSE
    ) -> None:
        self.root_path = root_path
        self.tiktok_responses = {TOKEN: token, USER_INFO: user_info}
        self.tiktok_requests: list[str] = []
        self.store = MemoryStore()
        self.tiktok = TikTok(
            client_key=CLIENT_KEY,
            client_secret=CLIENT_SECRET,
            redirect_uri=ORIGIN + root_path + CALLBACK,
            secret_key="fuzz-Qk3vX8mTz1Lr6Wd0Hs5Yb2NcJ7pGa",
            optional_scopes=("user.info.profile", "user.info.stats", "video.list"),
            store=self.store,
            transport=self,
        )
        self.app = TikTokAuthMiddleware(show_user, self.tiktok)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.tiktok_requests.append(request.url.path)
        return read_response(self.tiktok_responses.get(request.url.path, b"200"))

    async def request(
        self, method: str, path: str, *, query: bytes = b"", headers: Headers | None = None, body: bytes = b""
    ) -> Response:
        """Make a request, check the response with `check`, and return it."""
        start: Message = {}
        parts: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            start.update(message if message["type"] == "http.response.start" else {})
            parts.append(message.get("body", b""))

        scope = {"type": "http", "method": method, "scheme": "https", "path": self.root_path + path}
        more = {"query_string": query, "root_path": self.root_path, "headers": headers or []}
        await self.app({**scope, **more}, receive, send)
        response = Response(start["status"], list(start["headers"]), b"".join(parts))
        check(response)
        return response

    async def get(self, path: str, query: bytes = b"", *cookies: bytes) -> Response:
        return await self.request("GET", path, query=query, headers=[(b"cookie", line) for line in cookies])

    async def start_login(self, query: bytes = b"") -> StartedLogin:
        """Start a login."""
        response = await self.get(LOGIN, query)
        state = parse_qs(urlsplit(response.location).query)[b"state"][0]
        name, _, value = response.all(b"set-cookie")[-1].split(b";")[0].partition(b"=")
        return StartedLogin(state, name, value)

    async def complete_login(self, login: StartedLogin) -> Response:
        return await self.get(CALLBACK, b"code=%b&state=%b" % (CODE, login.state), login.cookie)

    async def sign_in(self) -> bytes:
        """Create a session for Ada, and return the value of its cookie."""
        user = TikTokUser(open_id=ADA, display_name="Ada")
        _, (_, line) = await self.tiktok._sessions.create(user, ("user.info.basic",), {})
        return line.split(b";")[0].partition(b"=")[2]

    async def user_of(self, *cookies: bytes) -> str:
        """Return the user that the app sees for these Cookie headers, or "" for an anonymous visitor."""
        return (await self.get("/", b"", *cookies)).body.decode()


async def show_user(scope: Scope, receive: Receive, send: Send) -> None:
    """The app behind the middleware. It responds with the user's `open_id`."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["user"].identity.encode()})


def check(response: Response) -> None:
    """Check that every 500 is the page for a wrong setting, and that no header contains a line break."""
    assert response.status < 500 or response.status in (502, 503, 504) or OPERATOR_PAGE in response.body
    assert len(response.all(b"set-cookie")) <= 25
    for name, value in response.headers:
        assert set(name) <= FIELD_NAME
        assert all(0x20 <= byte < 0x7F for byte in value)


def run_scene(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene, and check that it ends in time, leaves no task running and logs only printable lines."""
    log_checker = LogChecker()
    logger = logging.getLogger("asgi_tiktok")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(log_checker)
    began_at = time.process_time()
    try:
        loop.run_until_complete(scene)
        # A response body that is not read to its end is closed in another turn of the event loop.
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        logger.removeHandler(log_checker)
        logger.setLevel(level)
    assert time.process_time() - began_at < MAX_CPU_TIME
    assert not asyncio.all_tasks(loop)


class LogChecker(logging.Handler):
    """Checks that every log line is short and printable."""

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        assert line.isprintable()
        assert len(line) < 1200


def read_response(text: bytes) -> httpx2.Response:
    """Parse a response of TikTok: status, header lines, an empty line, the body."""
    head, _, body = text.partition(b"\n\n")
    status, *lines = head.split(b"\n")
    pairs = [line.partition(b":")[::2] for line in lines]
    headers = [(name, value.strip()) for name, value in pairs if name and set(name) <= FIELD_NAME]
    code = int(status) if status.isdigit() and len(status) == 3 else 200
    return httpx2.Response(code, headers=headers, content=body)


def fill(text: bytes, **values: bytes) -> bytes:
    """Replace each `{name}` by a value that a fuzzer cannot guess."""
    for name, value in values.items():
        text = text.replace(b"{%b}" % name.encode(), value)
    return text
