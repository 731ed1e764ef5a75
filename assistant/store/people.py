"""Accounts, teachers and their records. Every query on records starts at the caller's scope."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, false, func, or_, select

from assistant.identity import Account, Role, Scope
from assistant.rules.calculate import Record
from assistant.store.population import within
from assistant.store.tables import AccountRow, Credit, Teacher, Unit
from assistant.text import is_text

# Built once: a statement made anew would be compiled, or at least looked up, anew.
_RECORDS = (
    select(*(getattr(Credit, name) for name in Record._fields))
    .where(Credit.teacher_id == bindparam("teacher"))
    .order_by(Credit.completed_on, Credit.record_id)
)

_ACCOUNT = (
    select(AccountRow.role, AccountRow.teacher_id, AccountRow.unit, Teacher.unit)
    .outerjoin(Teacher, Teacher.teacher_id == AccountRow.teacher_id)
    .where(AccountRow.account == bindparam("account"))
)


class TeacherInfo(NamedTuple):
    """A teacher as far as answers need one."""

    teacher_id: str
    name: str
    unit: str
    employed_from: date
    employed_to: date | None


_TEACHER = [getattr(Teacher, name) for name in TeacherInfo._fields]
_ONE = select(*_TEACHER).where(Teacher.teacher_id == bindparam("teacher"))


def account(connection: Connection, name: str) -> Account | None:
    """The registered account of that name."""
    row = connection.execute(_ACCOUNT, {"account": name}).one_or_none()
    if row is None:
        return None
    role, teacher_id, unit, school = row
    return Account(name, Role(role), teacher_id, unit, school or unit or "")


def member(connection: Connection, userid: str) -> Account | None:
    """The account of a member of WeCom, whose userid's case makes no difference. None: nobody's, or more than one's."""
    if not is_text(userid):  # PostgreSQL can't even be asked for what is no text
        return None
    query = select(AccountRow.account).where(func.lower(AccountRow.wecom_userid) == userid.lower())
    names = connection.execute(query.limit(2)).scalars().all()
    return account(connection, names[0]) if len(names) == 1 else None


def any_account(connection: Connection) -> bool:
    """Whether anybody is registered at all."""
    return connection.execute(select(AccountRow.account).limit(1)).first() is not None


def accounts(connection: Connection) -> Sequence[tuple[str, str, str | None, str | None]]:
    """All accounts as (account, role, teacher's name, unit), for the demo's choice."""
    place = select(AccountRow.account, AccountRow.role, Teacher.name, Teacher.unit, AccountRow.unit)
    rows = connection.execute(place.outerjoin(Teacher, Teacher.teacher_id == AccountRow.teacher_id))
    return [(name, role, person, own or school) for name, role, person, school, own in rows]


def all_units(connection: Connection) -> list[str]:
    """The path of every place in the administrative tree."""
    return list(connection.execute(select(Unit.unit).order_by(Unit.unit)).scalars())


def teacher(connection: Connection, scope: Scope, teacher_id: str) -> TeacherInfo | None:
    """A teacher within the scope; None: outside, or nobody."""
    query = _ONE if scope.teacher_id == teacher_id else _ONE.where(_within(scope))
    row = connection.execute(query, {"teacher": teacher_id}).one_or_none()
    return None if row is None else TeacherInfo._make(row)


def teachers_called(connection: Connection, scope: Scope, name: str) -> list[TeacherInfo]:
    """The teachers within the scope of that name or number."""
    same = or_(Teacher.name == name, func.lower(Teacher.teacher_id) == name.lower())
    rows = connection.execute(select(*_TEACHER).where(same, _within(scope)).order_by(Teacher.teacher_id))
    return [TeacherInfo._make(row) for row in rows]


def records(connection: Connection, scope: Scope, teacher_id: str) -> list[Record]:
    """All records of a teacher within the scope, by date; none of anybody else's."""
    query = _RECORDS
    if scope.teacher_id != teacher_id:
        query = query.join(Teacher, Teacher.teacher_id == Credit.teacher_id).where(_within(scope))
    return list(map(Record._make, connection.execute(query, {"teacher": teacher_id}).all()))


def _within(scope: Scope) -> ColumnElement[bool]:
    """Oneself, and for administrators the teachers of their unit and below."""
    mine: list[ColumnElement[bool]] = []
    if scope.teacher_id is not None:
        mine.append(Teacher.teacher_id == scope.teacher_id)
    if scope.unit is not None:
        mine.append(within(scope.unit))
    return or_(false(), *mine)
