"""Reminders: who gets them where, who was sent one when, and who doesn't want any."""

import time
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from assistant.store.population import within
from assistant.store.tables import AccountRow, ReminderRow, Teacher

WEEK = 7 * 86400.0  # seconds that lie between two reminders of one teacher, at least


class Barred(StrEnum):
    """Why a teacher isn't reminded now."""

    OFF = "off"  # opted out
    RECENT = "recent"  # reminded within the week
    UNSURE = "unsure"  # the same, but it isn't known whether the message went out


class Recipient(NamedTuple):
    """Where a teacher is reminded: the account whose plan it is, and its holder's userid in WeCom."""

    account: str
    userid: str


_ROW = select(ReminderRow.off, ReminderRow.sent_at, ReminderRow.sure)


def recipients(connection: Connection, unit: str) -> dict[str, Recipient]:
    """The teachers of a unit and below who can be written to, by number.

    A userid that stands with two accounts is nobody's: what is one person's must not reach another.
    """
    folded = func.lower(AccountRow.wecom_userid)
    # Without the condition the many without a userid would be one that is shared, and NOT IN be true of nobody.
    shared = select(folded).where(folded.is_not(None)).group_by(folded).having(func.count() > 1)
    query = select(AccountRow.teacher_id, AccountRow.account, AccountRow.wecom_userid)
    query = query.join(Teacher, Teacher.teacher_id == AccountRow.teacher_id)
    query = query.where(within(unit), folded.not_in(shared)).order_by(AccountRow.account.desc())
    rows = connection.execute(query)
    return {teacher: Recipient(account, userid) for teacher, account, userid in rows if teacher and userid}


def reachable(connection: Connection) -> int:
    """How many accounts are a member's of WeCom."""
    return connection.scalar(select(func.count(AccountRow.wecom_userid)).where(AccountRow.wecom_userid != "")) or 0


def barred(connection: Connection, unit: str) -> dict[str, Barred]:
    """Who of a unit and below isn't reminded now, by number; everybody else may be."""
    query = _ROW.add_columns(ReminderRow.teacher_id).join(Teacher, Teacher.teacher_id == ReminderRow.teacher_id)
    found = {teacher: _why(*row) for *row, teacher in connection.execute(query.where(within(unit)))}
    return {teacher: why for teacher, why in found.items() if why}


def claim(connection: Connection, teacher_id: str) -> bool:
    """Take it on to remind a teacher, before sending, so that nobody else does; False: not now (any more)."""
    row = connection.execute(_ROW.where(ReminderRow.teacher_id == teacher_id)).one_or_none()
    if row is not None and _why(*row):
        return False
    _put(connection, teacher_id, sent_at=time.time(), sure=False)
    return True


def settle(connection: Connection, teacher_id: str, sent: bool) -> None:
    """Note how the sending ended: the message went out, or certainly didn't, and the teacher may be reminded again."""
    _put(connection, teacher_id, sure=True, **({} if sent else {"sent_at": None}))


def is_on(connection: Connection, teacher_id: str) -> bool:
    """Whether a teacher is reminded at all."""
    return not connection.scalar(select(ReminderRow.off).where(ReminderRow.teacher_id == teacher_id))


def turn(connection: Connection, teacher_id: str, on: bool) -> None:
    """Opt in or out."""
    _put(connection, teacher_id, off=not on)


def _why(off: bool, sent_at: float | None, sure: bool) -> Barred | None:
    if off:
        return Barred.OFF
    if sent_at is None or sent_at <= time.time() - WEEK:
        return None
    return Barred.RECENT if sure else Barred.UNSURE


def _put(connection: Connection, teacher_id: str, **values: bool | float | None) -> None:
    # Writers come one at a time: nobody else adds the row in between.
    mine = update(ReminderRow).where(ReminderRow.teacher_id == teacher_id)
    if not connection.execute(mine.values(values)).rowcount:
        fresh = {"teacher_id": teacher_id, "off": False, "sent_at": None, "sure": True}
        connection.execute(insert(ReminderRow).values(fresh | values))
