"""Runs and the events of their streams. Each belongs to the account that asked and, while it lasts, to one process."""

import secrets
import time
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from assistant.errors import NotFound
from assistant.store.tables import RunEvent, RunRow, Turn
from assistant.text import is_text

KEPT = 600.0  # seconds after a run's end until its events are gone
SILENT = 30.0  # seconds without a sign of life after which the process that answers is taken for dead
# What a dead process told its own readers may never have been written down: no number is given twice.
_BEYOND = 10_000

Numbered = tuple[int, str]  # an event's number and data


class RunInfo(NamedTuple):
    """A run, what was asked and what will be answered. Times in seconds since the epoch, UTC."""

    id: str
    answer_id: str
    thread_id: str
    question: str
    beat_at: float
    ended_at: float | None
    asked_at: float

    @property
    def is_expired(self) -> bool:
        """Whether its events are gone, or may be at any moment."""
        return self.ended_at is not None and self.ended_at < time.time() - KEPT

    @property
    def is_lost(self) -> bool:
        """Whether the process that answers seems to have died."""
        return self.ended_at is None and self.beat_at < time.time() - SILENT


_RUN = select(
    RunRow.id, RunRow.answer_id, Turn.thread_id, Turn.question, RunRow.beat_at, RunRow.ended_at, Turn.asked_at
).join(Turn, Turn.id == RunRow.answer_id)


def open_run(connection: Connection, account: str, answer_id: str, key: str | None) -> str:
    """Note a run that begins now; its id. `key`: None, or one that the account has never used."""
    run_id = "r" + secrets.token_urlsafe(12)
    values = {"id": run_id, "answer_id": answer_id, "account": account, "key": key, "stopping": False}
    connection.execute(insert(RunRow).values(beat_at=time.time(), **values))
    return run_id


def called(connection: Connection, account: str, key: str) -> RunInfo | None:
    """The run that an account began under a key."""
    row = connection.execute(_RUN.where(RunRow.account == account, RunRow.key == key)).one_or_none()
    return None if row is None else RunInfo._make(row)


def run(connection: Connection, account: str, run_id: str) -> RunInfo:
    """A run of the account's own. NotFound: it is somebody else's, or there is none."""
    query = _RUN.where(RunRow.id == run_id, RunRow.account == account)
    # PostgreSQL can't even be asked for what is no text.
    row = connection.execute(query).one_or_none() if is_text(run_id) else None
    if row is None:
        raise NotFound("没有这次回答，或它不属于您。")
    return RunInfo._make(row)


def state(connection: Connection, run_id: str) -> RunInfo | None:
    """A run, for whoever has been let in; None: it has been deleted since."""
    row = connection.execute(_RUN.where(RunRow.id == run_id)).one_or_none()
    return None if row is None else RunInfo._make(row)


def events(connection: Connection, run_id: str, after: int) -> list[Numbered]:
    """The events of a run behind number `after`, in order."""
    query = select(RunEvent.number, RunEvent.data).where(RunEvent.run_id == run_id, RunEvent.number > after)
    return [(row.number, row.data) for row in connection.execute(query.order_by(RunEvent.number))]


def keep(connection: Connection, run_id: str, fresh: Sequence[Numbered], over: bool) -> bool:
    """Write down a run's next events and that its process lives; `over`: they are its last.

    False, and nothing is written: it has been deleted, or taken for lost.
    """
    values = {"beat_at": time.time()} | ({"ended_at": time.time()} if over else {})
    mine = update(RunRow).where(RunRow.id == run_id, RunRow.ended_at.is_(None))
    if not connection.execute(mine.values(values)).rowcount:
        return False
    _add(connection, run_id, fresh)
    return True


def lose(connection: Connection, run_id: str, last: Sequence[str]) -> None:
    """End a run whose process has died with these events; nothing is done if it lives after all."""
    silent = update(RunRow).where(RunRow.id == run_id, RunRow.ended_at.is_(None), RunRow.beat_at < time.time() - SILENT)
    if connection.execute(silent.values(ended_at=time.time())).rowcount:
        newest = connection.scalar(select(func.max(RunEvent.number)).where(RunEvent.run_id == run_id)) or 0
        _add(connection, run_id, list(enumerate(last, newest + _BEYOND)))


def stop(connection: Connection, run_id: str) -> None:
    """Ask for a run to be stopped, whichever process answers."""
    connection.execute(update(RunRow).where(RunRow.id == run_id).values(stopping=True))


def stopping(connection: Connection, run_ids: Collection[str]) -> set[str]:
    """Those of some runs that shall stop."""
    query = select(RunRow.id).where(RunRow.id.in_(run_ids), RunRow.stopping)
    return set(connection.execute(query).scalars())


def purge(connection: Connection) -> None:
    """Delete the events that are no longer kept. Runs stay, so that their keys aren't used again."""
    over = select(RunRow.id).where(RunRow.id == RunEvent.run_id, RunRow.ended_at < time.time() - KEPT)
    connection.execute(delete(RunEvent).where(over.exists()))


def _add(connection: Connection, run_id: str, fresh: Sequence[Numbered]) -> None:
    if fresh:
        rows = [{"run_id": run_id, "number": number, "data": data} for number, data in fresh]
        connection.execute(insert(RunEvent), rows)
