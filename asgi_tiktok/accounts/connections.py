"""Connected accounts. An account waits in the store until the app takes it, once, in a request of the same browser.

The browser holds a random ticket. The record is stored under a hash of it, and sealed with the id of the user of the
app for whom the flow began. The token is stored like that of a login only after the app has named the same user.
"""

import logging
import secrets
from collections.abc import Iterable
from dataclasses import fields
from hashlib import sha256
from typing import Any

from asgi_tiktok.accounts.sessions import Sessions
from asgi_tiktok.accounts.tokens import Tokens
from asgi_tiktok.crypto.keys import Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.errors import ConnectRefused
from asgi_tiktok.http.cookies import Header, cookie_values
from asgi_tiktok.models import ConnectedAccount, TikTokUser, Token

logger = logging.getLogger("asgi_tiktok")

LIFETIME = 600  # seconds


class Connections:
    """The connected accounts of one TikTok app that wait. Without `tokens`, no token is stored."""

    def __init__(self, sessions: Sessions, tokens: Tokens | None) -> None:
        self.store = sessions.store
        self.keys = sessions.keys
        self.jar = sessions.cookies.cookies
        # It contains the name of the session cookie, so that requests without either are recognized by one search.
        self.cookie_name = f"{self.jar.session}.connected"
        self.purpose = "connected" + sessions.records.purpose
        self.tokens = tokens

    async def save(self, user_id: str, account: ConnectedAccount) -> Header:
        """Keep the account for this user. Returns the Set-Cookie header of the browser that may take it."""
        ticket = secrets.token_urlsafe(32)
        name = name_of(ticket.encode("ascii"))
        await self.store.set(name, self.seal(name, user_id, account), ttl=LIFETIME)
        return self.jar.set(self.cookie_name, ticket, max_age=LIFETIME)

    async def take(self, headers: Iterable[Header], user_id: str) -> ConnectedAccount | None:
        """Return the account that this browser has connected, once, and store its token.

        Raises ConnectRefused if the flow began for another user, and StoreError.
        """
        tickets = cookie_values(headers, self.cookie_name.encode("ascii"))
        if len(tickets) != 1:
            return None
        name = name_of(tickets[0])
        record = await self.store.get(name)
        if record is None:
            return None
        try:
            owner, account = open_record(self.keys, self.purpose, record, read_facts, context=name)
        except Unreadable:
            logger.warning("connected account unreadable, it must be connected again")
            return None
        if owner == user_id and self.tokens is not None:
            # Before the record is deleted, so that a reload works if the store fails here.
            await self.tokens.save(account.token)
        if not await self.store.delete(name, record):
            return None
        if owner != user_id:
            logger.warning("connected account refused, because another user of the app began the flow")
            raise ConnectRefused("This TikTok account was connected for another user of the app.")
        return account

    def seal(self, name: str, user_id: str, account: ConnectedAccount) -> bytes:
        """Return the record. No frame that a failing store shows holds the token as a dict."""
        token = {each.name: getattr(account.token, each.name) for each in fields(account.token)}
        facts = {"user_id": user_id, "profile": account.profile.to_dict(), "token": token}
        return seal_record(self.keys.newest, self.purpose, facts, context=name)


def name_of(ticket: bytes) -> str:
    return "connected:" + sha256(ticket).hexdigest()


def read_facts(facts: dict[str, Any]) -> tuple[str, ConnectedAccount]:
    token = Token(**{**facts["token"], "scopes": tuple(facts["token"]["scopes"])})
    profile = TikTokUser._from_response(facts["profile"])
    return facts["user_id"], ConnectedAccount(profile=profile, token=token)
