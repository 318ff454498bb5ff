"""The wire: every TikTok spelling lives here."""

import hashlib
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Coroutine, Iterable
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
from authlib.integrations.httpx_client import AsyncOAuth2Client
from starlette.datastructures import Secret as StarletteSecret

from asgi_tiktok.client.callback import Callback, read_callback
from asgi_tiktok.client.deadline import in_time
from asgi_tiktok.client.endpoints import TIKTOK, Endpoints
from asgi_tiktok.client.responses import read_api, read_oauth
from asgi_tiktok.client.transport import BoundedTransport, Pools
from asgi_tiktok.crypto.redaction import Secret, strip_tracebacks
from asgi_tiktok.errors import ConfigurationError, InvalidResponse, TikTokError, Unavailable, UpstreamTimeout
from asgi_tiktok.models import USER_FIELDS, ClientToken, TikTokUser, Token
from asgi_tiktok.validation import check_credential, check_instance, check_redirect_uri, check_scopes

T = TypeVar("T")

PKCE = Literal["hex", "base64url", "off"]
DEFAULT_SCOPES = ("user.info.basic",)
TIMEOUT = httpx2.Timeout(None, connect=3, pool=2)  # seconds; the deadline sees to the rest
EMULATED = ("act.emulator.", "clt.emulator.")  # how an emulator's tokens begin
DEADLINE = 10  # seconds, for a whole request, however slowly it trickles
# TikTok calls a request with a charset behind the media type malformed.
FORM = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}


def client_key_post(client: Any, method: str, uri: str, headers: Any, body: bytes) -> Any:
    """Client authentication as in RFC 6749 §2.3.1, with TikTok's name for the client_id."""
    form = parse_qsl(body.decode("ascii"), keep_blank_values=True)
    form += [("client_key", client.client_id), ("client_secret", client.client_secret)]
    return uri, headers, urlencode(form).encode("ascii")


class OAuthClient(AsyncOAuth2Client):  # type: ignore[misc]  # Authlib has no types
    """Authlib's client with TikTok's token answer read strictly, and without a token kept on it."""

    stage = "token"

    def parse_response_token(self, resp: httpx2.Response) -> dict[str, Any]:
        return read_oauth(resp, self.stage)


