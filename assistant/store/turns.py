"""Questions and answers, thread by thread. A thread belongs to one account for ever."""

import re
import secrets
import time
from collections.abc import Collection
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, union_all, update

from assistant.errors import NotFound, TooManyQuestions
from assistant.store.tables import Feedback, RunEvent, RunRow, SpentRow, Thread, Turn
from assistant.text import is_text

_MINUTE = 60.0
_MARK = re.compile(r"\[\^\d+\]")
# Built once: a statement made anew would be compiled, or at least looked up, anew.
_OWNER = select(Thread.account).where(Thread.id == bindparam("thread"))
_RECENT = union_all(
    *(
        select(table.asked_at).where(table.account == bindparam("account"), table.asked_at > bindparam("since"))
        for table in (Turn, SpentRow)
    )
)
_RECENT = _RECENT.order_by(_RECENT.selected_columns.asked_at.desc()).limit(bindparam("most"))
_NEW_THREAD, _NEW_TURN = insert(Thread), insert(Turn)
_CLOSE = update(Turn).where(Turn.id == bindparam("turn"))
_EARLIER = (
    select(Turn.question, Turn.answer)
    .where(Turn.thread_id == bindparam("thread"), Turn.answer.is_not(None))
    .order_by(Turn.asked_at.desc(), Turn.id)
    .limit(bindparam("most"))
)


class ThreadInfo(NamedTuple):
    """A thread: its first question, and when it was last asked in, in seconds since the epoch, UTC."""

    id: str
    question: str
    asked_at: float


class TurnInfo(NamedTuple):
    """A question and its answer as sent, None while there is none. `asked_at` in seconds since the epoch, UTC.

    `basis`: what the answer was made of; None where that wasn't kept. `run_id`: the run that is still answering.
    """

    id: str
    thread_id: str
    asked_at: float
    question: str
    answer: dict[str, Any] | None
    basis: dict[str, Any] | None
    run_id: str | None


_ANSWERING = and_(RunRow.answer_id == Turn.id, RunRow.ended_at.is_(None), Turn.answer.is_(None))
_TURN = select(Turn.id, Turn.thread_id, Turn.asked_at, Turn.question, Turn.answer, Turn.basis, RunRow.id).outerjoin(
    RunRow, _ANSWERING
)


def open_turn(
    connection: Connection, account: str, question: str, thread: str | None, limit: int | None
) -> tuple[str, str]:
    """Note a question before it is answered; the ids of its thread and of the answer to come.

    NotFound: the thread is somebody else's or none. TooManyQuestions: `limit` were asked within a minute.
    """
    now = time.time()
    if limit is not None:
        since = {"account": account, "since": now - _MINUTE, "most": limit}
        times = connection.execute(_RECENT, since).scalars().all()
        if len(times) >= limit:
            raise TooManyQuestions(max(1, round(times[-1] + _MINUTE - now)))
    if thread is None:
        thread = _new_id("t")
        connection.execute(_NEW_THREAD, {"id": thread, "account": account})
    else:
        _check_owner(connection, account, thread)
    turn = _new_id("a")
    values = {"id": turn, "thread_id": thread, "account": account, "asked_at": now, "question": question}
    connection.execute(_NEW_TURN, values)
    return thread, turn


def unanswered(connection: Connection, account: str, turn: str) -> str | None:
    """The thread of a question of the account's own that has no answer; None: there is no such question."""
    query = select(Turn.thread_id).where(Turn.id == turn, Turn.account == account, Turn.answer.is_(None))
    return connection.execute(query).scalar_one_or_none()


def named_thread(connection: Connection, account: str, name: str) -> str:
    """The account's own thread that goes by a name, begun where there is none; its id."""
    thread = "n" + sha256(f"{account}\0{name}".encode()).hexdigest()[:32]
    if connection.execute(_OWNER, {"thread": thread}).scalar_one_or_none() is None:
        connection.execute(insert(Thread).values(id=thread, account=account))
    return thread


def close_turn(connection: Connection, turn: str, answer: dict[str, Any], basis: dict[str, Any] | None = None) -> None:
    """Keep the answer as it was sent, and what it was made of."""
    values = {"answer": answer, "outcome": answer["outcome"]} | ({"basis": basis} if basis else {})
    connection.execute(_CLOSE, values | {"turn": turn})


