"""What is watched of the work, for whoever listens: counts and times for metrics and traces, nothing of anybody's.

Every word that is told is one of a few, none is a user's. Where nobody listens, telling costs next to nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

# Names the request that is being worked on, in logs and in the audit trail; None outside of one.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


@dataclass(frozen=True, slots=True)
class Answered:
    """A question was answered, in `seconds` from its first step to its last; or stopped: `outcome` says so.

    `by`: `model`, `planner` or, where it failed, `nobody`; `intent`: as the planner read it, empty where it didn't.
    """

    outcome: str
    intent: str
    by: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The guard refused a draft of `by`: `model` or `planner`."""

    by: str


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A search found clauses, the best of them this close to the query in meaning; None: it found none."""

    best: float | None


@dataclass(frozen=True, slots=True)
class ModelGaveUp:
    """The language model gave nothing to go by."""


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows of a kind of record file were imported; `change`: `added`, `updated` or `unchanged`."""

    kind: str
    change: str
    rows: int


Fact = Answered | Refused | Retrieved | ModelGaveUp | Imported


class Watcher(Protocol):
    """Somebody who listens. Must be quick, and must not fail."""

    def told(self, fact: Fact) -> None:
        """Something happened."""

    def stage(self, name: str) -> AbstractContextManager[object]:
        """A part of the work begins and ends."""


_watchers: list[Watcher] = []


def listen(watcher: Watcher) -> None:
    """Have somebody told from now on, once however often they ask."""
    if watcher not in _watchers:
        _watchers.append(watcher)


def leave(watcher: Watcher) -> None:
    """Tell somebody no more."""
    if watcher in _watchers:
        _watchers.remove(watcher)


def tell(fact: Fact) -> None:
    """Tell whoever listens."""
    for watcher in _watchers:
        watcher.told(fact)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """What is done within is a part of the work, called so."""
    with ExitStack() as watched:
        for watcher in _watchers:
            watched.enter_context(watcher.stage(name))
        yield


def staged(name: str) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """A function whose calls are a part of the work, called so."""

    def decorated(function: Callable[_P, _T]) -> Callable[_P, _T]:
        @wraps(function)
        def watched(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            with stage(name):
                return function(*args, **kwargs)

        return watched

    return decorated
