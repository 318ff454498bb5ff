"""The actions of the inspector and the control API."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from asgi_tiktok.emulator.endpoints.webhooks import Delivery
from asgi_tiktok.emulator.state import State
from asgi_tiktok.emulator.world.apps import App
from asgi_tiktok.emulator.world.faults import OPTIONS, Fault
from asgi_tiktok.emulator.world.grants import Reason
from asgi_tiktok.emulator.world.suggestions import suggestion

__all__ = ["Actions", "Values"]

Values = Mapping[str, Any]
STRINGS = (
    *("client_key", "open_id", "token", "event", "endpoint", "kind", "person", "decision", "authorization_url"),
    *("publish_id", "outcome", "fail_reason"),
)


class Actions:
    """Each action takes plain values, and raises ValueError with a one-sentence message if they are invalid."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_fault(self, values: Values) -> Fault:
        check_values(values, required=("endpoint", "kind"), optional=("times", *OPTIONS))
        return self._state.faults.add(**values)

    def move_clock(self, values: Values) -> None:
        check_values(values, required=("move",))
        seconds = values["move"]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
            raise ValueError(f"move={seconds!r} is not a number of seconds.")
        self._state.clock.move(seconds)

    def revoke(self, values: Values) -> None:
        """End a grant. An app with a webhook URL is notified."""
        check_values(values, required=("open_id",), optional=("client_key", "reason"))
        reason = values.get("reason", Reason.DISCONNECTED.value)
        if type(reason) is not int or reason not in [*Reason]:
            reasons = ", ".join(f"{each.value} ({each.name.lower().replace('_', ' ')})" for each in Reason)
            raise ValueError(f"reason={reason!r} is not one of {reasons}.")
        app = self._app(values)
        if not self._state.grants.remove(app.client_key, values["open_id"], Reason(reason)):
            raise ValueError(f"open_id={values['open_id']!r} has no grant for {app.client_key}; sign in first.")

    def expire(self, values: Values) -> int:
        """End one token, or with `open_id` the access tokens of a person. Return the number of ended tokens."""
        check_values(values, optional=("token", "open_id", "client_key"))
        grants = self._state.grants
        if "token" in values:
            ended = int(grants.expire(values["token"]))
        else:
            check_values(values, required=("open_id",), optional=("client_key",))
            grant = grants.grants.get((self._app(values).client_key, values["open_id"]))
            active_tokens = [value for value, _ in grants.active_tokens(grant)] if grant else []
            ended = sum(grants.expire(value) for value in active_tokens if value.startswith("act."))
        if not ended:
            raise ValueError("No valid token matches; give its value or its id as token, or give an open_id.")
        return ended

    def send_webhook(self, values: Values) -> Delivery:
        check_values(values, required=("event",), optional=("client_key", "open_id", "content"))
        content = values.get("content")
        if content is not None and not isinstance(content, dict):
            raise ValueError(f"content={content!r} is not a JSON object.")
        open_id = values.get("open_id", next(iter(self._state.people)))
        return self._state.webhooks.send(self._app(values), values["event"], open_id, content)

    def decide_post(self, values: Values) -> None:
        """Publish a draft, let a post fail, or make a public post unavailable."""
        check_values(values, required=("publish_id", "outcome"), optional=("fail_reason",))
        publish_id, posts = values["publish_id"], self._state.posts
        outcomes: dict[str, Callable[[], None]] = {
            "publish": lambda: posts.publish(publish_id),
            "fail": lambda: posts.fail(publish_id, values.get("fail_reason", "internal")),
            "remove": lambda: posts.remove(publish_id),
        }
        if values["outcome"] not in outcomes:
            raise ValueError(f"outcome={values['outcome']!r} is unknown; {suggestion(values['outcome'], outcomes)}")
        outcomes[values["outcome"]]()

    def consent(self, values: Values) -> str:
        """Return the URL that the browser is sent to after this decision."""
        check_values(values, required=("authorization_url",), optional=("person", "scopes", "decision"))
        scopes = values.get("scopes")
        if scopes is not None and not (isinstance(scopes, list) and all(isinstance(scope, str) for scope in scopes)):
            raise ValueError(f"scopes={scopes!r} is not a list of strings.")
        person = values.get("person", next(iter(self._state.people)))
        decision = values.get("decision", "approve")
        return self._state.consent.decide_url(values["authorization_url"], person, scopes, decision)

    def _app(self, values: Values) -> App:
        apps = self._state.apps
        client_key = values.get("client_key", next(iter(apps)))
        if client_key not in apps:
            raise ValueError(f"client_key={client_key!r} is unknown; {suggestion(client_key, apps)}")
        return apps[client_key]


def check_values(values: Values, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> None:
    """Raise ValueError if a required value is missing, a name is unknown, or a value must be a string and is not."""
    known = (*required, *optional)
    for name in required:
        if name not in values:
            raise ValueError(f"{name} is missing; send {' and '.join(required)}.")
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{name} is unknown; {suggestion(name, known)}")
        if name in STRINGS and not isinstance(value, str):
            raise ValueError(f"{name}={value!r} is not a string.")
