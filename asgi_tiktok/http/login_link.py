"""The link to the login, and what it asks for.

Anyone can write such a link, so a request for it is read like any other input. Only `params` are sealed, because the
app must be able to rely on having written them.
"""

import json
import logging
import time
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams

from asgi_tiktok.clock import is_recent
from asgi_tiktok.crypto.keys import KeyRing, Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.events.log_limiter import LogLimiter
from asgi_tiktok.http.site import Site
from asgi_tiktok.models import split_scopes

if TYPE_CHECKING:
    from asgi_tiktok.http.connect_link import ConnectLinks

PURPOSE = "login-params"
LIFETIME = 24 * 60 * 60  # seconds
SWITCH_ACCOUNT = {None: None, False: "0", True: "1"}
SWITCH_ACCOUNT_VALUES = {"0": False, "1": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAttempt:
    """What one login asks for. Each link that starts the login again must ask for the same.

    Attributes:
        next_path (str): The path to which the login leads. Empty: `default_next`.
        scopes (tuple[str, ...]): The scopes to request.
        params (Mapping[str, Any]): The values that the app passed to `login_url(params=...)`.
        switch_account (bool | None): Whether the user may choose another account. None: TikTok's default.
        user_id (str): The user of the app to whom the TikTok account is to be connected. Empty: a sign-in.
        route (str): The name of the optional route that starts the login. Empty: the login route.
    """

    next_path: str = ""
    scopes: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    switch_account: bool | None = None
    user_id: str = ""
    route: str = ""

    @property
    def flow(self) -> str:
        """The kind of login, for events."""
        return "connect" if self.user_id else self.route or "redirect"


NO_ATTEMPT = LoginAttempt()


class LoginLinks:
    """Writes the links to the login of one TikTok app, and reads them.

    The seal binds `params` to this app and its redirect_uri, and not to a person: anyone who has the link can use it.
    """

    def __init__(
        self,
        site: Site,
        keys: KeyRing,
        log_limiter: LogLimiter,
        *,
        audience: tuple[str, str],
        optional_scopes: tuple[str, ...],
    ) -> None:
        self.site = site
        self.keys = keys
        self.log_limiter = log_limiter
        self.context = json.dumps(audience)
        self.optional_scopes = optional_scopes

    def write(self, attempt: LoginAttempt, mount: str) -> str:
        """Return the link, without the scopes that every login requests."""
        scopes = [scope for scope in dict.fromkeys(attempt.scopes) if scope in self.optional_scopes]
        return self.site.url(
            self.site.optional_route(attempt.route) if attempt.route else self.site.login,
            mount,
            next=attempt.next_path,
            scopes=",".join(scopes),
            params=self.seal(attempt.params) if attempt.params else None,
            switch_account=SWITCH_ACCOUNT[attempt.switch_account],
            connect=self.connect_links.seal(attempt.user_id) if attempt.user_id else None,
        )

    def read(self, query: QueryParams, mount: str) -> LoginAttempt:
        """Return what the link asks for. The scopes may be any strings.

        Raises RequestRefused for a link that connects an account and is too old, or was not made here.
        """
        return LoginAttempt(
            next_path=self.site.requested_next(query, mount),
            scopes=split_scopes(query.get("scopes", "")),
            params=self.unseal(query["params"]) if query.get("params") else {},
            switch_account=SWITCH_ACCOUNT_VALUES.get(query.get("switch_account", "")),
            user_id=self.connect_links.unseal(query["connect"]) if query.get("connect") else "",
        )

    @cached_property
    def connect_links(self) -> "ConnectLinks":
        """The part of the links that connects accounts. Most apps never load its module."""
        from asgi_tiktok.http.connect_link import ConnectLinks

        return ConnectLinks(self.keys, self.context)

    def seal(self, params: Mapping[str, Any]) -> str:
        facts = {"params": dict(params), "made_at": int(time.time())}
        sealed = seal_record(self.keys.newest, PURPOSE, facts, context=self.context)
        return urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def unseal(self, value: str) -> dict[str, Any]:
        """The params in a link, and nothing if the link is too old or was not made here."""
        try:
            sealed = b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
            return open_record(self.keys, PURPOSE, sealed, read_params, context=self.context)
        except (Base64Error, ValueError, Unreadable):
            self.log_limiter.log(
                logging.WARNING,
                "login_params",
                "login link without its params: its seal is older than a day, or does not open under secret_key",
            )
            return {}


def read_params(facts: dict[str, Any]) -> dict[str, Any]:
    if not is_recent(facts["made_at"], LIFETIME):
        raise ValueError("The link is older than a day.")
    return {**facts["params"]}
