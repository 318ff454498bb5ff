"""A browser that talks to a framework server over a real socket."""

import json
from typing import Any
from urllib.parse import urlsplit

import httpx2
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from asgi_tiktok.emulator import Emulator
from tests.support.people import AMARA
from tests.support.settings import FETCH, LOGIN, NAVIGATION
from tests.support.waiting import TIMEOUT


class HTTPBrowser:
    """The browser of one person at one site.

    Args:
        origin: The origin of the server.
        site: The name of the site, for example `quart-native`. The server chooses the site by this header.
        emulator: The TikTok at which the person approves logins.
        prefix: The path at which the site is mounted. The caller gives paths without it to `fetch` and `visit`.
        cell: The framework and the server, for the table of results.
        proxied: Whether a proxy in front of the server removes the prefix.
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
        self.client = httpx2.Client(base_url=origin, headers=self.site, timeout=TIMEOUT)

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request. `path` must begin with the prefix, as the links of the site do."""
        assert path.startswith(f"{self.prefix}/")
        return self.client.request(method, path.removeprefix(self.prefix) if self.proxied else path, **options)

    def fetch(self, path: str) -> httpx2.Response:
        """Request a path as a script does."""
        return self.request("GET", self.prefix + path, headers=FETCH)

    def visit(self, path: str) -> httpx2.Response:
        """Open a page as a person does. Follow redirects, and approve the login if they lead to TikTok."""
        path = self.prefix + path
        for _ in range(8):
            response = self.request("GET", path, headers=NAVIGATION)
            if response.status_code not in (302, 303, 307):
                return response
            path = response.headers["location"]
            if not path.startswith("/"):
                callback = urlsplit(self.emulator.consent(path))
                assert f"{callback.scheme}://{callback.netloc}" == self.origin
                path = f"{callback.path}?{callback.query}"
        raise AssertionError(f"{path} redirects in a loop")

    def sign_in(self) -> None:
        """Sign in as the first person of the emulator."""
        response = self.visit(f"{LOGIN}?next={self.prefix}/me")
        assert response.json()["name"] == AMARA.display_name

    def display_name(self) -> str:
        """Return the name of the user whom the app sees, or "" for an anonymous visitor."""
        return str(self.fetch("/me").json()["name"])

    def websocket_name(self, path: str, origin: str | None = None) -> str | int:
        """Return the name that a WebSocket sends, or the status with which it is refused."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        path = path if self.proxied else self.prefix + path
        address = f"{self.origin.replace('http', 'ws', 1)}{path}"
        headers = {**self.site, "cookie": cookies, "origin": origin or self.origin}
        try:
            with connect(address, additional_headers=headers) as websocket:
                return str(json.loads(websocket.recv(timeout=TIMEOUT))["name"])
        except InvalidStatus as refusal:
            return refusal.response.status_code
