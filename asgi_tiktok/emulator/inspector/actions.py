"""What somebody at the inspector or a test in any language may do to the emulator."""

import math
from collections.abc import Mapping
from typing import Any

from asgi_tiktok.emulator.endpoints.webhooks import Delivery
from asgi_tiktok.emulator.state import State
from asgi_tiktok.emulator.world.apps import App
from asgi_tiktok.emulator.world.faults import OPTIONS, Fault
from asgi_tiktok.emulator.world.grants import Reason
from asgi_tiktok.emulator.world.suggestions import suggestion

Values = Mapping[str, Any]
TEXTS = ("client_key", "open_id", "token", "event", "endpoint", "kind", "person", "decision", "authorization_url")


class Actions:
    """Each takes plain values, checks them, and raises ValueError with one sentence when they do not fit."""

    def __init__(self, state: State) -> None:
        self.state = state

    def add_fault(self, values: Values) -> Fault:
        checked(values, needs=("endpoint", "kind"), may=("times", *OPTIONS))
        return self.state.faults.add(**values)

    def move_clock(self, values: Values) -> None:
        checked(values, needs=("move",))
        seconds = values["move"]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
            raise ValueError(f"move={seconds!r} is not a number of seconds.")
        self.state.clock.move(seconds)

    def revoke(self, values: Values) -> None:
        """End a grant; the app hears of it by webhook, when it has a webhook URL."""
        checked(values, needs=("open_id",), may=("client_key", "reason"))
        reason = values.get("reason", Reason.DISCONNECTED.value)
        if type(reason) is not int or reason not in [*Reason]:
            reasons = ", ".join(f"{each.value} ({each.name.lower().replace('_', ' ')})" for each in Reason)
            raise ValueError(f"reason={reason!r} is not one of {reasons}.")
        app = self._app(values)
        if not self.state.grants.remove(app.client_key, values["open_id"], Reason(reason)):
            raise ValueError(f"{values['open_id']!r} has not consented to {app.client_key}, or not any more.")

    def expire(self, values: Values) -> int:
        """End one living token, or with `open_id` the access tokens of a person; how many."""
        checked(values, may=("token", "open_id", "client_key"))
        grants = self.state.grants
        if "token" in values:
            ended = int(grants.expire(values["token"]))
        else:
            checked(values, needs=("open_id",), may=("client_key",))
            grant = grants.grants.get((self._app(values).client_key, values["open_id"]))
            living = [value for value, _ in grants.living(grant)] if grant else []
            ended = sum(grants.expire(value) for value in living if value.startswith("act."))
        if not ended:
            raise ValueError("No such token is alive; name one by its value or its id, or give an open_id.")
        return ended

    def send_webhook(self, values: Values) -> Delivery:
        checked(values, needs=("event",), may=("client_key", "open_id", "content"))
        content = values.get("content")
        if content is not None and not isinstance(content, dict):
            raise ValueError(f"content={content!r} is not a JSON object.")
        open_id = values.get("open_id", next(iter(self.state.people)))
        return self.state.webhooks.send(self._app(values), values["event"], open_id, content)

    def consent(self, values: Values) -> str:
        """The address that the browser of a person who decides so is sent to."""
        checked(values, needs=("authorization_url",), may=("person", "scopes", "decision"))
        scopes = values.get("scopes")
        if scopes is not None and not (isinstance(scopes, list) and all(isinstance(scope, str) for scope in scopes)):
            raise ValueError(f"scopes={scopes!r} is not a list of texts.")
        person = values.get("person", next(iter(self.state.people)))
        decision = values.get("decision", "approve")
        return self.state.consent.answer_url(values["authorization_url"], person, scopes, decision)

    def _app(self, values: Values) -> App:
        apps = self.state.apps
        client_key = values.get("client_key", next(iter(apps)))
        if client_key not in apps:
            raise ValueError(f"client_key={client_key!r} is no app here; {suggestion(client_key, apps)}")
        return apps[client_key]


def checked(values: Values, *, needs: tuple[str, ...] = (), may: tuple[str, ...] = ()) -> None:
    """ValueError unless the values have the names that they need, no others, and texts where texts belong."""
    known = (*needs, *may)
    for name in needs:
        if name not in values:
            raise ValueError(f"{name} is missing; send {' and '.join(needs)}.")
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{name} is not known here; {suggestion(name, known)}")
        if name in TEXTS and not isinstance(value, str):
            raise ValueError(f"{name}={value!r} is not a text.")
