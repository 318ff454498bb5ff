"""Many signed-in users, each with a real session."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

from asgi_tiktok import TikTok, TikTokUser
from asgi_tiktok.accounts.session_record import Session

AHEAD = 2 * 60 * 60  # seconds; a last use in the future keeps the session from being updated during a run


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The record of a session, and the cookie that opens it."""

    key: str
    value: bytes
    ttl: int
    owner: str
    cookie: str
    open_id: str

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"cookie", self.cookie.encode())]


def people(tiktok: TikTok, count: int) -> Iterator[SignedIn]:
    """Yield `count` users with the default scope, whose sessions are sealed and signed as after a login."""
    sessions = tiktok._sessions
    key = tiktok._keys.newest
    now = int(time.time())
    for _ in range(count):
        user = new_user()
        session_id = secrets.token_urlsafe(32).encode()
        ends_at = sessions.records.ends_at(now, now + AHEAD)
        name = sessions.records.name_of(key, session_id)
        session = Session(user, ("user.info.basic",), {"user_id": 1234567}, now, now + AHEAD, ends_at, name)
        session = sessions.records.seal(key, session)
        signed = sessions.cookies.signer.sign(session_id).decode()
        yield SignedIn(
            session.name,
            session.record,
            session.ttl,
            sessions.records.owner(user.open_id),
            f"{sessions.cookies.cookies.session}={signed}",
            user.open_id,
        )


def new_user() -> TikTokUser:
    """Return a user with the scope `user.info.basic`, whose picture addresses are as long as TikTok's."""
    open_id = secrets.token_hex(18)
    picture = f"https://p16-sign-va.tiktokcdn.com/tos-maliva-avt-0068/{secrets.token_hex(16)}~c5"
    signature = f"?lk3s=a5d48078&nonce={secrets.randbelow(90000) + 10000}&refresh_token={secrets.token_hex(16)}"
    signature += f"&x-expires=1790000000&x-signature={secrets.token_urlsafe(20)}%3D&shp=a5d48078&shcp=8aecc5ac"
    return TikTokUser._from_response(
        {
            "open_id": open_id,
            "union_id": secrets.token_hex(18),
            "display_name": f"Person {open_id[:8]}",
            "avatar_url": f"{picture}_168x168.jpeg{signature}",
            "avatar_url_100": f"{picture}_100x100.jpeg{signature}",
            "avatar_large_url": f"{picture}_1080x1080.jpeg{signature}",
        }
    )
