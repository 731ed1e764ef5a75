"""The audit trail: who saw whose records, who brought some in or took some out. Lines are added, never changed."""

import time
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, insert, or_, select

from assistant.store.tables import AuditRow, Teacher
from assistant.watch import request_id

ERASED = "-"  # stands where somebody was named who has been erased
KEPT = 180  # days that a line is kept at least: half a year, as Chinese law asks of logs (Cybersecurity Law, art. 21)


class Act(StrEnum):
    """What is noted."""

    QUESTION = "question"  # an answer was made of others' records
    ROSTER = "roster"  # teachers of a unit, one by one
    EXPORT = "export"  # the same as a file
    FEEDBACK = "feedback"  # what people of a unit said and asked
    IMPORT = "import"
    UNDO = "undo"
    REMIND = "remind"
    TOKEN = "token"  # noqa: S105  an act
    ERASE = "erase"


class Line(NamedTuple):
    """A line of the trail, as `AuditRow` tells it."""

    at: float
    act: str
    account: str | None
    teacher_id: str | None
    unit: str | None
    subject: str | None
    request: str | None


def note(
    connection: Connection,
    act: Act,
    account: str | None,
    *,
    teacher_id: str | None = None,
    unit: str | None = None,
    subject: str | None = None,
) -> None:
    """Add a line. Whatever it is about must not happen where this fails: call it before, or in one transaction."""
    values = {"at": time.time(), "act": act, "account": account, "teacher_id": teacher_id, "unit": unit}
    connection.execute(insert(AuditRow).values(subject=subject, request=request_id.get(), **values))


def lines(
    connection: Connection, account: str | None = None, about: str | None = None, since: float | None = None
) -> list[Line]:
    """The trail, latest first: of one account, about one teacher, from a time on.

    About a teacher are also the lines of all teachers of a unit that the teacher belongs to now.
    """
    query = select(*(getattr(AuditRow, name) for name in Line._fields)).order_by(AuditRow.id.desc())
    if account is not None:
        query = query.where(AuditRow.account == account)
    if about is not None:
        school = connection.execute(select(Teacher.unit).where(Teacher.teacher_id == about)).scalar_one_or_none()
        whole = AuditRow.teacher_id.is_(None) & AuditRow.unit.in_(_upwards(school))
        query = query.where(or_(AuditRow.teacher_id == about, whole))
    if since is not None:
        query = query.where(AuditRow.at >= since)
    return [Line._make(row) for row in connection.execute(query)]


def _upwards(unit: str | None) -> list[str]:
    """A unit and those that it lies in."""
    parts = unit.split("/") if unit else []
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
