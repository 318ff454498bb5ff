"""Authlib's OAuth client, adapted to TikTok's token and revocation endpoints."""

from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlencode

import httpx2
from authlib.integrations.httpx_client import AsyncOAuth2Client

from asgi_tiktok.client.endpoints import parse_url
from asgi_tiktok.client.responses import read_oauth
from asgi_tiktok.client.transport import BoundedTransport
from asgi_tiktok.crypto.redaction import Secret

# TikTok calls a request malformed if a charset follows the media type.
FORM_HEADERS = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}


def client_key_post(client: Any, method: str, uri: str, headers: Any, body: bytes) -> Any:
    """Authenticate the client in the form (RFC 6749 §2.3.1), with TikTok's name for `client_id`."""
    credentials = urlencode({"client_key": client.client_id, "client_secret": client.client_secret.reveal()})
    return uri, headers, body + f"&{credentials}".encode("ascii")


class OAuthClient(AsyncOAuth2Client):  # type: ignore[misc]  # Authlib has no types
    """Authlib's client, but with a strict parser for the token response, and without storing the token."""

    def __init__(
        self,
        stage: str,
        client_key: str,
        client_secret: Secret[str],
        transport: BoundedTransport,
        timeout: httpx2.Timeout,
    ) -> None:
        super().__init__(
            client_id=client_key,
            client_secret=client_secret,
            token_endpoint_auth_method=client_key_post,
            revocation_endpoint_auth_method=client_key_post,
            transport=transport,
            timeout=timeout,
            trust_env=False,
        )
        self.stage = stage
        self.transport = transport
        self.time_limits = timeout.as_dict()

    # Not async: the frame of a coroutine would hold the secrets of the form.
    def post(
        self, url: str, data: dict[str, str], headers: dict[str, str], auth: Any, **options: Any
    ) -> Coroutine[Any, Any, httpx2.Response]:
        """Send a form without httpx2's client, whose cookies, redirects and merging take longer than the request."""
        _, _, body = auth.prepare("POST", url, headers, urlencode(data).encode("ascii"))
        limits = {"timeout": self.time_limits}
        request = httpx2.Request("POST", parse_url(url), headers=headers, content=body, extensions=limits)
        return self.transport.fetch(request)

    def parse_response_token(self, resp: httpx2.Response) -> dict[str, Any]:
        """Return the token response. Raises the errors of `read_oauth`."""
        return read_oauth(resp, self.stage)
