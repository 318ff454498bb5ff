"""Many signed-in users, each with a real session."""

import random
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
        user, data = new_user(), {"user_id": 1234567, "browser": new_browser()}
        session_id = secrets.token_urlsafe(32).encode()
        ends_at = sessions.records.ends_at(now, now + AHEAD)
        name = sessions.records.name_of(key, session_id)
        session = Session(user, ("user.info.basic",), data, now, now + AHEAD, ends_at, name)
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
    """Return a user with the scope `user.info.basic`, whose links to pictures are like TikTok's."""
    open_id = secrets.token_hex(18)
    picture = f"https://p16-sign-va.tiktokcdn.com/tos-maliva-avt-0068/{secrets.token_hex(16)}"
    return TikTokUser._from_response(
        {
            "open_id": open_id,
            "union_id": secrets.token_hex(18),
            "display_name": f"Person {open_id[:8]}",
            "avatar_url": signed_link(picture, 168),
            "avatar_url_100": signed_link(picture, 100),
            "avatar_large_url": signed_link(picture, 1080),
        }
    )


def signed_link(picture: str, size: int) -> str:
    """Return a link with a signature of its own, which no other link has."""
    token, signature = secrets.token_hex(4), secrets.token_urlsafe(20)
    return (
        f"{picture}~tplv-tiktokx-cropcenter:{size}:{size}.jpeg?dr=14579&refresh_token={token}&x-expires=1790000000"
        f"&x-signature={signature}%3D&t=4d5b0474&ps=13740610&shp=a5d48078&shcp=81f88b70&idc=my2"
    )


def new_browser() -> str:
    """Return 60 characters that describe a browser."""
    browser = random.choice(("Chrome Mobile", "Samsung Internet", "Firefox", "Mobile Safari", "Microsoft Edge"))
    system = random.choice(("Android 16", "iOS 26.1", "Windows 11", "macOS 26"))
    device = random.choice(("Galaxy S24 Ultra", "iPhone 17 Pro Max", "desktop computer", "Pixel 9 Pro XL"))
    return f"{browser} {random.randrange(90, 150)}.0 on {system}, {device}".ljust(60, ".")[:60]
