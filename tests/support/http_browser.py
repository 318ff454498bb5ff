"""A browser at a site, over a real socket."""

import json
from typing import Any
from urllib.parse import urlsplit

import httpx2
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from asgi_tiktok.emulator import CAST, Emulator
from tests.support.settings import FETCH, NAVIGATION

AMARA = CAST[0].display_name


class Browser:
    """Somebody at one site; `prefix` stands before all its paths, and `proxied` when a proxy takes it off.

    `cell` is the framework and the server.
    """

    def __init__(
        self,
        origin: str,
        site: str,
        emulator: Emulator,
        *,
        prefix: str,
        cell: tuple[str, str] = ("", ""),
        proxied: bool = False,
    ) -> None:
        self.origin = origin
        self.cell = cell
        self.emulator = emulator
        self.prefix = prefix
        self.proxied = proxied
        self.site = {"x-site": site}
        self.client = httpx2.Client(base_url=origin, headers=self.site, timeout=20)

    def ask(self, method: str, path: str, **given: Any) -> httpx2.Response:
        """The answer to a request for a path as a link of the site gives it."""
        assert path.startswith(f"{self.prefix}/")
        return self.client.request(method, path.removeprefix(self.prefix) if self.proxied else path, **given)

    def fetch(self, path: str) -> httpx2.Response:
        """As a script of the page does."""
        return self.ask("GET", self.prefix + path, headers=FETCH)

    def visit(self, path: str) -> httpx2.Response:
        """As a person does, to the page after all redirects, and through TikTok where they lead there."""
        path = self.prefix + path
        for _ in range(8):
            answer = self.ask("GET", path, headers=NAVIGATION)
            if answer.status_code not in (302, 303, 307):
                return answer
            path = answer.headers["location"]
            if not path.startswith("/"):
                back = urlsplit(self.emulator.consent(path))
                assert f"{back.scheme}://{back.netloc}" == self.origin
                path = f"{back.path}?{back.query}"
        raise AssertionError("it leads around in circles")

    def sign_in(self) -> None:
        answer = self.visit(f"/auth/tiktok/login?next={self.prefix}/me")
        assert answer.json()["name"] == AMARA

    def name(self) -> str:
        return str(self.fetch("/me").json()["name"])

    def listen(self, path: str, origin: str | None = None) -> str | int:
        """The name that a WebSocket tells, or the status of its refusal."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        path = path if self.proxied else self.prefix + path
        address = f"{self.origin.replace('http', 'ws', 1)}{path}"
        headers = {**self.site, "cookie": cookies, "origin": origin or self.origin}
        try:
            with connect(address, additional_headers=headers) as websocket:
                return str(json.loads(websocket.recv(timeout=10))["name"])
        except InvalidStatus as refused:
            return refused.response.status_code
