"""The state of one emulator, which all endpoints and the inspector share."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from asgi_tiktok.emulator.endpoints.authorize import Authorization
from asgi_tiktok.emulator.endpoints.consent import Consent
from asgi_tiktok.emulator.endpoints.posting import Posting
from asgi_tiktok.emulator.endpoints.qr import QRLogins
from asgi_tiktok.emulator.endpoints.webhooks import AUTHORIZATION_REMOVED, WebhookSender
from asgi_tiktok.emulator.world.apps import App
from asgi_tiktok.emulator.world.clock import Clock
from asgi_tiktok.emulator.world.exchanges import MAX_EXCHANGES, Exchange
from asgi_tiktok.emulator.world.faults import Faults
from asgi_tiktok.emulator.world.grants import Grant, Grants
from asgi_tiktok.emulator.world.knobs import Knobs
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.posts import Moment, Post, Posts

__all__ = ["State"]

T = TypeVar("T")


class State:
    """The apps, the people, and everything that has happened since the start."""

    def __init__(
        self, apps: Sequence[App], people: Sequence[Person], clock: Callable[[], float], knobs: Knobs
    ) -> None:
        self.apps = by_unique_key("client_key", apps, lambda app: app.client_key)
        self.people = by_unique_key("open_id", people, lambda person: person.open_id)
        self.knobs = knobs
        self.clock = Clock(clock)
        self.exchanges: deque[Exchange] = deque(maxlen=MAX_EXCHANGES)
        self.faults = Faults()
        self.grants = Grants(self.clock, knobs, self._end_grant)
        self.posts = Posts(self.clock, knobs.processing_seconds, self._send_post_event)
        self.posting = Posting(self.apps, self.people, self.grants, self.posts, knobs)
        self.webhooks = WebhookSender(
            self.clock, sign_retries=knobs.sign_retries, before_delivery=self.posts.announce
        )
        authorization = Authorization(self.apps, self.people, self.grants, knobs)
        self.qr_logins = QRLogins(self.apps, authorization)
        self.consent = Consent(authorization, self.exchanges)

    def reset(self) -> None:
        """Remove sign-ins, exchanges, faults, QR codes, posts and webhooks, and reset the clock."""
        self.grants.clear()
        self.exchanges.clear()
        self.faults.clear()
        self.qr_logins.clear()
        self.posts.clear()
        self.posting.clear()
        self.webhooks.deliveries.clear()
        self.clock.reset()

    def _end_grant(self, grant: Grant) -> None:
        self.posts.end(grant)
        app = self.apps[grant.client_key]
        if app.webhook_url and grant.removed is not None:
            self.webhooks.send(app, AUTHORIZATION_REMOVED, grant.open_id, {"reason": int(grant.removed)})

    def _send_post_event(self, post: Post, moment: Moment) -> None:
        app = self.apps[post.grant.client_key]
        if app.webhook_url:
            self.webhooks.send(app, moment.event, post.grant.open_id, post.event_content(moment))


def by_unique_key(name: str, items: Sequence[T], key: Callable[[T], str]) -> Mapping[str, T]:
    """Return the items by key. Raises ValueError if there are none or a key is repeated."""
    if not items:
        raise ValueError(f"The emulator needs at least one {name}.")
    by_key = {key(item): item for item in items}
    if len(by_key) != len(items):
        raise ValueError(f"Every {name} must be unique.")
    return by_key
