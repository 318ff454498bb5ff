"""TikTokClient: one TikTok app as a client of TikTok's endpoints."""

import time
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx2
from starlette.datastructures import Secret as StarletteSecret

from asgi_tiktok.client.callback import Callback, read_callback
from asgi_tiktok.client.deadline import with_deadline
from asgi_tiktok.client.endpoints import TIKTOK, Endpoints, with_fields
from asgi_tiktok.client.network_errors import network_failure
from asgi_tiktok.client.oauth_client import FORM_HEADERS, OAuthClient
from asgi_tiktok.client.pkce import PKCE, check_pkce, code_challenge
from asgi_tiktok.client.responses import read_api, read_oauth
from asgi_tiktok.client.revocation import access_token_of, refresh_token_of
from asgi_tiktok.client.transport import CONNECT_TIMEOUT, BoundedTransport, Pools
from asgi_tiktok.crypto.redaction import Secret, strip_tracebacks
from asgi_tiktok.errors import ConfigurationError, InvalidResponse, TikTokError
from asgi_tiktok.models import USER_FIELDS, ClientToken, TikTokUser, Token
from asgi_tiktok.validation import (
    check_credential,
    check_flag,
    check_instance,
    check_not_emulated,
    check_redirect_uri,
    check_scopes,
    check_string,
)

T = TypeVar("T")

DEFAULT_SCOPES = ("user.info.basic",)
DEADLINE = 10  # seconds for a whole request, even if the response arrives slowly
REFRESH_DEADLINE = 60  # seconds for a refresh, because the old refresh token may have ended
EMULATOR_PREFIXES = ("act.emulator.", "clt.emulator.")  # of the emulator's access tokens