class TikTokClient:
    """One TikTok app as a client of TikTok's OAuth 2 and user info endpoints; holds no user's token.

    `base_url` puts all of TikTok behind one origin, as the emulator does. `pkce` is "hex" for what TikTok
    documents, "base64url" for RFC 7636, or "off". `transport` replaces the network. `trust_env` lets the
    environment name a proxy and certificates. Raises ConfigurationError for settings that cannot work.
    """

    def __init__(
        self,
        client_key: str | StarletteSecret,
        client_secret: str | StarletteSecret,
        redirect_uri: str,
        *,
        scopes: Iterable[str] = DEFAULT_SCOPES,
        base_url: str | None = None,
        pkce: PKCE = "hex",
        transport: httpx2.AsyncBaseTransport | None = None,
        trust_env: bool = False,
    ) -> None:
        self.client_key = check_credential("client_key", client_key)
        self._client_secret = Secret(check_credential("client_secret", client_secret))
        self.redirect_uri = check_redirect_uri(redirect_uri)
        self.scopes = check_scopes("scopes", scopes)
        if not self.scopes:
            raise ConfigurationError('scopes is empty; TikTok wants at least ("user.info.basic",).')
        if pkce not in ("hex", "base64url", "off"):
            raise ConfigurationError(f'pkce={pkce!r} is not one of "hex", "base64url" and "off".')
        self._pkce: PKCE = pkce
        self._endpoints = TIKTOK if base_url is None else Endpoints.at(base_url)
        if transport is not None:
            fix = "Write an httpx2 async transport, for an ASGI app httpx2.ASGITransport(app)."
            check_instance("transport", transport, httpx2.AsyncBaseTransport, fix)
        self._pools = Pools(transport, trust_env=trust_env)

    def __repr__(self) -> str:
        return f"TikTokClient(client_key={self.client_key!r}, redirect_uri={self.redirect_uri!r})"

    @property
    def _audience(self) -> str:
        """Whom sessions, tokens and logins are for: this app, and never the same app at an emulator."""
        return self.client_key if self._endpoints is TIKTOK else f"{self.client_key} elsewhere"

    def authorization_url(
        self,
        *,
        state: str,
        code_verifier: str,
        scopes: Iterable[str] | None = None,
        disable_auto_auth: bool = False,
    ) -> str:
        """The address to send the browser to (RFC 6749 §4.1.1; TikTok: Login Kit for Web and Desktop).

        `state` and `code_verifier` must be fresh, random and bound to this browser. `disable_auto_auth`
        shows the consent page even to somebody who has consented before, so that they can switch accounts.
        """
        query = {
            "client_key": self.client_key,
            "response_type": "code",
            "scope": ",".join(self.scopes if scopes is None else check_scopes("scopes", scopes)),
            "redirect_uri": self.redirect_uri,
            "state": state,
        }
        if self._pkce != "off":
            if not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", code_verifier):
                raise ConfigurationError("code_verifier must be 43 to 128 unreserved characters (RFC 7636 §4.1).")
            query["code_challenge"] = code_challenge(code_verifier, self._pkce)
            query["code_challenge_method"] = "S256"
        if disable_auto_auth:
            query["disable_auto_auth"] = "1"
        return f"{self._endpoints.authorization}?{urlencode(query)}"

    def parse_callback(self, url: str) -> Callback:
        """`code`, `state` and `scopes` out of the address the browser came back to.

        Comparing `state` with the one this browser was given is the caller's duty (RFC 6749 §10.12).
        Raises AccessDenied, LoginRefused or InvalidCallback.
        """
        callback = read_callback(urlsplit(url).query.encode("utf-8", "surrogatepass"))
        if callback.error is not None:
            raise callback.error
        return callback

    @strip_tracebacks
    async def fetch_token(
        self, code: str, *, code_verifier: str | None = None, scopes: tuple[str, ...] | None = None
    ) -> Token:
        """Trade the code for the user's token (RFC 6749 §4.1.3). `scopes` is what was asked for.

        Raises TokenError for a refusal, Unavailable for everything that is no answer.
        """
        form = {"code": code, "redirect_uri": self.redirect_uri}
        if code_verifier and self._pkce != "off":
            form["code_verifier"] = code_verifier
        body = await self._request_token("token", "authorization_code", form)
        return Token.from_response(body, now=time.time(), scopes=scopes or self.scopes)

    @strip_tracebacks
    async def refresh_token(self, refresh_token: str, *, scopes: tuple[str, ...] | None = None) -> Token:
        """A new token for an old refresh token, which ends at once (RFC 6749 §6): save before use.

        `scopes` is what the old token had. Raises TokenError for a refusal, Unavailable otherwise.
        """
        body = await self._request_token("refresh", "refresh_token", {"refresh_token": refresh_token})
        return Token.from_response(body, now=time.time(), scopes=scopes or self.scopes)

    @strip_tracebacks
    async def client_token(self) -> ClientToken:
        """The app's own token (RFC 6749 §4.4; TikTok: Client Access Token Management).

        Raises TokenError for a refusal, Unavailable for everything that is no answer.
        """
        body = await self._request_token("client_token", "client_credentials", {})
        return ClientToken.from_response(body, now=time.time())

    @strip_tracebacks
    async def revoke_token(self, access_token: str) -> None:
        """Disconnect the app from the user's account: all their tokens end (RFC 7009; TikTok: Revoke).

        Raises TokenError for a refusal, Unavailable for everything that is no answer.
        """
        request = self._oauth_client("revoke").revoke_token(
            self._endpoints.revocation, token=access_token, headers=dict(FORM)
        )
        read_oauth(await self._upstream("revoke", request), "revoke")

    @strip_tracebacks
    async def fetch_user(self, token: Token) -> TikTokUser:
        """Who the token belongs to, with what its scopes open (TikTok: Get User Info).

        Raises APIError for a refusal, Unavailable otherwise; InvalidResponse when TikTok describes
        somebody else than the token's owner.
        """
        names = [name for scope in token.scopes for name in USER_FIELDS.get(scope, ())]
        if not names:
            return TikTokUser(open_id=token.open_id)
        request = self._http_client().get(
            self._endpoints.user_info,
            params={"fields": ",".join(names)},
            headers={"Accept": "application/json", "Authorization": f"Bearer {token.access_token}"},
        )
        described = read_api(await self._upstream("user_info", request), "user_info").get("user")
        if not isinstance(described, dict):
            raise InvalidResponse("The answer holds no user.", stage="user_info")
        if "open_id" not in names:
            described = {**described, "open_id": token.open_id}
        user = TikTokUser.from_response(described)
        if user.open_id != token.open_id:
            raise InvalidResponse("The user is not the one the token belongs to.", stage="user_info")
        return user

    async def aclose(self) -> None:
        """Close the connections of this event loop. The client can be used again afterwards."""
        await self._pools.aclose()

    async def _request_token(self, stage: str, grant_type: str, form: dict[str, str]) -> dict[str, Any]:
        request = self._oauth_client(stage).fetch_token(
            self._endpoints.token, grant_type=grant_type, headers=dict(FORM), **form
        )
        body: dict[str, Any] = await self._upstream(stage, request)
        if self._endpoints is TIKTOK and str(body.get("access_token")).startswith(EMULATED):
            raise InvalidResponse(
                "The token comes from an emulator, and not from TikTok.",
                stage=stage,
                hint="Something between this app and open.tiktokapis.com answers in TikTok's place.",
            )
        return body

    def _oauth_client(self, stage: str) -> OAuthClient:
        client = OAuthClient(
            client_id=self.client_key,
            client_secret=self._client_secret,
            token_endpoint_auth_method=client_key_post,
            revocation_endpoint_auth_method=client_key_post,
            transport=BoundedTransport(self._pools),
            timeout=TIMEOUT,
            trust_env=False,
        )
        client.stage = stage
        return client

    def _http_client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=BoundedTransport(self._pools), timeout=TIMEOUT, trust_env=False)

    async def _upstream(self, stage: str, request: Coroutine[Any, Any, T]) -> T:
        """The border to the network: a deadline, and our errors in place of httpx2's.

        Theirs are not chained, for they hold the request, and the request holds secrets.
        """
        try:
            return await in_time(request, DEADLINE)
        except TikTokError as error:
            error.stage = stage
            raise
        except (TimeoutError, httpx2.TimeoutException):
            raise UpstreamTimeout("TikTok did not answer in time.", stage=stage) from None
        except httpx2.HTTPError as error:
            raise Unavailable(f"TikTok could not be reached: {type(error).__name__}.", stage=stage) from None


def code_challenge(code_verifier: str, pkce: PKCE) -> str:
    """The S256 challenge of RFC 7636 §4.2, in hexadecimal as TikTok's Login Kit for Desktop has it."""
    digest = hashlib.sha256(code_verifier.encode("ascii")).digest()
    return digest.hex() if pkce == "hex" else urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
