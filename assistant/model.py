"""A language model of the operator's choice: held to limits, left alone while it fails."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TypeVar

from assistant.events import Waiting
from assistant.pseudonyms import Pseudonyms
from assistant.results import Run

_T = TypeVar("_T")
_MOMENT = 0.25  # seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """What a question may cost at most, in seconds and characters. The defaults hold; tests choose smaller ones."""

    connect: float = 5.0  # a server that is there answers within a few hundred milliseconds
    silence: float = 20.0  # between two bytes; models think for a while before the first
    whole: float = 60.0  # whoever waits longer has gone away; the planner's answer still comes at once
    retries: int = 1  # of what may pass: no connection, 408, 409, 429, 5xx; the library waits before it
    characters: int = 200_000  # sent and received, a token each at worst: a dozen turns with long tables
    reply: int = 6_000  # characters of one reply; answers take a few hundred
    failures: int = 3  # in a row: then nobody waits for the model any more,
    rest: float = 60.0  # until this many seconds later one question tries it again


class ModelFailed(Exception):
    """The model gave nothing to go by: it can't be reached, breaks off, babbles, never ends. Says what, not whose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRun(Run):
    """A run that a language model drives: whom it may hear of, and how much."""

    people: Pseudonyms
    limits: Limits
    _spent: list[int] = field(default_factory=list)  # characters, call by call

    def spend(self, characters: int) -> None:
        """Note what is sent or received. ModelFailed: it is more than a question may cost."""
        self._spent.append(characters)
        if sum(self._spent) > self.limits.characters:
            raise ModelFailed("over its budget")


class Circuit:
    """Whether to ask a model at all: after some failures in a row not for a while, and then one question first."""

    def __init__(self, failures: int, rest: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`failures`: how many open it; `rest`: for how many seconds."""
        self._most, self._rest, self._clock = failures, rest, clock
        self._lock = threading.Lock()
        self._failed, self._until = 0, 0.0

    def admits(self) -> bool:
        """Whether the next question may go to the model; whoever may tells how it went."""
        with self._lock:
            if self._failed < self._most:
                return True
            if self._clock() < self._until:
                return False
            self._until = self._clock() + self._rest  # this one tries; the others wait for how it goes
            return True

    def tell(self, *, well: bool) -> None:
        """How a question that was admitted went."""
        with self._lock:
            self._failed = 0 if well else self._failed + 1
            if self._failed >= self._most:
                self._until = self._clock() + self._rest


@dataclass(frozen=True, slots=True)
class _Over:
    """No item is to come; `error`: why, if it shouldn't be so."""

    error: BaseException | None = None


def in_time(items: Generator[_T], seconds: float) -> Iterator[_T | Waiting]:
    """The items of a generator that runs in a thread of its own, so that nobody waits for it longer than `seconds`.

    `Waiting` whenever there is none for a moment. ModelFailed: the time is over. A generator that is left alone is
    closed when it next comes up with something.
    """
    told: queue.SimpleQueue[_T | _Over] = queue.SimpleQueue()
    left = threading.Event()

    def run() -> None:
        try:
            with closing(items):
                for item in items:
                    if left.is_set():
                        return
                    told.put(item)
            told.put(_Over())
        except BaseException as error:
            told.put(_Over(error))

    # In the caller's context: what is told of it belongs to the same request.
    threading.Thread(target=copy_context().run, args=(run,), name="xueshi-model", daemon=True).start()
    until = time.monotonic() + seconds
    try:
        while True:
            try:
                item = told.get(timeout=max(0.0, min(_MOMENT, until - time.monotonic())))
            except queue.Empty:
                if time.monotonic() >= until:
                    raise ModelFailed("out of time") from None
                yield Waiting()
                continue
            if not isinstance(item, _Over):
                yield item
            elif item.error:
                raise item.error
            else:
                return
    finally:
        left.set()
