"""Reminders: whoever of a unit is short is told so, once a week at most, with the plan that closes the gap.

A teacher's week is taken before the message is sent, so that nobody is written to twice: not by two runs at a time, nor
by one after a kill. The one message that was under way then may be missing, and is listed as such.
"""

from collections.abc import Callable
from datetime import date
from typing import Protocol

from pydantic import BaseModel

from assistant.answer import Answer
from assistant.ask import Assistant
from assistant.compliance import TeacherRow, compliance
from assistant.store import audit, reminders
from assistant.store.audit import Act
from assistant.store.database import Database
from assistant.store.reminders import Barred


class Unsent(Exception):
    """A message can't be said to have gone out; the text says why and how to mend it, for whoever reminds.

    `certain`: it didn't go out, else nobody knows. `alone`: it is about this member, and others can still be reached.
    """

    def __init__(self, why: str, certain: bool, alone: bool) -> None:
        super().__init__(why)
        self.certain, self.alone = certain, alone


class Send(Protocol):
    """Tells a member of WeCom their own plan, or raises Unsent."""

    def __call__(self, userid: str, plan: Answer) -> None: ...


class Person(BaseModel):
    """A teacher of the report."""

    teacher_id: str
    name: str
    unit: str


class Failed(Person):
    """A teacher to whom nothing could be sent, and why."""

    why: str


class Report(BaseModel):
    """What a run did, in teachers. `due`: who could be reminded when it began, behind `after`; a dry run only counts.

    `unsure`: reminded within the week, but it isn't known whether the message went out. `next`: where the next run goes
    on behind, null: nobody is left. `stopped`: why nobody more could be reached.
    """

    unit: str
    dry_run: bool
    as_of: date
    short: int
    due: int
    sent: int = 0
    recent: int
    opted_out: int
    unregistered: list[Person]
    unsure: list[Person]
    failed: list[Failed] = []
    next: str | None = None
    stopped: str | None = None


def remind(
    assistant: Assistant,
    database: Database,
    send: Send,
    unit: str,
    today: date,
    *,
    dry_run: bool,
    account: str | None = None,
    after: str = "",
    most: int | None = None,
    advance: Callable[[int, int], None] = lambda done, of: None,
) -> Report:
    """Remind the teachers of a unit and below who are short this year and may be reminded now.

    In the order of their numbers, those behind `after`, at most `most` of them. `account`: the administrator who does
    so, None: the operator. `advance` is told how many of how many are done. NotFound: there is no such unit.
    """
    everyone = compliance(database, unit, today.year, "teacher", today).teachers
    with database.write() as connection:
        audit.note(connection, Act.REMIND, account, unit=unit)
    short = sorted((one for one in everyone if one.met is False), key=lambda one: one.teacher_id)
    with database.read() as connection:
        known, barred = reminders.recipients(connection, unit), reminders.barred(connection, unit)
    free = [one for one in short if one.teacher_id not in barred]
    due = [one for one in free if one.teacher_id in known and one.teacher_id > after]
    report = Report(
        unit=unit,
        dry_run=dry_run,
        as_of=today,
        short=len(short),
        due=len(due),
        recent=sum(barred.get(one.teacher_id) is Barred.RECENT for one in short),
        opted_out=sum(barred.get(one.teacher_id) is Barred.OFF for one in short),
        unregistered=[_person(one) for one in free if one.teacher_id not in known],
        unsure=[_person(one) for one in short if barred.get(one.teacher_id) is Barred.UNSURE],
    )
    for done, one in enumerate([] if dry_run else due[:most], 1):
        try:
            report.sent += _remind(assistant, database, send, one.teacher_id, known[one.teacher_id])
        except Unsent as unsent:
            if not unsent.certain:
                report.unsure.append(_person(one))
            elif unsent.alone:
                report.failed.append(Failed(why=str(unsent), **_person(one).model_dump()))
            if not unsent.alone:
                report.stopped = str(unsent)
                break
        report.next = one.teacher_id if done < len(due) else None
        advance(done, len(due))
    return report


def _remind(
    assistant: Assistant, database: Database, send: Send, teacher_id: str, recipient: reminders.Recipient
) -> bool:
    """Remind one teacher; False: there is no need any more, or somebody else does. Unsent: told, and noted."""
    plan = assistant.plan(assistant.account(recipient.account))
    made = plan.calculation
    if made is None or made.met or made.teacher_id != teacher_id:
        return False
    with database.write() as connection:
        if not reminders.claim(connection, teacher_id):
            return False
    try:
        send(recipient.userid, plan)
    except Unsent as unsent:
        if unsent.certain:
            with database.write() as connection:
                reminders.settle(connection, teacher_id, sent=False)
        raise
    with database.write() as connection:
        reminders.settle(connection, teacher_id, sent=True)
    return True


def _person(one: TeacherRow) -> Person:
    return Person(teacher_id=one.teacher_id, name=one.name, unit=one.unit)