def stop_turn(connection: Connection, turn: str, answer: dict[str, Any]) -> None:
    """Keep the answer as far as it had been sent when it was stopped, marked as `stopped`."""
    close_turn(connection, turn, answer | {"stopped": True})


def earlier(connection: Connection, thread: str, most: int = 6) -> list[tuple[str, str]]:
    """The last answered questions of a thread with their answers' texts, without marks of citations, oldest first."""
    rows = connection.execute(_EARLIER, {"thread": thread, "most": most}).all()
    return [(asked, _MARK.sub("", kept["text"])) for asked, kept in reversed(rows) if not kept.get("stopped")]


def threads(connection: Connection, account: str, limit: int) -> list[ThreadInfo]:
    """The account's threads, the one last asked in first."""
    last = func.max(Turn.asked_at)
    query = select(Turn.thread_id, last).where(Turn.account == account).group_by(Turn.thread_id)
    found = connection.execute(query.order_by(last.desc(), Turn.thread_id).limit(limit)).all()
    asked = select(Turn.thread_id, Turn.question).where(Turn.thread_id.in_([name for name, _ in found]))
    rows = connection.execute(asked.order_by(Turn.asked_at.desc(), Turn.id.desc()))
    first = {row.thread_id: row.question for row in rows}  # of each thread the last row counts: its first question
    return [ThreadInfo(name, first[name], at) for name, at in found]


def turns(connection: Connection, account: str, thread: str) -> list[TurnInfo]:
    """What was asked and answered in a thread of the account's own, oldest first. NotFound."""
    _check_owner(connection, account, thread)
    rows = connection.execute(_TURN.where(Turn.thread_id == thread).order_by(Turn.asked_at, Turn.id))
    return [TurnInfo._make(row) for row in rows]


def turn(connection: Connection, account: str, answer_id: str) -> TurnInfo:
    """The question that an answer of the account's own was given to. NotFound: there is none, or none yet."""
    query = _TURN.where(Turn.id == answer_id, Turn.account == account, Turn.answer.is_not(None))
    row = connection.execute(query).one_or_none() if is_text(answer_id) else None
    if row is None:
        raise NotFound("没有这个回答，或它不属于您。")
    return TurnInfo._make(row)


def kept(connection: Connection, account: str, answer_ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """Of answers of the account's own, by their ids, the thread and the text without marks; others are left out."""
    query = select(Turn.id, Turn.thread_id, Turn.answer).where(Turn.account == account, Turn.id.in_(answer_ids))
    rows = connection.execute(query.where(Turn.answer.is_not(None)))
    return {row.id: (row.thread_id, _MARK.sub("", row.answer["text"])) for row in rows}


def newest(connection: Connection, thread: str) -> str | None:
    """The id of the last answer of a thread, given or to come."""
    query = select(Turn.id).where(Turn.thread_id == thread).order_by(Turn.asked_at.desc(), Turn.id.desc())
    return connection.execute(query.limit(1)).scalar_one_or_none()


def delete_thread(connection: Connection, account: str, thread: str) -> None:
    """Delete a thread of the account's own with all that hangs on it. NotFound.

    What was asked within a minute counts to the rate limit all the same.
    """
    _check_owner(connection, account, thread)
    since = time.time() - _MINUTE
    connection.execute(delete(SpentRow).where(SpentRow.account == account, SpentRow.asked_at <= since))
    recent = select(Turn.account, Turn.asked_at).where(Turn.thread_id == thread, Turn.asked_at > since)
    connection.execute(insert(SpentRow).from_select(["account", "asked_at"], recent))
    answers = select(Turn.id).where(Turn.thread_id == thread)
    of_it = select(RunRow.id).where(RunRow.answer_id.in_(answers))
    connection.execute(delete(RunEvent).where(RunEvent.run_id.in_(of_it)))
    connection.execute(delete(RunRow).where(RunRow.answer_id.in_(answers)))
    connection.execute(delete(Feedback).where(Feedback.answer_id.in_(answers)))
    connection.execute(delete(Turn).where(Turn.thread_id == thread))
    connection.execute(delete(Thread).where(Thread.id == thread))


def _check_owner(connection: Connection, account: str, thread: str) -> None:
    # PostgreSQL can't even be asked for what is no text.
    if not is_text(thread) or connection.execute(_OWNER, {"thread": thread}).scalar_one_or_none() != account:
        raise NotFound("没有这个对话，或它不属于您。")


def _new_id(kind: str) -> str:
    return kind + secrets.token_urlsafe(12)
