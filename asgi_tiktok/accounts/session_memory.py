"""Session memory: the sessions that one event loop has opened, so that a request need not ask the store.

A session is served from memory only while there is proof that the notice of its end would have arrived:

- An echo that was sent less than `bound` seconds ago has come back through the channel. Notices and echoes keep their
  order, so every notice that the store sent before that echo has been handled.
- The session was read less than `max_age` seconds ago, in case a notice was lost without a trace.
- It was read after the subscription began, and after the last notice for it.

Without that proof the store is asked, and memory saves only the verification of the cookie and the decryption.
"""

import os
import time
from asyncio import AbstractEventLoop
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from asgi_tiktok.accounts.session_record import Session
from asgi_tiktok.clock import uptime
from asgi_tiktok.event_loop import current_loop
from asgi_tiktok.stores import Channel, NotifyingStore, PeekingStore, Store

MAX_BYTES = 4096  # of records, for each session that may be kept
MAX_LINE = 1024  # bytes of a Cookie header that is remembered
SLOTS = 4096  # for the times of notices
VISIBLE_AFTER = 1.0  # seconds in which a read may still return what a notice has reported as ended, as from a replica
SESSION_MEMORY = 10_000  # sessions of each event loop
MEMORY_AGE = 10  # seconds
MAX_OPENED = 2_000  # sessions that are kept without proof, if session memory is off
TOUCH_INTERVAL = 5 * 60  # seconds

Callback = Callable[[], object]
Peek = Callable[[str], bytes | None]


@dataclass(slots=True)
class Entry:
    """A session that is kept, and the times up to which it may be served."""

    session: Session
    fresh_until: float  # by `uptime`
    due_at: float  # seconds since the epoch, at which the session ends or must be touched
    line: bytes | None = None  # the Cookie header of its last request
    shared: Any = None  # what the middleware gives to every request with this header


class SessionMemory:
    """The sessions of one event loop, by the names of their records. It listens to the loop's channel."""

    def __init__(
        self,
        loop: AbstractEventLoop | None,
        store: NotifyingStore | None,
        peek: Peek | None,
        *,
        max_sessions: int,
        bound: float,
        max_age: float,
    ) -> None:
        self.loop = loop
        self.store = store
        self.peek = peek
        self.max_sessions = max_sessions
        self.bound = bound
        self.max_age = max_age
        self.channel: Channel | None = None
        self.entries: OrderedDict[str, Entry] = OrderedDict()
        self.lines: dict[bytes, Entry] = {}
        self.size = 0  # bytes of all records
        self.proved_until = 0.0  # by `uptime`
        self.began_at = uptime()
        # By the hash of the record's name or of the user's open_id. Those that share a slot cost lookups, but no
        # number of notices takes more memory.
        self.noticed_at = [-VISIBLE_AFTER] * SLOTS
        self.watchers: dict[str, set[Callback]] = {}
        all_memories.add(self)

    def get(self, name: str) -> Session | None:
        """Return the session with this name, if there is proof that it has not ended."""
        entry = self.entries.get(name)
        return entry.session if entry is not None and self.is_proved(entry) else None

    def is_proved(self, entry: Entry) -> bool:
        """Return whether the session has not ended, as far as can be known without waiting."""
        if self.peek is not None:
            return time.time() < entry.due_at and self.peek(entry.session.name) == entry.session.record
        now = uptime()
        if now < self.proved_until and now < entry.fresh_until and time.time() < entry.due_at:
            self.entries.move_to_end(entry.session.name)
            return True
        return False

    def opened(self, name: str) -> Session | None:
        """Return the session as it was read last. It may have ended."""
        entry = self.entries.get(name)
        return None if entry is None else entry.session

    def keep(self, session: Session, *, read_at: float) -> None:
        """Keep a session that was read. `read_at` is the time before the store was asked (`uptime`)."""
        name = session.name
        self.forget(name)
        due_at = min(session.ends_at, session.seen_at + TOUCH_INTERVAL)
        self.entries[name] = Entry(session, read_at + self.max_age, due_at)
        self.size += len(session.record)
        # After the insertion, because another thread may report a notice at any time.
        noticed_at = max(self.noticed_at[slot_of(each)] for each in (name, session.user.open_id))
        if read_at <= max(self.began_at, noticed_at + VISIBLE_AFTER):
            self.forget(name)
        while len(self.entries) > self.max_sessions or self.size > self.max_sessions * MAX_BYTES:
            self.forget(next(iter(self.entries)))

    def remember(self, line: bytes, session: Session) -> None:
        """Find the session, if it is kept, at the next request with this Cookie header."""
        entry = self.entries.get(session.name)
        if entry is not None and len(line) <= MAX_LINE and (self.store or self.peek):
            self.forget_line(entry)
            entry.line, entry.shared, self.lines[line] = line, None, entry

    def forget_line(self, entry: Entry) -> None:
        if entry.line is not None:
            self.lines.pop(entry.line, None)

    def forget(self, name: str) -> None:
        """Drop a session."""
        entry = self.entries.pop(name, None)
        if entry is not None:
            self.forget_line(entry)
            self.size -= len(entry.session.record)

    def forget_user(self, open_id: str) -> None:
        """Drop all sessions of a user, and keep no read of one that has begun. Any thread may call it."""
        self.noticed_at[slot_of(open_id)] = uptime()
        for name, entry in list(self.entries.items()):
            if entry.session.user.open_id == open_id:
                self.notice(name)

    def notice(self, key: str) -> None:
        """Drop the session, keep no read of it that has begun, and call its watchers. Any thread may call it."""
        self.noticed_at[slot_of(key)] = uptime()
        if current_loop() is self.loop:
            self.end(key)
            return
        entry = self.entries.get(key)
        if entry is not None:
            entry.fresh_until = 0.0
        if self.loop is not None:
            with suppress(RuntimeError):  # The event loop has just been closed.
                self.loop.call_soon_threadsafe(self.end, key)

    def end(self, key: str) -> None:
        self.forget(key)
        for callback in tuple(self.watchers.get(key, ())):
            callback()

    def prove(self, sent_at: float) -> None:
        """Serve what is kept until `bound` seconds after this time."""
        self.proved_until = sent_at + self.bound

    def reset(self) -> None:
        """Drop everything, and keep no read that has begun."""
        self.proved_until = 0.0
        self.began_at = uptime()
        self.entries.clear()
        self.lines.clear()
        self.size = 0

    def needs_proof(self) -> bool:
        """Return whether a session is kept that may be served, after dropping those that are too old."""
        now = uptime()
        while self.entries and self.entries[name := next(iter(self.entries))].fresh_until < now:
            self.forget(name)
        return bool(self.entries)

    def watch(self, name: str, callback: Callback) -> None:
        """Call back in this event loop whenever a notice for the session arrives, until `unwatch`.

        If the notice may have arrived before, call back now.
        """
        self.open_channel()
        self.watchers.setdefault(name, set()).add(callback)
        if self.store is not None and self.get(name) is None:
            callback()

    def unwatch(self, name: str, callback: Callback) -> None:
        """Stop calling back."""
        callbacks = self.watchers.get(name, set())
        callbacks.discard(callback)
        if not callbacks:
            self.watchers.pop(name, None)

    def open_channel(self) -> None:
        """Open the channel, if the store has notices and the channel is not open yet."""
        if self.channel is None and self.store is not None:
            self.channel = self.store.open_channel(self, bound=self.bound)

    async def aclose(self) -> None:
        """Close the channel. It opens again when it is needed."""
        channel, self.channel = self.channel, None
        if channel is not None:
            await channel.aclose()
        self.reset()


