"""What users say of answers: kept by the answer's owner, read by administrators of the owner's unit and above."""

import time
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, case, delete, false, func, insert, select
from sqlalchemy.orm import InstrumentedAttribute

from assistant.answer import Outcome
from assistant.errors import NotFound
from assistant.identity import Role, Scope
from assistant.store.population import within
from assistant.store.tables import AccountRow, Feedback, Teacher, Turn
from assistant.text import is_text

Rating = Literal["up", "down"]

# Where a rater works: what an administrator asked is the unit's, whichever school has their own records.
_PLACE = case((AccountRow.role == Role.TEACHER, Teacher.unit), else_=AccountRow.unit)


class Opinion(NamedTuple):
    """What the owner of an answer thinks of it. `at` in seconds since the epoch, UTC; `outcome` is the answer's."""

    answer_id: str
    account: str
    rating: Rating
    comment: str | None
    at: float
    question: str
    outcome: str


class Question(NamedTuple):
    """A question, whosever. `asked_at` in seconds since the epoch, UTC; `comment`: what is said of its answer."""

    question: str
    asked_at: float
    outcome: str
    comment: str | None


class Rated(NamedTuple):
    """An opinion with what it is of: the thread's questions up to this one, oldest first, and the answer as sent."""

    opinion: Opinion
    questions: list[str]
    answer: dict[str, Any]


def rate(connection: Connection, account: str, answer_id: str, rating: Rating, comment: str | None) -> None:
    """Keep what an account says of its own answer, in place of what it said before.

    NotFound: the answer is somebody else's, or there is none.
    """
    own = select(Turn.id).where(Turn.id == answer_id, Turn.account == account, Turn.answer.is_not(None))
    # PostgreSQL can't even be asked for what is no text.
    if not is_text(answer_id) or connection.execute(own).first() is None:
        raise NotFound("没有这个回答，或它不属于您。")
    connection.execute(delete(Feedback).where(Feedback.answer_id == answer_id))
    values = {"answer_id": answer_id, "account": account, "rating": rating, "comment": comment, "at": time.time()}
    connection.execute(insert(Feedback).values(values))


def withdraw(connection: Connection, account: str, answer_id: str) -> None:
    """Forget what an account said of its own answer; nothing is done where it said nothing."""
    mine = Feedback.answer_id == answer_id, Feedback.account == account
    if is_text(answer_id):  # PostgreSQL can't even be asked for what is no text
        connection.execute(delete(Feedback).where(*mine))


def opinions(connection: Connection, scope: Scope, limit: int) -> tuple[list[Opinion], int]:
    """The latest opinions of teachers and administrators of the scope's unit and below, and how many there are."""
    inside = _inside(scope)
    total = connection.scalar(_joined(select(func.count())).where(inside)) or 0
    rows = connection.execute(_opinions().where(inside).limit(limit))
    return [_opinion(row) for row in rows], total


def unanswered(connection: Connection, scope: Scope, limit: int) -> list[Question]:
    """The latest questions of the scope's unit and below that the corpus had nothing on."""
    return _questions_of(connection, scope, Turn.outcome == Outcome.NO_EVIDENCE, limit)


def disliked(connection: Connection, scope: Scope, limit: int) -> list[Question]:
    """The latest questions of the scope's unit and below whose answers were rated down."""
    return _questions_of(connection, scope, Feedback.rating == "down", limit)


def _questions_of(connection: Connection, scope: Scope, which: ColumnElement[bool], limit: int) -> list[Question]:
    columns: list[Any] = [Turn.question, Turn.asked_at, Turn.outcome, Feedback.comment]
    query = select(*columns).select_from(Turn).outerjoin(Feedback, Feedback.answer_id == Turn.id)
    query = _placed(query, Turn.account).where(which, _inside(scope))
    rows = connection.execute(query.order_by(Turn.asked_at.desc(), Turn.id).limit(limit))
    return [Question._make(row) for row in rows]


def every(connection: Connection) -> list[Rated]:
    """Every opinion, latest first, for the operator."""
    rows = connection.execute(_opinions().add_columns(Turn.thread_id, Turn.asked_at)).all()
    return [Rated(_opinion(row), _questions(connection, row.thread_id, row.asked_at), row.answer) for row in rows]


def _opinions() -> Select[Any]:
    columns = Feedback.answer_id, Feedback.account, Feedback.rating, Feedback.comment, Feedback.at
    query = _joined(select(*columns, Turn.question, Turn.answer))
    return query.order_by(Feedback.at.desc(), Feedback.answer_id)


def _joined(query: Select[Any]) -> Select[Any]:
    return _placed(query.select_from(Feedback).join(Turn, Turn.id == Feedback.answer_id), Feedback.account)


def _placed(query: Select[Any], account: ColumnElement[str] | InstrumentedAttribute[str]) -> Select[Any]:
    """The query with what tells where an account works."""
    query = query.outerjoin(AccountRow, AccountRow.account == account)
    return query.outerjoin(Teacher, Teacher.teacher_id == AccountRow.teacher_id)


def _inside(scope: Scope) -> ColumnElement[bool]:
    return false() if scope.unit is None else within(scope.unit, _PLACE)


def _opinion(row: Any) -> Opinion:
    return Opinion._make((*row[:6], row.answer["outcome"]))


def _questions(connection: Connection, thread: str, until: float) -> list[str]:
    query = select(Turn.question).where(Turn.thread_id == thread, Turn.asked_at <= until)
    return list(connection.execute(query.order_by(Turn.asked_at)).scalars())
