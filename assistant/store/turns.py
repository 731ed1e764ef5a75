"""Questions and answers, thread by thread. A thread belongs to one account for ever."""

import re
import secrets
import time
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from assistant.errors import NotFound, TooManyQuestions
from assistant.store.tables import Thread, Turn
from assistant.text import is_text

_MINUTE = 60.0
_MARK = re.compile(r"\[\^\d+\]")
_OWNER = select(Thread.account).where(Thread.id == bindparam("thread"))


def open_turn(
    connection: Connection, account: str, question: str, thread: str | None, limit: int | None
) -> tuple[str, str]:
    """Note a question before it is answered; the ids of its thread and of the answer to come.

    NotFound: the thread is somebody else's or none. TooManyQuestions: `limit` were asked within a minute.
    """
    now = time.time()
    if limit is not None:
        recent = select(Turn.asked_at).where(Turn.account == account, Turn.asked_at > now - _MINUTE)
        times = connection.execute(recent.order_by(Turn.asked_at.desc()).limit(limit)).scalars().all()
        if len(times) >= limit:
            raise TooManyQuestions(max(1, round(times[-1] + _MINUTE - now)))
    if thread is None:
        thread = _new_id("t")
        connection.execute(insert(Thread).values(id=thread, account=account))
    # PostgreSQL can't even be asked for what is no text.
    elif not is_text(thread) or connection.execute(_OWNER, {"thread": thread}).scalar_one_or_none() != account:
        raise NotFound("没有这个对话，或它不属于您。")
    turn = _new_id("a")
    values = {"id": turn, "thread_id": thread, "account": account, "asked_at": now, "question": question}
    connection.execute(insert(Turn).values(values))
    return thread, turn


def close_turn(connection: Connection, turn: str, answer: dict[str, Any]) -> None:
    """Keep the answer as it was sent."""
    connection.execute(update(Turn).where(Turn.id == turn).values(answer=answer))


def stop_turn(connection: Connection, turn: str, answer: dict[str, Any]) -> None:
    """Keep the answer as far as it had been sent when it was stopped, marked as `stopped`."""
    close_turn(connection, turn, answer | {"stopped": True})


def earlier(connection: Connection, thread: str, most: int = 6) -> list[tuple[str, str]]:
    """The last answered questions of a thread with their answers' texts, without marks of citations, oldest first."""
    query = select(Turn.question, Turn.answer).where(Turn.thread_id == thread, Turn.answer.is_not(None))
    rows = connection.execute(query.order_by(Turn.asked_at.desc(), Turn.id).limit(most)).all()
    return [(asked, _MARK.sub("", kept["text"])) for asked, kept in reversed(rows) if not kept.get("stopped")]


def _new_id(kind: str) -> str:
    return kind + secrets.token_urlsafe(12)
