"""Which words are somebody's name or number, as far as the asker may see."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, false, or_, select

from assistant.identity import Scope
from assistant.store.population import within
from assistant.store.tables import AccountRow, Credit, Teacher

_AT_ONCE = 5000  # words a statement: every database takes as many


class Named(NamedTuple):
    """Words that are names of people, and words that number people, their accounts or their records."""

    names: frozenset[str]
    numbers: frozenset[str]


def named(connection: Connection, scope: Scope, words: Collection[str]) -> Named:
    """Those of `words` that belong to somebody within the scope, as they are stored."""
    mine = _mine(scope)
    accounts = AccountRow.teacher_id == Teacher.teacher_id
    numbers = [
        select(Teacher.teacher_id).where(mine),
        select(Credit.record_id).join(Teacher).where(mine),
        select(AccountRow.account).join(Teacher, accounts).where(mine),
        select(AccountRow.wecom_userid).join(Teacher, accounts).where(mine),
    ]
    # No number is written in Chinese characters alone, and these are most of the words by far.
    marked = [word for word in words if not "\u3400" <= min(word) <= max(word) <= "\u9fff"]
    return Named(
        frozenset(_found(connection, select(Teacher.name).where(mine), words)),
        frozenset(found for query in numbers for found in _found(connection, query, marked)),
    )


def _found(connection: Connection, query: Select[Any], words: Collection[str]) -> Iterator[str]:
    [column] = query.selected_columns
    rest = iter(words)
    while some := list(islice(rest, _AT_ONCE)):
        yield from connection.execute(query.where(column.in_(some)).distinct()).scalars()


def _mine(scope: Scope) -> ColumnElement[bool]:
    """Oneself, and for administrators the teachers of their unit and below."""
    unit = false() if scope.unit is None else within(scope.unit)
    return or_(unit, false() if scope.teacher_id is None else Teacher.teacher_id == scope.teacher_id)
