"""All interleavings of one session's life: read, kept, ended elsewhere, ended here, noticed, echoed, cut off.

A touch is to the memory the same as a read: what was written is kept, unless the session had ended.
The invariant is the promise of session memory: a session that ended more than `BOUND` ago is never served.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from asgi_tiktok.accounts import session_memory
from asgi_tiktok.accounts.session_memory import SessionMemory
from asgi_tiktok.accounts.session_record import Session
from asgi_tiktok.models import TikTokUser

BOUND = 2.0
TICK = 1.0
VISIBLE_AFTER = 1.0
NAME = "session:1"
SESSION = Session(TikTokUser(open_id="1"), (), {}, 0, 0, 10**9, NAME, b"record")


T = TypeVar("T")
Explore = Callable[[type[SessionMemory]], tuple[int, list[str]]]


@dataclass
class World:
    """One store, one process that reads, and everybody else. Every field is part of the state."""

    memory: SessionMemory
    now: float = 100.0
    ended_at: float | None = None
    read_at: float | None = None  # a read that has begun
    read: bool | None = None  # the answer on its way
    subscribed: bool = True
    wire: tuple[float | str, ...] = field(default=())  # on the way to the process, in order

    def clone(self) -> "World":
        memory = copied(self.memory)
        memory.entries = OrderedDict((name, copied(entry)) for name, entry in self.memory.entries.items())
        memory.noticed_at = [*self.memory.noticed_at]
        world = copied(self)
        world.memory = memory
        return world

    def key(self) -> tuple[object, ...]:
        """The state, with times relative to now, so that equal states are visited once."""
        memory, now = self.memory, self.now
        entry = memory.entries.get(NAME)
        times = (self.ended_at, self.read_at, memory.began_at, memory.noticed_at[0])
        return (
            # What happened longer ago than any limit is the same.
            *(None if time is None else max(time - now, -4) for time in times),
            max(memory.proved_until - now, 0),
            None if entry is None else max(entry.fresh_until - now, 0),
            self.read,
            self.subscribed,
            tuple(each if isinstance(each, str) else max(each - now, -BOUND) for each in self.wire),
        )

    def publish(self, message: float | str) -> None:
        if self.subscribed:
            self.wire += (message,)

    def actions(self) -> Iterator[Callable[["World"], None]]:
        yield World.tick
        if self.read_at is None:
            yield World.begin_read
        elif self.read is None:
            yield World.answer_read
            if self.ended_at is not None and self.now - self.ended_at < VISIBLE_AFTER:
                yield World.answer_read_from_a_replica
        else:
            yield World.finish_read
        if self.ended_at is None:
            yield World.end_elsewhere
            yield World.end_here
        if self.subscribed and len(self.wire) < 3:
            yield World.echo
        if self.wire:
            yield World.deliver
        if self.subscribed:
            yield World.cut
        else:
            yield World.notice_the_cut
            yield World.subscribe

    def tick(self) -> None:
        self.now += TICK

    def begin_read(self) -> None:
        self.read_at = self.now

    def answer_read(self) -> None:
        self.read = self.ended_at is None

    def answer_read_from_a_replica(self) -> None:
        self.read = True

    def finish_read(self) -> None:
        assert self.read_at is not None
        if self.read:
            self.memory.keep(SESSION, read_at=self.read_at)
        else:
            self.memory.forget(NAME)
        self.read_at = self.read = None

    def end_elsewhere(self) -> None:
        self.ended_at = self.now
        self.publish(NAME)

    def end_here(self) -> None:
        self.memory.notice(NAME)
        self.end_elsewhere()

    def echo(self) -> None:
        self.publish(self.now)

    def deliver(self) -> None:
        message, *rest = self.wire
        self.wire = tuple(rest)
        if isinstance(message, str):
            self.memory.notice(message)
        else:
            self.memory.prove(message)

    def cut(self) -> None:
        """The connection is lost with all that is on its way, and the process has not noticed."""
        self.subscribed, self.wire = False, ()

    def notice_the_cut(self) -> None:
        self.memory.reset()

    def subscribe(self) -> None:
        self.subscribed, self.wire = True, ()
        self.memory.reset()


class Clock:
    """The clock of the world whose action runs."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


clock = Clock()


def copied(instance: T) -> T:
    """A shallow copy, ten times as fast as the module copy."""
    new = object.__new__(type(instance))
    for name in getattr(instance, "__slots__", ()) or vars(instance):
        setattr(new, name, getattr(instance, name))
    return new


@pytest.fixture
def explore(monkeypatch: pytest.MonkeyPatch) -> Explore:
    """Run every sequence of actions, in all orders, until no new state is found.

    Returns the number of states in which the session was served, and the first history after which it
    must not have been.
    """
    monkeypatch.setattr(session_memory, "uptime", clock)
    monkeypatch.setattr("time.time", lambda: 200.0)
    monkeypatch.setattr(session_memory, "SLOTS", 1)
    monkeypatch.setattr(session_memory, "VISIBLE_AFTER", VISIBLE_AFTER)

    def run(kind: type[SessionMemory]) -> tuple[int, list[str]]:
        start = World(kind(None, None, None, max_sessions=1, bound=BOUND, max_age=3.0))
        start.tick()
        served = 0
        visited = {start.key()}
        waiting = deque([(start, list[str]())])
        while waiting:
            world, history = waiting.popleft()
            clock.now = world.now
            if world.memory.get(NAME) is not None:
                served += 1
                if world.ended_at is not None and world.now - world.ended_at >= BOUND:
                    return served, history
            for action in world.actions():
                after = world.clone()
                clock.now = after.now
                action(after)
                if (key := after.key()) not in visited:
                    visited.add(key)
                    waiting.append((after, [*history, action.__name__]))
        return served, []

    return run


def test_a_session_that_ended_longer_ago_than_the_bound_is_never_served(explore: Explore) -> None:
    served, wrong = explore(SessionMemory)

    assert wrong == []
    assert served > 100


class ProofOfTheArrival(SessionMemory):
    """An echo proves that the channel worked when it arrived."""

    def prove(self, sent_at: float) -> None:
        super().prove(clock())


class NoticesForEntriesOnly(SessionMemory):
    """A notice drops what is kept, and not what is being read."""

    def notice(self, key: str) -> None:
        self.forget(key)


class EntriesOfOlderSubscriptions(SessionMemory):
    """A new subscription begins with what the memory holds."""

    def reset(self) -> None:
        self.began_at = clock()


class ReadsOfOlderSubscriptions(SessionMemory):
    """A read that began before the subscription is kept."""

    def reset(self) -> None:
        began_at = self.began_at
        super().reset()
        self.began_at = began_at


@pytest.mark.soak
@pytest.mark.parametrize(
    "broken", [ProofOfTheArrival, NoticesForEntriesOnly, EntriesOfOlderSubscriptions, ReadsOfOlderSubscriptions]
)
def test_no_rule_can_be_left_out(explore: Explore, broken: type[SessionMemory]) -> None:
    _, wrong = explore(broken)

    assert wrong