class SessionMemories:
    """The session memory of each event loop of this process."""

    def __init__(self, store: Store, *, max_sessions: int, bound: float | None, max_age: float) -> None:
        self.store = store if max_sessions and isinstance(store, NotifyingStore) else None
        self.peek = store.peek if isinstance(store, PeekingStore) else None
        self.max_sessions = max_sessions or MAX_OPENED
        self.bound = bound if bound is not None else self.store.notice_bound if self.store else 0.0
        self.max_age = max_age
        self.memories: dict[AbstractEventLoop | None, SessionMemory] = {}

    def here(self) -> SessionMemory:
        """The session memory of the running event loop."""
        loop = current_loop()
        memory = self.memories.get(loop)
        if memory is None:
            for closed in [other for other in self.memories if other is not None and other.is_closed()]:
                del self.memories[closed]
            memory = self.memories[loop] = SessionMemory(
                loop, self.store, self.peek, max_sessions=self.max_sessions, bound=self.bound, max_age=self.max_age
            )
        return memory

    def recall(self, line: bytes) -> Entry | None:
        """Return the entry of a browser that sends this Cookie header, if nothing must be awaited for it."""
        memory = self.memories.get(current_loop())
        if memory is None or (entry := memory.lines.get(line)) is None or not memory.is_proved(entry):
            return None
        return entry

    def notice(self, name: str) -> None:
        """Drop a session everywhere in this process."""
        for memory in list(self.memories.values()):
            memory.notice(name)

    def forget_user(self, open_id: str) -> None:
        """Drop all sessions of a user everywhere in this process."""
        for memory in list(self.memories.values()):
            memory.forget_user(open_id)

    async def aclose(self) -> None:
        """Close the channel of the running event loop. It opens again when it is needed."""
        memory = self.memories.pop(current_loop(), None)
        if memory is not None:
            await memory.aclose()


def slot_of(name: str) -> int:
    return hash(name) % SLOTS


def after_fork() -> None:
    """Drop everything in a forked process, which does not own the connections of its parent."""
    for memory in list(all_memories):
        memory.channel = None
        memory.reset()


all_memories: WeakSet[SessionMemory] = WeakSet()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=after_fork)