class TikTokClient:
    """One TikTok app as a client of TikTok's OAuth and user info endpoints. It stores no tokens.

    The methods that send a request raise TokenError or APIError if TikTok refuses, and Unavailable if TikTok cannot
    be reached or its response is invalid. `client_key`, `redirect_uri` and `scopes` are also attributes.

    Args:
        client_key (str | Secret): From *Credentials* in the TikTok developer portal.
        client_secret (str | Secret): From the same place.
        redirect_uri (str): The exact string that is registered in the portal under *Login Kit*.
        scopes (Iterable[str]): The scopes that a login requests. Default: `("user.info.basic",)`.
        base_url (str | None): Replaces the origin of all of TikTok's endpoints, for example by that of the emulator.
            It must be https, or http on this machine. Default: TikTok.
        insecure_base_url (bool): Whether `base_url` may be http in a private network. Default: False.
        pkce (str): The form of the code challenge: `"hex"` (TikTok's), `"base64url"` (RFC 7636) or `"off"`.
            Default: `"hex"`.
        transport (httpx2.AsyncBaseTransport | None): Replaces the network. Default: the network.
        trust_env (bool): Whether the environment may name a proxy and certificates. Default: False.

    Raises:
        ConfigurationError: A setting cannot work. The message names the setting and the fix.
    """

    def __init__(
        self,
        client_key: str | StarletteSecret,
        client_secret: str | StarletteSecret,
        redirect_uri: str,
        *,
        scopes: Iterable[str] = DEFAULT_SCOPES,
        base_url: str | None = None,
        insecure_base_url: bool = False,
        pkce: PKCE = "hex",
        transport: httpx2.AsyncBaseTransport | None = None,
        trust_env: bool = False,
    ) -> None:
        self.client_key: str = check_credential("client_key", client_key)
        self._client_secret = Secret(check_credential("client_secret", client_secret))
        self.redirect_uri: str = check_redirect_uri(redirect_uri)
        self.scopes: tuple[str, ...] = check_scopes("scopes", scopes)
        if not self.scopes:
            raise ConfigurationError("scopes is empty.", hint='Write ("user.info.basic",).')
        self._pkce: PKCE = check_pkce(pkce)
        insecure = check_flag("insecure_base_url", insecure_base_url)
        self._endpoints = TIKTOK if base_url is None else Endpoints.at(base_url, insecure=insecure)
        self._endpoints.check_redirect_uri(self.redirect_uri)
        if self._endpoints.is_tiktok:
            check_not_emulated(client_key=self.client_key, client_secret=self._client_secret.reveal())
        if transport is not None:
            fix = "Write an async transport of httpx2, for example httpx2.ASGITransport(app)."
            check_instance("transport", transport, httpx2.AsyncBaseTransport, fix)
        private = self._endpoints.private
        self._pools = Pools(transport, trust_env=check_flag("trust_env", trust_env), private=private)
        self._api_pools = Pools(transport, trust_env=trust_env, private=private)

    def __repr__(self) -> str:
        return f"TikTokClient(client_key={self.client_key!r}, redirect_uri={self.redirect_uri!r})"

    @property
    def _audience(self) -> str:
        """The owner of sessions, tokens and logins: this app, and never the same app at an emulator."""
        return self.client_key if self._endpoints is TIKTOK else f"{self.client_key} elsewhere"

    def authorization_url(
        self,
        *,
        state: str,
        code_verifier: str | None = None,
        scopes: Iterable[str] | None = None,
        disable_auto_auth: bool | None = None,
    ) -> str:
        """Return the URL at TikTok to which the browser must be redirected.

        Args:
            state (str): A fresh random string that is bound to this browser, from `generate_state()`.
            code_verifier (str | None): A fresh random string of 43 to 128 characters, from
                `generate_code_verifier()`. Default: None, which works with `pkce="off"` only.
            scopes (Iterable[str] | None): The scopes to request. Default: the scopes of the client.
            disable_auto_auth (bool | None): Whether TikTok shows the consent page even to a user who has consented
                before, so that the user can switch accounts. Default: not sent.

        Raises:
            ConfigurationError: A scope, the state, the verifier or the flag is invalid or missing.

        Source: RFC 6749 §4.1.1; TikTok, Login Kit for Web and Desktop.
        """
        query = {
            "client_key": self.client_key,
            "response_type": "code",
            "scope": ",".join(self.scopes if scopes is None else check_scopes("scopes", scopes)),
            "redirect_uri": self.redirect_uri,
            "state": check_string("state", state, "Make one with generate_state()."),
        }
        if self._pkce != "off":
            query["code_challenge"] = code_challenge(code_verifier, self._pkce)
            query["code_challenge_method"] = "S256"
        if disable_auto_auth is not None:
            query["disable_auto_auth"] = str(int(check_flag("disable_auto_auth", disable_auto_auth)))
        return f"{self._endpoints.authorization}?{urlencode(query)}"

    def parse_callback(self, url: str) -> Callback:
        """Return `code`, `state` and `scopes` of the URL to which the browser returned.

        The caller must compare `state` with the one that this browser was given (RFC 6749 §10.12).

        Args:
            url (str): The URL with its query.

        Raises:
            AccessDenied: The user cancelled the login.
            LoginRefused: TikTok ended the login.
            InvalidCallback: The URL is not one that TikTok sends.

        Source: RFC 6749 §4.1.2; TikTok, Login Kit for Web.
        """
        callback = read_callback(urlsplit(url).query.encode("utf-8", "surrogatepass"))
        if callback.error is not None:
            raise callback.error
        return callback

    @strip_tracebacks
    async def fetch_token(
        self,
        code_or_url: str,
        *,
        code_verifier: str | None = None,
        redirect_uri: str | None = None,
        scopes: tuple[str, ...] | None = None,
    ) -> Token:
        """Exchange the code for the user's token (RFC 6749 §4.1.3; TikTok: Manage User Access Tokens).

        Args:
            code_or_url (str): The `code` of the callback, which works once, or the whole URL to which the browser
                returned. This method does not know the browser's state: first compare that of `parse_callback`.
            code_verifier (str | None): The verifier that was given to `authorization_url`. Default: None, which
                works with `pkce="off"` only.
            redirect_uri (str | None): The address for which TikTok issued the code. Default: that of the client.
            scopes (tuple[str, ...] | None): The scopes that the login requested, in case TikTok's response names
                none. Default: the scopes of the client.

        Raises the errors of `parse_callback` for a URL that has no code.
        """
        code = check_string("code_or_url", code_or_url, "Pass the code of the callback, or its whole URL.")
        if "://" in code:
            code = self.parse_callback(code).code or ""
        verifier = {"code_verifier": code_verifier} if code_verifier and self._pkce != "off" else {}
        form = Secret({"code": code, "redirect_uri": redirect_uri or self.redirect_uri, **verifier})
        del code_or_url, code, code_verifier, verifier  # because this frame is below each log record of the request
        body = await self._request_token("token", "authorization_code", form)
        return Token._from_response(body, now=time.time(), scopes=scopes or self.scopes)

    @strip_tracebacks
    async def refresh_token(self, refresh_token: str, *, scopes: tuple[str, ...] | None = None) -> Token:
        """Exchange a refresh token for a new token. Save the new token first, because the old one no longer works.

        It waits up to 60 seconds for TikTok's response. Do not cancel it, because the response exists nowhere else.
        If the response has no refresh token, the new token has the old one.

        Args:
            refresh_token (str): The refresh token.
            scopes (tuple[str, ...] | None): The scopes of the old token, in case TikTok's response names none.
                Default: the scopes of the client.

        Source: RFC 6749 §6; TikTok, Manage User Access Tokens.
        """
        hidden = Secret(refresh_token)
        del refresh_token  # as in `fetch_token`
        form = Secret({"refresh_token": hidden.reveal()})
        body = await self._request_token("refresh", "refresh_token", form)
        token = Token._from_response(body, now=time.time(), scopes=scopes or self.scopes)
        return token if token.refresh_token is not None else replace(token, refresh_token=hidden.reveal())

    @strip_tracebacks
    async def client_token(self) -> ClientToken:
        """Return a new access token of the app itself (RFC 6749 §4.4; TikTok: Client Access Token Management)."""
        body = await self._request_token("client_token", "client_credentials", Secret({}))
        return ClientToken._from_response(body, now=time.time())

    @strip_tracebacks
    async def revoke_token(self, token: Token | str) -> None:
        """Disconnect the app from the user's account. All tokens of this user become invalid.

        TikTok does so for a valid access token only. A refresh token, or a `Token` whose access token has expired,
        is therefore exchanged first and no longer works afterwards, even if the revocation then fails. To be able
        to try again, call `refresh_token`, save the result and revoke that.

        Args:
            token (Token | str): A token of the user, or the string of an access token or a refresh token.

        Source: RFC 7009; TikTok, Revoke a User Access Token.
        """
        hidden = Secret(token)
        del token  # as in `fetch_token`
        if refresh_token_of(hidden.reveal()):
            hidden = Secret(await self.refresh_token(refresh_token_of(hidden.reveal()) or ""))
        request = self._oauth_client("revoke").revoke_token(
            self._endpoints.revocation, token=access_token_of(hidden.reveal()), headers=dict(FORM_HEADERS)
        )
        read_oauth(await self._upstream("revoke", request), "revoke")

    @strip_tracebacks
    async def fetch_user(self, token: Token) -> TikTokUser:
        """Return the user to whom the token belongs, with the fields that its scopes grant (TikTok: Get User Info).

        Args:
            token (Token): A valid token of the user.
        """
        names = [name for scope in token.scopes for name in USER_FIELDS.get(scope, ())]
        if not names:
            return TikTokUser(open_id=token.open_id)
        request = httpx2.Request(
            "GET",
            with_fields(self._endpoints.user_info, tuple(names)),
            headers={"Accept": "application/json", "Authorization": f"Bearer {token.access_token}"},
            extensions={"timeout": CONNECT_TIMEOUT.as_dict()},
        )
        response = await self._upstream("user_info", BoundedTransport(self._pools).fetch(request))
        fields = read_api(response, "user_info").get("user")
        if not isinstance(fields, dict):
            raise InvalidResponse("TikTok's response contains no user.", stage="user_info")
        if "open_id" not in names:
            fields = {**fields, "open_id": token.open_id}
        user = TikTokUser._from_response(fields)
        if user.open_id != token.open_id:
            raise InvalidResponse("TikTok returned another user than the token's.", stage="user_info")
        return user

    async def aclose(self) -> None:
        """Close the connections of the running event loop. The client can be used again afterwards."""
        await self._pools.aclose()
        await self._api_pools.aclose()

    async def _request_token(self, stage: str, grant_type: str, form: Secret[dict[str, str]]) -> dict[str, Any]:
        request = self._oauth_client(stage).fetch_token(
            self._endpoints.token, grant_type=grant_type, headers=dict(FORM_HEADERS), **form.reveal()
        )
        body: dict[str, Any] = await self._upstream(stage, request)
        if self._endpoints is TIKTOK and str(body.get("access_token")).startswith(EMULATOR_PREFIXES):
            raise InvalidResponse(
                "The token comes from an emulator and not from TikTok.",
                stage=stage,
                hint="Check the DNS entry and the proxy for open.tiktokapis.com.",
            )
        return body

    def _oauth_client(self, stage: str) -> OAuthClient:
        transport = BoundedTransport(self._pools)
        return OAuthClient(stage, self.client_key, self._client_secret, transport, CONNECT_TIMEOUT)

    async def _upstream(self, stage: str, request: Coroutine[Any, Any, T]) -> T:
        """Return the response to a request that ends within the deadline. Raises only our own errors."""
        try:
            return await with_deadline(request, REFRESH_DEADLINE if stage == "refresh" else DEADLINE)
        except TikTokError as error:
            error.stage = stage
            raise
        except Exception as error:
            failure = network_failure(error, stage)
        raise failure
